"""Puts new images or patches into the clusters of a stored run."""

from typing import Annotated

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.labels import NOISE, UNASSIGNED
from ...models.parameters import typed
from ..dataset.owned_fields import MARK, drop_field
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..dataset.targets import resolve_target
from ..execution.locks import schema_lock, write_lock
from ..execution.stages import Stages
from ..runs import edit_log
from ..runs.clusters import cluster_label
from ..runs.labels import Labels, change_labels, create_label_field, read_labels, run_target
from ..runs.lifecycle import check_cluster_field
from ..runs.maps import touch_maps
from ..runs.members import as_seen_by
from ..runs.store import clusters_of, get_config, read_result, version_of
from .changes import Change, apply_change
from .new_samples import NewSamples
from .transaction import editing

ASSIGNED = "assigned"  # the role of a field that a run of elsewhere filled


def assign_clusters(
    samples,
    run_key: str,
    cluster_field: str | None = None,
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.0,
    run_dataset: str | None = None,
    again: bool = False,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    by: str = "user",
    progress=None,
) -> dict:
    """Puts images or patches that a run did not see into its clusters, as they are after all edits.

    In the run's own dataset the labels go to the run's field, which only gains labels; that is recorded as an edit of
    the run and can be undone. Elsewhere, and with another ``cluster_field``, they go to a field of their own, for all
    of ``samples``. What has no vector yet gets one from the encoder that made the run's. The labels are those that the
    run's method predicts: by centers, probabilities or the vote of the nearest samples, see :mod:`models.placement`.

    Args:
        samples: a dataset or view, of the run's dataset or another one; its vectors, and patches, are looked for in
            fields of the same names
        run_key: the run's key
        cluster_field (None): where the labels go; by default the run's field in its dataset, the run key elsewhere
        threshold (0.0): what is less sure than this stays unassigned; noise is noise at any threshold
        run_dataset (None): the name of the dataset that has the run, by default that of ``samples``
        again (False): whether to place anew what an earlier call has assigned
        batch_size (32): images per batch of the encoder
        num_workers (None): threads that read images, by default one per core
        by ("user"): who does it, for the log
        progress (None): a callable ``(fraction, message)``, which may raise to stop; vectors computed so far are kept

    Returns:
        a dict with ``run_key``, ``cluster_field``, ``n_assigned``, ``n_noise``, ``n_unassigned`` (below the
        threshold), ``skipped`` (counts by reason), ``clusters`` (id, label and how many came), ``version`` of the run,
        ``notes`` and ``text``

    Raises:
        ValueError: in one sentence, if there is no such run, the vectors are of another encoder, or the field is not
            ours to write; no label is changed then
    """
    run_dataset, target = check_assignment(**{key: value for key, value in locals().items() if key != "progress"})
    rows = Rows.of(target.samples, target.patches_field)
    stages = Stages(["embedding", "reading", "placing", "writing"], progress)
    batches = (batch_size, num_workers)
    if run_dataset is target.dataset and cluster_field in (None, get_config(run_dataset, run_key).cluster_field):
        return _assign_in_run(run_dataset, run_key, target, rows.ids, threshold, again, by, batches, stages)
    return _assign_elsewhere(
        run_dataset, run_key, target, rows.ids, cluster_field or run_key, threshold, again, batches, stages
    )


def check_assignment(samples, run_key: str, cluster_field: str | None = None, run_dataset: str | None = None, **others):
    """Refuses the arguments of :func:`assign_clusters` that can be refused before any work.

    Returns:
        the dataset that has the run, and what is assigned as the run would see it

    Raises:
        ValueError: in one sentence
    """
    others = {key: value for key, value in others.items() if key != "progress"}
    typed(assign_clusters, {"run_key": run_key, "cluster_field": cluster_field, "run_dataset": run_dataset, **others})
    run_dataset, dataset = _home(samples, run_dataset), root_dataset(samples)
    config = get_config(run_dataset, run_key)
    target = resolve_target(
        as_seen_by(samples, run_key, config) if run_dataset is dataset else samples, config.patches_field
    )
    if run_dataset is dataset and cluster_field in (None, config.cluster_field):
        run_target(run_dataset, run_key)  # says so if the field is gone
    else:
        _check_field(target, cluster_field or run_key, run_dataset, run_key)
    return run_dataset, target


def _home(samples, name):
    """The dataset that has the run."""
    if name is not None and name != root_dataset(samples).name and not fo.dataset_exists(name):
        raise ValueError(f"there is no dataset {name!r}; name the one that has the run")
    run_dataset = root_dataset(samples) if name in (None, root_dataset(samples).name) else fo.load_dataset(name)
    run_dataset.reload()
    return run_dataset


def _assign_in_run(run_dataset, run_key, target, ids, threshold, again, by, batches, stages) -> dict:
    name = get_config(run_dataset, run_key).cluster_field

    def newcomers():
        earlier = edit_log.assigned(read_result(run_dataset, run_key, "edits") or []) if again else ()
        return NewSamples(run_dataset, run_key, target, _unlabelled(target, name, ids, earlier))

    new = newcomers()
    new.embed(*batches, stages.enter("embedding"))
    with editing(run_dataset, run_key) as run:
        new.asked = newcomers().asked
        there, goes, sure, done = _placed(new, name, threshold, stages)
        changed = np.flatnonzero((goes != there.clusters) | (goes != UNASSIGNED) & (sure != there.confidence))
        if len(changed):
            change = Change("assign", {"threshold": threshold}, there.take(changed), goes[changed], sure[changed])
            change.typical = False  # who stands for a cluster does not change with every delivery of images
            apply_change(run, change, done["text"], by, stages.enter("writing"))
        stages.leave()
        return {**done, "cluster_field": name, "version": run.version}


