"""Edits by name: the function behind ``edit_clusters``."""

from typing import Annotated, Literal

from pydantic import Field

from ...models.parameters import typed
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..dataset.targets import resolve_target
from ..runs.store import get_config
from .actions import TAKES, WORK


def edit_clusters(
    samples,
    run_key: str,
    action: Literal["rename", "merge", "split", "move", "dissolve", "absorb_noise", "undo", "redo"],
    clusters: int | str | list[int | str] | None = None,
    cluster: int | str | None = None,
    ids: list[str] | None = None,
    name: str | None = None,
    names: dict | None = None,
    level: Literal["fine", "coarse"] | None = None,
    method: str | None = None,
    params: dict | None = None,
    threshold: Annotated[float, Field(ge=-1, le=1)] | None = None,
    by: str = "user",
    version: int | None = None,
    progress=None,
) -> dict:
    """Edits the clusters of a run: in the run and in its label field, recorded, and undoable to any depth.

    Ids of clusters never change and are never used again; names are a different thing. What is done:

    - ``rename``: ``names`` by cluster id, on the ``level`` "fine" or "coarse"
    - ``merge``: ``clusters`` become one, with the id and name of the largest, or with ``name``
    - ``split``: ``cluster`` is clustered by ``method`` with ``params``, by default k-means into two; the largest part
      keeps its id
    - ``move``: ``ids``, or all of the view ``samples``, go to ``cluster``; to a new one called ``name`` without
    - ``dissolve``: the members of ``clusters`` become noise
    - ``absorb_noise``: noise, among ``ids`` or the view ``samples``, goes to the nearest cluster by the cosine to its
      center, if that is at least ``threshold``, by default 0.5
    - ``undo`` the last edit, ``redo`` what was undone

    Args:
        samples: the dataset, or a view; only "move" and "absorb_noise" are limited to a view
        run_key: the run's key
        action: what to do
        clusters (None): ids of clusters
        cluster (None): the id of a cluster, -1 for noise
        ids (None): sample ids, or label ids for a run of patches
        name (None): the name of the cluster that comes out
        names (None): names by cluster id
        level (None): "fine" or "coarse"
        method (None): a name from ``list_clusterers()``
        params (None): its parameters
        threshold (None): the least cosine
        by ("user"): who does it, for the log
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``, which may raise to stop; then all is as before

    Returns:
        ``{"run_key", "action", "version", "n_changed", "clusters", "removed", "text"}``: the run's new version, how
        many labels changed, the entries of touched clusters as they are now, the ids of those that are gone, and a
        sentence

    Raises:
        ValueError: in one sentence, if an argument is refused or somebody else edits the run; nothing is changed then
    """
    given = {key: value for key, value in locals().items() if key not in ("samples", "progress")}
    given = typed(edit_clusters, given)
    dataset = root_dataset(samples)
    takes = TAKES[action]
    asked = {key: given[key] for key in sorted({key for keys in TAKES.values() for key in keys})}
    for key, value in asked.items():
        if value is not None and key not in takes:
            usual = f"takes {' and '.join(takes)}" if takes else "takes no more"
            raise ValueError(f"{key}={value!r} has no use here, for {action!r} {usual}; leave it out")
    if "ids" in takes and asked["ids"] is None:
        asked["ids"] = _ids_of(samples, run_key, action)
    for key in takes[:1]:
        if asked[key] is None and action not in ("absorb_noise",):
            raise ValueError(f"{action!r} needs {key}; give {key}=...")
    arguments = {key: value for key, value in asked.items() if value is not None}
    return WORK[action](dataset, run_key, **arguments, by=by, version=version, progress=progress)


def _ids_of(samples, run_key, action) -> list[str] | None:
    """The images or patches of a view, as the run counts them; None for a whole dataset."""
    dataset = root_dataset(samples)
    if samples is dataset or samples == dataset.view():
        if action == "move":
            raise ValueError("the whole dataset cannot be moved into one cluster; pass a view, or ids")
        return None
    patches_field = get_config(dataset, run_key).patches_field
    target = resolve_target(samples, patches_field)
    return Rows.of(target.samples, target.patches_field).ids
