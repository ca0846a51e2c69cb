"""Colors of a run's clusters, one each wherever the cluster is seen."""

from ...models.labels import UNASSIGNED
from ...models.palette import COLORS, cluster_color
from .run import Run


def cluster_colors(run: Run) -> dict[int, str]:
    """Return the color of every cluster of a run; where they are many, those of a coarse group have shades of one.

    Args:
        run: the run

    Returns:
        ``#rrggbb`` by cluster id, -1 for noise and -2 for what has no cluster included
    """
    known = [*run.names, UNASSIGNED]
    groups = _groups(run) if max(known) >= len(COLORS) else {}
    return {cluster: cluster_color(cluster, groups.get(cluster)) for cluster in known}


def _groups(run: Run) -> dict[int, int]:
    """Return the coarse group of every cluster, empty without a coarse level."""
    return {int(cluster): group for cluster, group in ((run.results.get("coarse") or {}).get("of") or {}).items()}
