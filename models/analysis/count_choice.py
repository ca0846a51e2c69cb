"""The choice among the trials of a sweep over the number of clusters: coarse, natural and fine, with reasons."""

from dataclasses import dataclass

import numpy as np

# Scores within this of the best are a tie, which the smallest number wins
_TIE = 0.97
# Below these a number should not be believed
_STABLE, _APART = 0.5, 0.1


@dataclass(frozen=True)
class Trial:
    """One number of clusters tried.

    Args:
        value: the parameter: the number of clusters, or HDBSCAN's minimum cluster size
        n_clusters: how many clusters that gave
        silhouette: in [-1, 1], noise left out; None where undefined
        stability: agreement between halves, an adjusted Rand index
        calinski_harabasz: higher is better
        davies_bouldin: lower is better
        coding_length: bits per sample, lower is better
        coverage: the share of samples that have a cluster
    """

    value: int
    n_clusters: int
    silhouette: float | None
    stability: float
    calinski_harabasz: float | None
    davies_bouldin: float | None
    coding_length: float
    coverage: float = 1.0

    @property
    def score(self) -> float:
        """The score that decides: apart, found again, and not by leaving samples out."""
        return max(self.silhouette or 0, 0) * max(self.stability, 0) * self.coverage


def choose(trials: list[Trial]) -> dict:
    """Choose the three answers, and say why.

    Natural is the number with the best score, of several that are within 3 % of it the smallest; coarse and fine are
    the best of those at most half, and at least twice, as many.

    Args:
        trials: all trials

    Returns:
        a dict with "coarse", "natural", "fine", "values", "reasons" and "verdict"

    Raises:
        ValueError: if no trial has two clusters
    """
    usable = [trial for trial in trials if trial.n_clusters >= 2 and trial.silhouette is not None]
    if not usable:
        raise ValueError("no trial found two groups in these vectors; use method='kmeans' or reduce with UMAP")
    natural = _best(usable)
    few = [t for t in usable if t.n_clusters <= max(2, natural.n_clusters // 2) and t.n_clusters < natural.n_clusters]
    many = [t for t in usable if t.n_clusters >= 2 * natural.n_clusters]
    coarse, fine = _best(few) if few else natural, _best(many) if many else natural
    chosen = {"coarse": coarse, "natural": natural, "fine": fine}
    chosen = {name: _middle(trial, usable) for name, trial in chosen.items()}
    return {
        **{name: trial.n_clusters for name, trial in chosen.items()},
        "values": {name: trial.value for name, trial in chosen.items()},
        "reasons": {name: _reason(name, trial, chosen["natural"], usable) for name, trial in chosen.items()},
        "verdict": _verdict(natural),
    }


def _best(trials: list[Trial]) -> Trial:
    least = _TIE * max(trial.score for trial in trials)
    return min((trial for trial in trials if trial.score >= least), key=lambda t: (t.n_clusters, -t.score))


def _middle(trial: Trial, trials: list[Trial]) -> Trial:
    """Return the middle of the values that give the same clusters: small changes of the data will not matter."""
    same = [t for t in trials if t.n_clusters == trial.n_clusters and t.score >= _TIE * trial.score]
    return same[len(same) // 2]


def _verdict(natural: Trial) -> str:
    if natural.stability < _STABLE:
        return "none"
    return "weak" if (natural.silhouette or 0) < _APART else "clear"


def _reason(name: str, trial: Trial, natural: Trial, usable: list[Trial]) -> str:
    facts = f"silhouette {trial.silhouette:.3f}, agreement between halves {trial.stability:.2f}"
    facts += f", {1 - trial.coverage:.0%} noise" if trial.coverage < 1 else ""
    if name == "natural":
        lowest = min(usable, key=lambda t: np.inf if t.davies_bouldin is None else t.davies_bouldin)
        shortest = min(usable, key=lambda t: t.coding_length)
        also = f"Davies-Bouldin is best at {lowest.n_clusters}, the coding length at {shortest.n_clusters}"
        # of HDBSCAN, whose least size is swept, no largest number was set
        highest = trial.value == trial.n_clusters == max(t.n_clusters for t in usable) and len(usable) > 1
        edge = "; it is the largest number tried" if highest else ""
        return f"the smallest within 3 % of the best product of {facts}; {also}{edge}"
    if trial is natural:
        side = "half as many or fewer" if name == "coarse" else "twice as many or more"
        return f"the natural number again: none of {side} was tried"
    side = "at most half" if name == "coarse" else "at least twice"
    return f"the best of those {side} as many: {facts}"
