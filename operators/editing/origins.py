"""Origin of fields that a run filled with labels of new samples: which run that was, whatever it is called now."""

import fiftyone as fo

from ..dataset.owned_fields import MARK
from ..dataset.run_documents import check_stages
from ..dataset.targets import Target
from ..runs.lifecycle import check_cluster_field, check_run_key
from ..runs.run import Run
from ..runs.store import read_value

ASSIGNED = "assigned"  # the role of such a field, which had no run in 0.1.0


def check_field(run: Run, target: Target, name: str) -> None:
    """Refuse a field that is neither new nor filled by this run, and one whose own run was edited since.

    Args:
        run: the run
        target: what is assigned
        name: the field that the labels go to

    Raises:
        ValueError: if it is refused
    """
    dataset, path = target.dataset, target.storage_path(name)
    origin, kept = origin_of(dataset, path), own_run(dataset, path)
    if origin is None:
        check_cluster_field(target, name)
    if kept is None:
        check_run_key(dataset, name)
        check_stages(target.samples)
    if origin is None:
        return
    if not _is_of(origin, run):
        raise ValueError(
            f"field {name!r} holds clusters of run {origin['run_key']!r} of dataset {origin['dataset']!r}, which is "
            f"not this run {run.key!r}; choose another cluster_field"
        )
    if kept is not None and kept.log:
        raise ValueError(
            f"run {kept.key!r} of dataset {dataset.name!r} has edits of its own since it was filled; assign with "
            f"run_key={kept.key!r} and without run_dataset, which follows them"
        )


def _is_of(origin: dict, run: Run) -> bool:
    uid = run.config.uid
    if uid is None:  # of 0.1.0, which knew names only
        return (origin["run_key"], origin["dataset"], origin.get("uid")) == (run.key, run.dataset.name, None)
    return bool(origin.get("uid") == uid)


def origin_of(dataset: fo.Dataset, path: str) -> dict | None:
    """Return the run key, dataset and identity of the run that filled a field by assignment; None of other fields."""
    mark = (getattr(dataset.get_field(path), "info", None) or {}).get(MARK) or {}
    if mark.get("role") == ASSIGNED:
        return mark
    kept = own_run(dataset, path)
    return kept.config.assigned_from if kept else None


def own_run(dataset: fo.Dataset, path: str) -> Run | None:
    """Return the run whose labels are at a path; None if there is none."""
    key = next(iter(read_value(dataset, "label_path", among=[path])), None)
    return Run.cached(dataset, key) if key and dataset.get_field(path) is not None else None
