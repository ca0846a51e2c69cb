"""The cluster labels of a run's images or patches: read, and changed where they are, joined by id.

A change writes the values inside a label and not the label, which keeps its id and everything else that is on it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import fiftyone as fo
import numpy as np

from ...models.labels import UNASSIGNED
from ...models.progress import Progress
from ..dataset.owned_fields import MARK, add_field, remove_field
from ..dataset.rows import label_path
from ..dataset.rows import write_values as write_stored
from ..dataset.selections import selections, slices
from ..dataset.targets import Target
from .clusters import cluster_label, label_width

ORIGIN = "run"  # the attribute of a label with the identity of its run; not declared, so that no filter shows it
PLACE = "place"  # the attribute with its position on a large map; not declared either


class HasIds(Protocol):
    """Images or patches as a table: labels, vectors, members of a run."""

    @property
    def ids(self) -> list[str]:
        """The sample ids, or label ids of patches."""

    @property
    def sample_ids(self) -> list[str]:
        """The samples they belong to, the same as ``ids`` for images."""


@dataclass
class Labels:
    """The clusters of images or patches.

    Args:
        ids: sample ids, or label ids of patches
        sample_ids: the samples they belong to, the same as ``ids`` for images
        clusters: ``(n,)`` int64 cluster ids, -1 for noise, -2 without a label
        confidence: ``(n,)`` float64, NaN without a label
    """

    ids: list[str]
    sample_ids: list[str]
    clusters: np.ndarray
    confidence: np.ndarray

    def where(self, mask: np.ndarray | Sequence[bool]) -> "Labels":
        """Return the rows that ``mask`` ``(n,)`` keeps."""
        return self.take(np.flatnonzero(mask))

    def take(self, rows: np.ndarray | Sequence[int]) -> "Labels":
        """Return the rows at some positions, in their order."""
        ids, sample_ids = ([values[row] for row in rows] for values in (self.ids, self.sample_ids))
        return Labels(ids, sample_ids, self.clusters[rows], self.confidence[rows])


def read_labels(
    target: Target, name: str, clusters: Iterable[int] | None = None, ids: list[str] | None = None
) -> Labels:
    """Read the labels in a cluster field; all of them, those that are missing included, unless some are named.

    Args:
        target: where they are
        name: the cluster field
        clusters (None): read the members of these clusters
        ids (None): read these images or patches, with or without a label

    Returns:
        a :class:`Labels`; ids that do not exist any more are left out
    """
    path, source = target.local_path(name), target.source
    if clusters is not None:
        clusters = [int(cluster) for cluster in clusters]
        source = source.mongo([{"$match": {f"{path}.cluster": {"$in": clusters}}}])
    patches_field = target.patches_field
    found = _read_patches(source, patches_field, path) if patches_field else _read_images(source, path, ids)
    if clusters is not None:
        found = found.where(np.isin(found.clusters, clusters))
    if ids is not None and patches_field:
        wanted = set(ids)
        found = found.where([row_id in wanted for row_id in found.ids])
    return found


def _read_images(source: fo.core.collections.SampleCollection, path: str, ids: list[str] | None) -> Labels:
    sources = [source] if ids is None else selections(source, ids)
    found: list[str] = []
    clusters: list[int | None] = []
    confidence: list[float | None] = []
    for some in sources:
        more_ids, more_clusters, more_confidence = some.values(["id", f"{path}.cluster", f"{path}.confidence"])
        found += more_ids
        clusters += more_clusters
        confidence += more_confidence
    return _as_labels(found, found, clusters, confidence)


def _read_patches(source: fo.core.collections.SampleCollection, patches_field: str, path: str) -> Labels:
    root, listed = label_path(source, patches_field)
    ids: list[str] = []
    sample_ids: list[str] = []
    clusters: list[int | None] = []
    confidence: list[float | None] = []
    paths = ["id", f"{root}.id", f"{path}.cluster", f"{path}.confidence"]
    for sample_id, *row in zip(*source.values(paths), strict=True):
        row_ids, row_clusters, row_confidence = row if listed else [[value] for value in row]
        if not row_ids or not row_ids[0]:
            continue
        ids += row_ids
        sample_ids += [sample_id] * len(row_ids)
        clusters += row_clusters or [None] * len(row_ids)
        confidence += row_confidence or [None] * len(row_ids)
    return _as_labels(ids, sample_ids, clusters, confidence)


def _as_labels(
    ids: list[str], sample_ids: list[str], clusters: list[int | None], confidence: list[float | None]
) -> Labels:
    numbers = np.array([UNASSIGNED if cluster is None else cluster for cluster in clusters], np.int64)
    return Labels(ids, sample_ids, numbers, np.array(confidence, np.float64))


def change_labels(
    target: Target,
    name: str,
    there: Labels,
    clusters: np.ndarray,
    confidence: np.ndarray,
    names: dict[int, str],
    own: dict[str, dict],
    uid: str | None,
    progress: Progress | None = None,
) -> None:
    """Put images or patches into clusters.

    Args:
        target: where they are
        name: the cluster field
        there: the labels to change, as they are
        clusters: ``(n,)`` their new clusters; -2 takes their label away
        confidence: ``(n,)`` their new confidence
        names: the name of every new cluster by its id
        own: labels by id that shall be as they are here, see :mod:`operators.runs.corrections`
        uid: the identity of the run
        progress (None): a callable ``(fraction, message)``
    """
    path = target.local_path(name)
    had, keeps = there.clusters != UNASSIGNED, clusters != UNASSIGNED
    whole, inside = had != keeps, had & keeps
    rows = zip(np.flatnonzero(whole).tolist(), clusters[whole].tolist(), confidence[whole].tolist(), strict=True)
    labels = [_own_or_new(own.get(there.ids[i]), names.get(c), c, p, uid) for i, c, p in rows]
    write_values(target, path, there.where(whole), labels)
    kept, goes = there.where(inside), clusters[inside].tolist()
    columns: dict[str, list] = {
        "label": [names.get(c) for c in goes],
        "cluster": goes,
        "confidence": confidence[inside].tolist(),
    }
    for i, row_id in enumerate(kept.ids):
        if row_id in own:
            for attribute, values in columns.items():
                values[i] = own[row_id].get(attribute)
    for i, (attribute, values) in enumerate(columns.items()):
        if progress:
            progress(i / len(columns), f"writing {len(values):,} labels")
        write_values(target, f"{path}.{attribute}", kept, values)


def _own_or_new(
    own: dict | None, text: str | None, cluster: int, confidence: float, uid: str | None
) -> fo.Classification | None:
    if own is not None:
        return fo.Classification.from_dict(dict(own))
    return None if cluster == UNASSIGNED else _label(text, cluster, confidence, uid)


def _label(text: str | None, cluster: int, confidence: float, uid: str | None) -> fo.Classification:
    # noted on each label, for merging samples of two datasets mixes the labels of runs that share a name
    origin = {ORIGIN: uid} if uid else {}
    return fo.Classification(label=text, cluster=cluster, confidence=confidence, **origin)


def rename_labels(
    target: Target, name: str, names: dict[int, str], own: dict[str, dict], progress: Progress | None = None
) -> int:
    """Write the names of clusters to all of their members.

    Args:
        target: where they are
        name: the cluster field
        names: new names by cluster id
        own: labels by id whose text shall be as it is here
        progress (None): a callable ``(fraction, message)``

    Returns:
        how many members there are
    """
    members = read_labels(target, name, clusters=names)
    pairs = zip(members.ids, members.clusters.tolist(), strict=True)
    values = [own[row_id].get("label") if row_id in own else names[cluster] for row_id, cluster in pairs]
    write_values(target, f"{target.local_path(name)}.label", members, values, progress)
    return len(values)


def write_labels(
    target: Target,
    name: str,
    table: HasIds,
    labels: np.ndarray,
    confidence: np.ndarray,
    uid: str | None,
    progress: Progress | None = None,
    places: Sequence[list[float] | None] | None = None,
) -> None:
    """Write the labels of a new run, one ``Classification`` per image or patch.

    Args:
        target: where they are
        name: the cluster field, made by :func:`create_label_field`
        table: the images or patches
        labels: ``(n,)`` their clusters, -1 for noise
        confidence: ``(n,)`` in [0, 1]
        uid: the identity of the run
        progress (None): a callable ``(fraction, message)``
        places (None): positions on the map for their labels, see :mod:`operators.runs.map_places`
    """
    width = label_width(labels)

    def values(part: slice) -> list[fo.Classification]:
        pairs = zip(labels[part].tolist(), confidence[part].tolist(), strict=True)
        made = [_label(cluster_label(c, width), c, p, uid) for c, p in pairs]
        for label, place in zip(made, places[part], strict=True) if places else ():
            label[PLACE] = place
        return made

    _write(target, target.local_path(name), table, values, progress)


def write_values(
    target: Target, path: str, rows: HasIds, values: Sequence[Any], progress: Progress | None = None
) -> None:
    """Write one value per image or patch to a path of the samples, joined by id.

    Args:
        target: where they are
        path: the path, as :meth:`operators.dataset.targets.Target.local_path` gives it
        rows: the images or patches
        values: one value per row
        progress (None): a callable ``(fraction, message)``
    """
    _write(target, path, rows, lambda part: values[part], progress)


def _write(
    target: Target, path: str, rows: HasIds, values: Callable[[slice], Sequence[Any]], progress: Progress | None
) -> None:
    """Write values slice by slice, each made when its turn comes: a million labels at once would be gigabytes."""
    n = len(rows.ids)
    for part in slices(n):
        if progress:
            progress(part.start / n, f"writing {n:,} labels")
        ids, sample_ids = rows.ids[part], rows.sample_ids[part]
        of_labels = bool(target.patches_field)
        write_stored(target.source, path, ids, sample_ids, values(part), of_labels, validate=False)


def create_label_field(target: Target, name: str, run_key: str) -> None:
    """Make an empty cluster field, marked as being written, in place of a stale one of an orphaned writer."""
    remove_field(target.source, target.local_path(name))
    # marked from its first moment, so that a kill at any time leaves nothing that is not known to be ours
    info = {MARK: {"role": "clusters", "run_key": run_key, "status": "writing"}}
    cluster = fo.IntField(description="Cluster id, -1 for noise")
    cluster.name = "cluster"
    options = {"embedded_doc_type": fo.Classification, "fields": [cluster]}
    text, local = f"Clusters of run {run_key}", target.local_path(name)
    add_field(target.source, local, fo.EmbeddedDocumentField, description=text, info=info, **options)


def index_labels(dataset: fo.Dataset, path: str) -> None:
    """Make the index that finds a cluster's members, most confident first, among any number of images.

    Args:
        dataset: the dataset
        path: of the run's labels
    """
    if not path.startswith("frames.") and dataset.get_field(path) is not None:
        dataset.create_index([(f"{path}.cluster", 1), (f"{path}.confidence", -1)])
