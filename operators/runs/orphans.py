"""Remains of orphaned writers: half-written fields, and maps that no run names."""

import fiftyone as fo

from ..dataset.owned_fields import all_paths, drop_field, mark_of, set_mark
from ..execution.locks import is_held, schema_lock
from .maps import clean_maps
from .store import read_value


def clean_fields(dataset: fo.Dataset, except_key: str | None = None) -> list[str]:
    """Delete the half-written fields of orphaned writers.

    Args:
        dataset: the dataset
        except_key (None): a run key whose writer is the caller

    Returns:
        the paths of the deleted fields
    """
    marks = {path: mark_of(dataset.get_field(path)) or {} for path in all_paths(dataset)}
    writing = {path: mark["run_key"] for path, mark in marks.items() if mark.get("status") == "writing"}
    finished = {path: key for key, path in read_value(dataset, "label_path", among=writing).items()} if writing else {}
    orphaned = []
    for path, run_key in writing.items():
        if path in finished:  # killed after its run was registered
            set_mark(dataset, path, finished[path], "done")
            continue
        # who writes labels holds the run, or only the field if the run is of another dataset
        names, mine = (f"run key {run_key!r}", f"field {path!r}"), f"run key {except_key!r}"
        if not any(is_held(dataset, name, except_of=mine) for name in names):
            drop_field(dataset, path)
            orphaned.append(path)
    return orphaned


def clean_orphans(dataset: fo.Dataset, except_key: str | None = None) -> None:
    """Delete the remains of orphaned writers: half-written fields, and maps that no run names.

    Args:
        dataset: the dataset
        except_key (None): a run key whose writer is the caller
    """
    with schema_lock(dataset):
        clean_fields(dataset, except_key)
        clean_maps(dataset, except_key)