def _assign_elsewhere(run_dataset, run_key, target, ids, name, threshold, again, batches, stages) -> dict:
    dataset, path = target.dataset, target.storage_path(name)
    with write_lock(dataset, f"field {path!r}"):
        dataset.reload()
        _check_field(target, name, run_dataset, run_key)
        fresh = _origin(dataset, path) is None
        asked = ids if fresh or again else _unlabelled(target, name, ids)
        new = NewSamples(run_dataset, run_key, target, list(asked))
        new.embed(*batches, stages.enter("embedding"))
        there, goes, sure, done = _placed(new, None if fresh else name, threshold, stages)
        names = {entry["id"]: entry["label"] for entry in clusters_of(run_dataset, run_key)}
        names = {cluster: cluster_label(cluster) for cluster in goes.tolist()} | names
        report = stages.enter("writing")
        try:
            if fresh:
                with schema_lock(dataset):
                    create_label_field(target, name, run_key)
            change_labels(target, name, there, goes, sure, names, report)
            with schema_lock(dataset):
                _set_origin(dataset, path, run_dataset, run_key)
        except BaseException:
            if fresh:
                drop_field(dataset, path)
            raise
        touch_maps(dataset)
        stages.leave()
    return {**done, "cluster_field": name, "version": version_of(run_dataset, run_key)}


def _unlabelled(target, name, ids, also=()) -> list[str]:
    there = read_labels(target, name)
    labelled = {row_id for row_id, c in zip(there.ids, there.clusters.tolist(), strict=True) if c != UNASSIGNED}
    labelled -= set(also)
    return [row_id for row_id in ids if row_id not in labelled]


def _placed(new, name, threshold, stages) -> tuple:
    """What newcomers have and get: their labels, the clusters and confidences, and what is said about it."""
    stages.enter("reading")
    table, skipped = new.read() if new.asked else (None, {})
    n = len(table.ids) if table else 0
    there = Labels(table.ids if n else [], table.sample_ids if n else [], np.full(n, UNASSIGNED), np.full(n, np.nan))
    if n and name is not None:
        found = read_labels(new.target, name, ids=table.ids)
        row = {row_id: i for i, row_id in enumerate(found.ids)}
        there = found.take([row[row_id] for row_id in table.ids])
    stages.enter("placing")
    goes, sure = new.place(table.X) if n else (there.clusters, there.confidence)
    sure = sure.astype(np.float64)
    low = (sure < threshold) & (goes != NOISE)
    goes, sure = np.where(low, UNASSIGNED, goes), np.where(low, np.nan, sure)
    return there, goes, sure, _said(new, goes, skipped, threshold)


def _said(new, goes, skipped, threshold) -> dict:
    names = {entry["id"]: entry["label"] for entry in clusters_of(new.run_dataset, new.run_key)}
    clusters, counts = np.unique(goes[goes >= 0], return_counts=True)
    n_noise, n_left, unit = int((goes == NOISE).sum()), int((goes == UNASSIGNED).sum()), new.target.unit
    text = f"Assigned {counts.sum():,} {unit} to {len(clusters)} clusters"
    text += f", {n_noise:,} are noise" if n_noise else ""
    text += f", {n_left:,} stay unassigned below {threshold:g}" if n_left else ""
    text += "".join(f", {n:,} were skipped ({reason})" for reason, n in skipped.items())
    sizes = zip(clusters.tolist(), counts.tolist(), strict=True)
    return {
        "run_key": new.run_key,
        "n_assigned": int(counts.sum()),
        "n_noise": n_noise,
        "n_unassigned": n_left,
        "skipped": skipped,
        "clusters": [{"id": c, "label": names.get(c, cluster_label(c)), "size": n} for c, n in sizes],
        "notes": new.notes,
        "text": text if new.asked else f"All of these {unit} had a label before; nothing was changed",
    }


def _check_field(target, name, run_dataset, run_key):
    """Refuses a field that neither is new nor came from this run."""
    origin = _origin(target.dataset, target.storage_path(name))
    if origin is None:
        check_cluster_field(target, name)
    elif origin != {"run_key": run_key, "dataset": run_dataset.name}:
        raise ValueError(
            f"field {name!r} holds clusters of run {origin['run_key']!r} of dataset {origin['dataset']!r}; "
            "choose another cluster_field"
        )


def _origin(dataset, path) -> dict | None:
    """Which run filled a field by assignment."""
    mark = (getattr(dataset.get_field(path), "info", None) or {}).get(MARK) or {}
    return {key: mark[key] for key in ("run_key", "dataset")} if mark.get("role") == ASSIGNED else None


def _set_origin(dataset, path, run_dataset, run_key):
    field = dataset.get_field(path)
    field.info = {**(field.info or {}), MARK: {"role": ASSIGNED, "run_key": run_key, "dataset": run_dataset.name}}
    field.save()
