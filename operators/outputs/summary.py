"""Summary of a finished run for the App, the console and the run's information."""

from collections.abc import Iterable

from .verdicts import agreement

LARGEST = 12
MAIN_SCORES = ("silhouette", "acc", "nmi", "ari", "purity", "coverage", "neighbor_agreement")
WEAKEST = 8


def as_text(summary: dict) -> str:
    """Return a summary as Markdown that also reads well on a console.

    Args:
        summary: the result of ``compute_clusters``
    """
    lines = [
        f"**{summary['n_clusters']} clusters** of {summary['n_used']:,} {summary['unit']} "
        f"by {summary['method']}, run `{summary['run_key']}`",
        "",
        sizes_text(summary["sizes"], summary["n_used"]),
    ]
    if summary["skipped"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary["skipped"].items())
        lines += ["", f"Skipped: {reasons}"]
    if (ari := summary["scores"].get("ari")) is not None:
        lines += ["", f"**{agreement(ari).capitalize()}** with the ground truth"]
    if summary["scores"]:
        lines += ["", *score_table(summary["scores"], MAIN_SCORES), *many_to_one_text(summary["scores"])]
    if summary["recall"]:
        lines += ["", recall_text(summary["recall"])]
    lines += ["", seconds_text(summary["seconds"])]
    if summary["visualization"]:
        map_key, path = summary["visualization"], summary["color_by"]
        lines += ["", f"**Next:** in the Embeddings panel, open `{map_key}` and set *Color by* to `{path}`"]
    for note in summary["notes"]:
        lines += ["", f"Note: {note}"]
    return "\n".join(lines)


def sizes_text(sizes: dict, n_used: int) -> str:
    """Return the largest clusters with their sizes, and the noise."""
    clusters = sorted(((s, c) for c, s in sizes.items() if c != "noise"), reverse=True)
    shown = ", ".join(f"{cluster}: {size:,}" for size, cluster in clusters[:LARGEST])
    more = f" and {len(clusters) - LARGEST:,} smaller" if len(clusters) > LARGEST else ""
    noise = sizes.get("noise", 0)
    tail = f"; noise: {noise:,} ({100 * noise / n_used:.1f} %)" if noise else ""
    return f"Sizes: {shown or 'none'}{more}{tail}"


def score_table(scores: dict, names: Iterable[str] | None = None) -> list[str]:
    """Return the lines of a table with one column per score that could be computed.

    Args:
        scores: values by name, None where a score is undefined
        names (None): the scores to show, by default all
    """
    shown = {name: scores[name] for name in names or scores if scores.get(name) is not None}
    if not shown:
        return []
    rows = (shown, ["---"] * len(shown), (f"{value:,.3f}".removesuffix(".000") for value in shown.values()))
    return [f"| {' | '.join(row)} |" for row in rows]


def many_to_one_text(scores: dict) -> list[str]:
    """Explain the scores of a run with more or fewer clusters than classes; no lines if there are as many."""
    clusters, classes = scores.get("n_clusters"), scores.get("n_classes")
    if not classes or clusters == classes:
        return []
    surplus = "clusters" if clusters > classes else "classes"
    return [
        "",
        f"{clusters:.0f} clusters for {classes:.0f} classes: acc pairs them one to one, so that surplus {surplus} "
        f"count as wrong; many clusters to one class give {scores['purity']:.3f} (purity), many classes to one cluster "
        f"{scores['inverse_purity']:.3f} (inverse purity)",
    ]


def recall_text(recall: list) -> str:
    """Return the share of each class that its cluster has, ``recall`` as of a run: pairs of class and share."""
    weakest = sorted(recall, key=lambda pair: pair[1])
    shown = ", ".join(f"{name} {share:.2f}" for name, share in weakest[:WEAKEST])
    more = f" and {len(recall) - WEAKEST:,} higher" if len(recall) > WEAKEST else ""
    return f"Recall by class, one cluster each: {shown}{more}"


def seconds_text(seconds: dict) -> str:
    """Return the time that a job took, and its stages."""
    stages = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in seconds.items() if taken >= 0.05)
    return f"Took {sum(seconds.values()):.1f} s" + (f" ({stages})" if stages else "")
