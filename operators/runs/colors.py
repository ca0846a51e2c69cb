"""Colors of a run's clusters, one each wherever the cluster is seen, the App's color scheme included.

The color scheme has the colors of one run: the one that the user has chosen to see.
"""

from typing import Protocol

import fiftyone as fo

from ...models.labels import NOISE, UNASSIGNED
from ...models.palette import COLORS, cluster_color
from ..dataset.color_scheme import STORE, Colors, color_path, set_colors
from ..dataset.private import open_store
from ..execution.locks import schema_lock
from .clusters import COARSE
from .config import RunConfig
from .store import Results

_CHOSEN = "run"


class HasClusters(Protocol):
    """A run, opened to be read or to be edited."""

    dataset: fo.Dataset
    key: str
    config: RunConfig
    results: Results

    @property
    def names(self) -> dict[int, str]:
        """The names of the clusters by id."""


def cluster_colors(run: HasClusters) -> dict[int, str]:
    """Return the color of every cluster of a run; where they are many, those of a coarse group have shades of one.

    Args:
        run: the run

    Returns:
        ``#rrggbb`` by cluster id, -1 for noise and -2 for what has no cluster included
    """
    known = [*run.names, UNASSIGNED]
    groups = _coarse(run, "of") if max(known) >= len(COLORS) else {}
    return {cluster: cluster_color(cluster, groups.get(cluster)) for cluster in known}


def show_colors(run: HasClusters) -> None:
    """Write the colors of a run to the dataset's color scheme, in place of those of the run that was shown before."""
    with schema_lock(run.dataset):
        open_store(run.dataset, STORE).set(_CHOSEN, run.key)
        set_colors(run.dataset, _value_colors(run))


def follow_colors(run: HasClusters, was: str | None = None) -> None:
    """Bring the color scheme up to date with an edit of a run, if it is the run that is shown.

    Args:
        run: the run, as it is now; the caller holds the schema lock
        was (None): its key before it was renamed
    """
    store = open_store(run.dataset, STORE)
    if store.get(_CHOSEN) == (was or run.key):
        store.set(_CHOSEN, run.key)
        set_colors(run.dataset, _value_colors(run))


def forget_colors(dataset: fo.Dataset, key: str) -> None:
    """Take the colors of a run that was deleted from the color scheme; the caller holds the schema lock."""
    store = open_store(dataset, STORE)
    if store.get(_CHOSEN) == key:
        store.delete(_CHOSEN)
        set_colors(dataset, {})


def _value_colors(run: HasClusters) -> Colors:
    """Return the colors by the names that labels carry; of clusters with one name, the first has it."""
    colors, path = cluster_colors(run), run.config.label_path
    found = {color_path(path): {run.names[cluster]: colors[cluster] for cluster in sorted(run.names, reverse=True)}}
    if coarse := _coarse(run, "names"):
        of_groups = {str(name): cluster_color(group) for group, name in coarse.items()}
        of_groups |= {run.names[NOISE]: colors[NOISE]} if NOISE in run.names else {}
        place = color_path(f"{path}{COARSE}")
        found[place] = {**of_groups, **found.get(place, {})}
    return found


def _coarse(run: HasClusters, table: str) -> dict:
    """Return a table of the coarse level by number, empty without one."""
    return {int(key): value for key, value in ((run.results.get("coarse") or {}).get(table) or {}).items()}
