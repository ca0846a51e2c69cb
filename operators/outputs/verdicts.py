"""Words for the geometry of a cluster, so that nobody has to know what a figure means.

The thresholds follow from how the figures are defined, see :mod:`models.analysis.cohesion`, and from no labels.
"""

TIGHT = 0.5  # cohesion: the members' squared distances to their center are at most half of those of all samples
LOOSE = 0.2  # cohesion: they are more than four fifths of those
TOUCHES = 2.7  # separation: where a single ball was cut in two
ALONE = 4.0  # separation: above it there is a gap


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
