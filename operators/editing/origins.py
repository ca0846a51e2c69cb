"""Origin of fields that a run filled with labels of new samples: which run that was, whatever it is called now."""

import fiftyone as fo

from ..dataset.owned_fields import MARK
from ..dataset.private import save_info
from ..dataset.targets import Target
from ..runs.lifecycle import check_cluster_field
from ..runs.run import Run

ASSIGNED = "assigned"  # the role of such a field


def check_field(run: Run, target: Target, name: str) -> None:
    """Refuse a field that neither is new nor came from a run.

    Args:
        run: the run
        target: what is assigned
        name: the field that the labels go to

    Raises:
        ValueError: if it is a field of anything else
    """
    origin = origin_of(target.dataset, target.storage_path(name))
    if origin is None:
        check_cluster_field(target, name)
    elif not _is_of(origin, run):
        raise ValueError(
            f"field {name!r} holds clusters of run {origin['run_key']!r} of dataset {origin['dataset']!r}, which is "
            f"not this run {run.key!r}; choose another cluster_field"
        )


def _is_of(origin: dict, run: Run) -> bool:
    uid = run.config.uid
    if uid is None:  # of 0.1.0, which knew names only
        return (origin["run_key"], origin["dataset"], origin.get("uid")) == (run.key, run.dataset.name, None)
    return bool(origin.get("uid") == uid)


def origin_of(dataset: fo.Dataset, path: str) -> dict | None:
    """Return the run key, dataset and identity of the run that filled a field by assignment; None of other fields."""
    mark = (getattr(dataset.get_field(path), "info", None) or {}).get(MARK) or {}
    return mark if mark.get("role") == ASSIGNED else None


def set_origin(dataset: fo.Dataset, path: str, run: Run) -> None:
    """Mark a field as filled by a run."""
    info = dataset.get_field(path).info or {}
    mark = {"role": ASSIGNED, "run_key": run.key, "dataset": run.dataset.name, "uid": run.config.uid}
    save_info(dataset, path, {**info, MARK: mark})
