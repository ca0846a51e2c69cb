"""Words for what a cluster and a run are like, so that nobody has to know what a figure means.

The thresholds of the geometry follow from how its figures are defined, see :mod:`models.analysis.cohesion`, and from no
labels; those of the agreement with classes or another run are Steinley's (2004).
"""

from collections.abc import Iterable, Mapping

TIGHT = 0.5  # cohesion: the members' squared distances to their center are at most half of those of all samples
LOOSE = 0.2  # cohesion: they are more than four fifths of those
TOUCHES = 2.7  # separation: where a single ball was cut in two
ALONE = 4.0  # separation: above it there is a gap
_AGREEMENT = [
    (0.9, "excellent agreement"),
    (0.8, "good agreement"),
    (0.65, "moderate agreement"),
    (0.2, "poor agreement"),
    (-1.0, "hardly any agreement"),
]
_SURE = [(0.75, "sure"), (0.4, "fairly sure"), (0.1, "unsure"), (0.0, "a toss-up")]
AGREEMENT_HELP = "ARI above 0.9 is excellent, above 0.8 good, above 0.65 moderate (Steinley 2004)"
_AGAINST_CLASSES = {"acc": "accuracy", "nmi": "NMI", "ari": "ARI", "purity": "purity"}
_OF_VECTORS = {"silhouette": "silhouette", "neighbor_agreement": "neighbor agreement"}


def tightness(cohesion: float) -> str:
    """Return how wide a cluster is, in a word: ``tight``, ``fairly tight`` or ``loose``.

    Args:
        cohesion: see :class:`models.analysis.cohesion.Geometry`
    """
    if cohesion >= TIGHT:
        return "tight"
    return "loose" if cohesion < LOOSE else "fairly tight"


def likeness(separation: float, first: str, second: str) -> str:
    """Return what lies between two clusters that look alike, in words.

    Args:
        separation: see :class:`models.analysis.cohesion.Geometry`
        first: the name of one
        second: the name of the other
    """
    if separation > TOUCHES:
        return f"No gap lies between {first} and {second}"
    return f"{first} and {second} run into each other"


def isolation(separation: float, nearest: str) -> str:
    """Return how far a cluster is from the nearest one, in words.

    Args:
        separation: see :class:`models.analysis.cohesion.Geometry`
        nearest: the name of the nearest cluster
    """
    if separation > ALONE:
        return f"alone, nearest is {nearest}"
    return f"near {nearest}" if separation > TOUCHES else f"runs into {nearest}"


def sureness(confidence: float) -> str:
    """Return how sure a run is of the cluster of an image or patch, in words.

    Args:
        confidence: of its label, from 0 to 1
    """
    return next(words for least, words in _SURE if confidence >= least)


def agreement(ari: float) -> str:
    """Return how far two clusterings, or a clustering and classes, agree, in words.

    Args:
        ari: their adjusted Rand index
    """
    return next(words for least, words in _AGREEMENT if ari >= least)


def shape(clusters: Iterable[Mapping]) -> str:
    """Return what the clusters of a run are like together, such as ``8 tight, 2 loose, 3 without a gap to the next``.

    Args:
        clusters: their statistics, each with its ``cohesion`` and ``separation``, None where that is not known

    Returns:
        the words, empty if nothing is known
    """
    known = list(clusters)
    widths = [tightness(one["cohesion"]) for one in known if one.get("cohesion") is not None]
    counts = {words: widths.count(words) for words in ("tight", "fairly tight", "loose")}
    said = [f"{count:,} {words}" for words, count in counts.items() if count]
    touching = sum(one.get("separation") is not None and one["separation"] <= ALONE for one in known)
    return ", ".join([*said, *([f"{touching:,} without a gap to the next"] if touching else [])])


def figures(scores: Mapping[str, float | None], ground_truth: str | None) -> list[str]:
    """Return the figures behind the words on a run, a line for those of each kind that may be compared.

    Args:
        scores: scores by name, None where one is undefined
        ground_truth: the field of classes that it was scored against, None without
    """
    against, own = (
        ", ".join(f"{label} {scores[name]:.3f}" for name, label in names.items() if scores.get(name) is not None)
        for names in (_AGAINST_CLASSES, _OF_VECTORS)
    )
    lines = [f"Against {ground_truth or 'classes'}: {against}. {AGREEMENT_HELP}"] if against else []
    return [*lines, f"Only to be compared with runs on the same vectors: {own}"] if own else lines
