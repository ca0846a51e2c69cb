"""Coarse level of a run: a tree over its clusters, cut into groups."""

import fiftyone as fo
import numpy as np

from ...models.labels import NOISE
from ...models.parameters import plain
from ...models.progress import Progress
from ..dataset.owned_fields import drop_field, is_leftover
from ..dataset.private import root_dataset
from ..execution.locks import schema_lock
from ..execution.stages import Stages
from ..runs import edit_log
from ..runs.clusters import COARSE, label_width
from ..runs.edit_log import differences, make_edit
from ..runs.maps import PANEL_COLORS
from ..runs.run import Run
from ..runs.stored_run import StoredRun
from ..runs.transaction import EditedRun, check_seen, edit_run


def build_cluster_hierarchy(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    n_coarse: int | None = None,
    linkage: str = "ward",
    author: str = "user",
    version: int | None = None,
    progress: Progress | None = None,
) -> dict:
    """Group the clusters of a run into coarse ones, in a field beside the run's own that ends with ``_coarse``.

    The coarse level follows later edits of the clusters, has names of its own (``edit_clusters`` with
    ``level="coarse"``), can be undone like an edit and is deleted with the run. The tree stays in the run's results as
    ``hierarchy``.

    Args:
        samples: the dataset, or a view into it; the tree is that of the whole run
        run_key: the run's key
        n_coarse (None): how many coarse clusters, from 2 to 100, by default about the root of the number of clusters
        linkage ("ward"): "ward" or "average", see :mod:`models.analysis.hierarchy`
        author ("user"): who does it, for the log
        version (None): the version that the caller saw, to be refused if the run was edited since
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        what was done, see :meth:`operators.runs.transaction.EditedRun.outcome`, with the coarse clusters and the
        ``coarse_field``

    Raises:
        ValueError: if ``n_coarse`` is out of range, the vectors are gone, the field is not ours to write, or another
            process edits the run
    """
    stages = Stages(["reading", "building", "writing"], progress)
    with edit_run(root_dataset(samples), run_key, version) as run:
        stages.enter("reading")
        ids = sorted(set(run.records) - {NOISE})
        n_coarse = check_n_coarse(len(ids), n_coarse)
        _check_field(run)
        if run.coarse_path is None:
            with schema_lock(run.dataset):
                drop_field(run.dataset, f"{run.config.label_path}{COARSE}")
        children, heights = kept_tree(run.tables["hierarchy"].get(0), ids, linkage, run.state) or _tree(
            run, ids, linkage, stages
        )
        coarse_of = dict(zip(ids, _by_size(run, ids, children, n_coarse), strict=True))
        width = label_width(np.array([n_coarse - 1]))
        tree = {"linkage": linkage, "clusters": ids, "children": children.tolist(), "heights": heights.tolist()}
        new: dict[str, dict] = {
            "coarse_of": coarse_of,
            "coarse_names": {coarse: f"group {coarse:0{width}d}" for coarse in range(n_coarse)},
            "hierarchy": {0: {**tree, "n_coarse": n_coarse, "version": run.version + 1, "state": run.state}},
        }
        changes = {table: differences(run.tables[table], new[table]) for table in new}
        text = f"Grouped {len(ids)} clusters into {n_coarse}"
        arguments = {"n_coarse": n_coarse, "linkage": linkage}
        run.commit(make_edit("hierarchy", author, arguments, text, changes), stages.enter("writing"))
        stages.leave()
        done = run.outcome("hierarchy", text, list(range(n_coarse)), coarse=True)
        return {**done, "coarse_field": f"{run.field}{COARSE}"}


def check_hierarchy(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    n_coarse: int | None = None,
    linkage: str = "ward",
    author: str = "user",
    version: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Refuse the arguments of :func:`build_cluster_hierarchy` that can be refused before any work.

    Raises:
        ValueError: if one is refused
    """
    from ...models.analysis.hierarchy import check_linkage

    run = Run.open(samples, run_key)
    check_seen(run_key, run.version, version)
    check_n_coarse(len(set(run.names) - {NOISE}), n_coarse)
    check_linkage(linkage)
    run.check_labels()
    if not edit_log.is_pending(run.log):  # else what a killed writer left is cleared away first
        _check_field(run)


def check_n_coarse(n_clusters: int, n_coarse: int | None) -> int:
    """Check how many coarse clusters to make of so many, and fill in the default.

    Raises:
        ValueError: if the number is out of range
    """
    if n_clusters < 3:
        raise ValueError(f"the run has {n_clusters} clusters, too few for a coarse level; at least 3 are needed")
    most = min(PANEL_COLORS, n_clusters - 1)
    n_coarse = plain(n_coarse)
    if n_coarse is None:
        return int(np.clip(round(n_clusters**0.5), 2, most))
    if isinstance(n_coarse, bool) or not isinstance(n_coarse, int) or not 2 <= n_coarse <= most:
        why = "the colors of the Embeddings panel" if most == PANEL_COLORS else "fewer than the clusters"
        raise ValueError(f"n_coarse={n_coarse!r} is not valid; choose an integer from 2 to {most}, {why}")
    return n_coarse


def _check_field(run: StoredRun) -> None:
    """Raise ValueError if the coarse field is not the run's; only one that a killed writer left makes way."""
    path = f"{run.config.label_path}{COARSE}"
    field = run.dataset.get_field(path)
    if field is not None and run.coarse_path is None and not is_leftover(field, run.key):
        raise ValueError(f"field {path!r} exists and is not of run {run.key!r}; rename or delete that field first")


def kept_tree(tree: dict | None, ids: list[int], linkage: str, state: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return merges and heights of a stored tree, None if it is not that of the clusters as they are.

    Args:
        tree: the tree that the run keeps, if it has one
        ids: the clusters
        linkage: "ward" or "average"
        state: the state of the labels, see :attr:`operators.runs.stored_run.StoredRun.state`
    """
    if not tree or (tree["clusters"], tree["linkage"], tree.get("state")) != (ids, linkage, state):
        return None
    return np.array(tree["children"], np.int64).reshape(-1, 2), np.array(tree["heights"], float)


def _tree(run: EditedRun, ids: list[int], linkage: str, stages: Stages) -> tuple[np.ndarray, np.ndarray]:
    from ...models.analysis.hierarchy import cluster_tree
    from ...models.vectors.centers import cluster_means

    members = run.labels(clusters=ids)
    rows, X = run.vectors(members)
    place = np.searchsorted(ids, members.clusters)
    sizes = np.bincount(place, minlength=len(ids))
    lost = np.flatnonzero(np.bincount(place[rows], minlength=len(ids)) == 0)
    if len(lost):
        raise ValueError(
            f"cluster {ids[lost[0]]} has no vectors in {run.config.embeddings!r} any more; compute the embeddings again"
        )
    report = stages.enter("building")
    return cluster_tree(cluster_means(X, place[rows], len(ids)), sizes, linkage, report)


def _by_size(run: EditedRun, ids: list[int], children: np.ndarray, n_coarse: int) -> list[int]:
    """Return the coarse cluster of each cluster, where 0 is the largest."""
    from ...models.analysis.hierarchy import groups_of

    groups = groups_of(children, n_coarse)
    totals = np.bincount(groups, weights=[run.records[cluster]["size"] for cluster in ids])
    rank = np.argsort(np.argsort(-totals, kind="stable"))
    return rank[groups].tolist()
