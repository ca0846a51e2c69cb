"""Edits of a run from Python: the function behind ``edit_clusters``."""

from typing import Any

import fiftyone as fo

from ...models.parameters import typed
from ...models.progress import Progress
from ..runs.clusters import check_cluster, cluster_id
from ..runs.run import Run
from ..runs.transaction import check_seen
from .base import apply_edit, get_edit


def edit_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    action: str,
    author: str = "user",
    version: int | None = None,
    progress: Progress | None = None,
    **arguments: Any,
) -> dict:
    """Edit the clusters of a run: in the run and in its label field, recorded, and undoable to any depth.

    Ids of clusters never change and are never used again; names are a different thing. What is done:

    - ``rename``: ``names`` by cluster id, on the ``level`` "fine" or "coarse"
    - ``merge``: ``clusters`` become one, with the id and name of the largest, or with ``name``
    - ``split``: ``cluster`` is clustered by ``method`` with ``params``, by default k-means into two; the largest group
      keeps its id
    - ``move``: ``ids``, or all of the view ``samples``, go to ``cluster``; to a new one called ``name`` without
    - ``confirm``: ``ids``, or all of the view ``samples``, stay where they are with confidence 1
    - ``keep_apart``: no two of ``clusters`` are suggested for a merger any more
    - ``dissolve``: the members of ``clusters`` become noise
    - ``absorb_noise``: noise, among ``ids`` or the view ``samples``, goes to the nearest cluster by the cosine to its
      center, if that is at least ``min_similarity``, by default 0.5
    - ``undo`` the last edit, ``redo`` what was undone

    Args:
        samples: the dataset, or a view; only what takes ``ids`` is limited to a view
        run_key: the run's key
        action: the name of an edit
        author ("user"): who edits, for the log
        version (None): the version that the caller saw, to be refused if the run was edited since
        progress (None): a callable ``(fraction, message)``, which may raise to stop; then all is as before
        **arguments: what the edit takes

    Returns:
        ``{"run_key", "action", "version", "n_changed", "clusters", "removed", "text"}``: the run's new version, how
        many labels changed, the records of touched clusters as they are now, the ids of those that are gone, and a
        sentence

    Raises:
        ValueError: if an argument is refused or another process edits the run; nothing is changed then
    """
    typed(edit_clusters, {"run_key": run_key, "action": action, "author": author, "version": version})
    return apply_edit(samples, run_key, action, arguments, author, version, progress)


def check_edit(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    action: str,
    author: str = "user",
    version: int | None = None,
    progress: Progress | None = None,
    **arguments: Any,
) -> None:
    """Refuse the arguments of :func:`edit_clusters` that can be refused before any work.

    Raises:
        ValueError: if one is refused
    """
    typed(edit_clusters, {"run_key": run_key, "action": action, "author": author, "version": version})
    run, edit = Run.open(samples, run_key), get_edit(action)
    run.check_labels()
    check_seen(run_key, run.version, version)
    edit.check(run)
    if "ids" in edit.takes() and arguments.get("ids") is None:
        arguments["ids"] = edit.ids_in(samples, run)
    given = edit.checked(arguments)
    named = given.get("clusters", given.get("cluster"))
    clusters = named if isinstance(named, list | tuple) else [] if named is None else [named]
    for cluster in clusters:
        check_cluster(run_key, cluster_id(cluster), run.names, noise=True)
    if "clusters" in given and len(set(clusters)) < edit.fewest:
        raise ValueError(f"{action!r} needs at least {edit.fewest} clusters and got {clusters}; name more of them")
