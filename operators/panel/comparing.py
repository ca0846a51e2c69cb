"""Comparison of the run that the panel shows with another run or a field, kept beside the UI state.

It is computed when it is asked for, and read by every drawing of its tab alone: the table of hundreds of clusters is
too much to read at every click.
"""

from typing import Any

import fiftyone.operators as foo

from ..dataset.private import open_store
from ..evaluation.comparison import compare_clusterings
from ..execution.grid import users_view, view_name
from ..outputs.comparison import LISTED, LONGEST, changed_clusters
from ..runs.run import Run
from ..runs.store import list_clustering_runs
from .run import PanelRun

_STORE = "constellation_comparisons"
_SECONDS = 30 * 24 * 3600
_KEPT = ("unit", "run_key", "other_run_key", "ari", "ami", "n_compared", "n_moved", "n_only_first", "n_only_second")


def compare_with(ctx: foo.ExecutionContext, run: PanelRun, other: str) -> None:
    """Compare the run inside the user's view with another run or a field, and keep the result.

    Raises:
        ValueError: if they cannot be compared
    """
    found = compare_clusterings(users_view(ctx), run.key, other)
    table = found["table"]
    kept = {
        "rows": table["rows"][:LONGEST],
        "columns": table["columns"][:LONGEST],
        "counts": [row[:LONGEST] for row in table["counts"][:LONGEST]],
        "row_ids": table["row_ids"][:LONGEST],
        "column_values": [_plain(value) for value in table["column_values"][:LONGEST]],
        "n_rows": len(table["rows"]),
        "n_columns": len(table["columns"]),
    }
    changed = changed_clusters(found)
    fates = {"changed": changed[:LISTED], "n_changed": len(changed), "n_all": len(found["clusters"])}
    result = {name: found[name] for name in _KEPT} | {"table": kept, **fates}
    state = {**_state(run, other), "within": view_name(ctx)}
    open_store(run.dataset, _STORE).set(_name(run, other), {**result, **state}, ttl=_SECONDS)


def read_comparison(run: PanelRun) -> dict | None:
    """Return the comparison with what was chosen, None if there is none; ``old`` if it is not of what is seen now."""
    other = run.ui.get("compare")
    if not other:
        return None
    found = open_store(run.dataset, _STORE).get(_name(run, other))
    if not found:
        return None
    state = _state(run, other)
    return {**found, "old": any(found.get(name) != value for name, value in state.items())}


def _state(run: PanelRun, other: str) -> dict[str, Any]:
    """Return what a comparison depends on, as far as that can be told without reading labels."""
    second = Run.cached(run.dataset, other) if other in list_clustering_runs(run.dataset) else None
    return {
        "version": run.version,
        "other_version": second.version if second else None,
        "other_uid": second.config.uid if second else None,
        "within": run.ui.get("within", ""),
    }


def _name(run: PanelRun, other: str) -> str:
    return f"{run.config.uid or run.key}:{other}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
