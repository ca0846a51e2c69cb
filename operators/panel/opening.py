"""Opening the Clusters panel beside the grid, on the run that was just made."""

from collections.abc import Iterator
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo

from ..dataset.private import open_store
from ..runs.run import Run
from ..runs.store import list_clustering_runs, read_value
from .state import panel_state

PANEL = "clusters_panel"
EMPTY_INPUTS = {"search": {"search": ""}, "simple": {"mapbar": {"tag": ""}}}  # see `toolbars.inputs_of`
MAP = "Embeddings"
_GRID = "Samples"
_STORE = "constellation_made_runs"
_SECONDS = 3600  # a panel that is not there by then need not follow


def show_panels(ctx: foo.ExecutionContext, run_key: str, with_map: bool) -> Iterator[Any]:
    """Give the messages that show a new run: the Clusters panel beside the grid, behind it the map's panel.

    Panels stay where the user has put them; what is missing is added to a pane that is not the grid's.

    Args:
        ctx: the execution context
        run_key: the run's key; an open Clusters panel goes to it, see :func:`take_made_run`
        with_map: whether the run has a map
    """
    tell_made(ctx.dataset, run_key)
    spaces = ctx.spaces if isinstance(ctx.spaces, fo.Space) and ctx.spaces.children else _only_grid()
    if with_map:
        spaces = _with_panel(spaces, MAP)
    spaces = _with_panel(spaces, PANEL, _begun(run_key))
    yield ctx.ops.set_spaces(spaces=spaces)


def open_panel(ctx: foo.ExecutionContext) -> None:
    """Open the Clusters panel beside the grid, with the state that it will have; an open one comes to the front."""
    spaces = ctx.spaces if isinstance(ctx.spaces, fo.Space) and ctx.spaces.children else _only_grid()
    keys = list_clustering_runs(ctx.dataset) if ctx.dataset is not None else []
    is_open = any(child.type == PANEL for pane in _panes(spaces) for child in pane.children)
    if is_open or not keys:
        ctx.ops.open_panel(PANEL, layout="horizontal", is_active=True)
        return
    ctx.ops.set_spaces(spaces=_with_panel(spaces, PANEL, _begun(keys[-1])))


def show_labels(ctx: foo.ExecutionContext, run_key: str) -> Iterator[Any]:
    """Give the message that puts a run's labels on the tiles, instead of other runs'; what else is ticked stays."""
    config = Run.cached(ctx.dataset, run_key).config
    if config.patches_field:  # they are on the patches' own labels
        return
    others = set(read_value(ctx.dataset, "label_path").values())
    kept = [path for path in ctx.active_fields or [] if path not in others]
    yield ctx.ops.set_active_fields([*kept, config.label_path])


def tell_made(dataset: fo.Dataset, run_key: str) -> None:
    """Have an open Clusters panel go to a run that was made in the App."""
    open_store(dataset, _STORE).set("made", run_key, ttl=_SECONDS)


def take_made_run(ctx: foo.ExecutionContext) -> str | None:
    """Return the key of the run that was made in the App since the last call, None if none was."""
    if ctx.dataset is None:
        return None
    store = open_store(ctx.dataset, _STORE)
    key = store.get("made")
    if key is not None:
        store.delete("made")
    return key


def _begun(run_key: str) -> dict:
    """Return what the App keeps of a panel, as it is once the panel has loaded: else the page would be loaded again."""
    return {"state": {**panel_state(run_key), **EMPTY_INPUTS}}


def _only_grid() -> fo.Space:
    return fo.Space(children=[fo.Panel(type=_GRID, pinned=True, component_id=_GRID)], active_child=_GRID)


def _with_panel(spaces: fo.Space, name: str, state: dict | None = None) -> fo.Space:
    """Return spaces in which a panel is in front, in its pane or else in one beside the grid's, never over the grid."""
    panes = list(_panes(spaces))
    beside = [pane for pane in panes if all(child.type != _GRID for child in pane.children)]
    panel = fo.Panel(type=name, component_id=name, state=state)
    for pane in panes:
        for child in pane.children:
            if child.type == name:
                panel = child
                if pane in beside:
                    pane.active_child = panel.component_id
                    return spaces
                pane.children = [other for other in pane.children if other is not panel]
                pane.active_child = next(other.component_id for other in pane.children if other.type == _GRID)
    if beside:
        beside[0].children = [*beside[0].children, panel]
        beside[0].active_child = panel.component_id
        return spaces
    pane = fo.Space(children=[panel], active_child=panel.component_id)
    # with all that the App would add and load its page again for
    return fo.Space(
        children=[spaces, pane], orientation="horizontal", active_child=spaces.component_id, sizes=[0.5, 0.5]
    )


def _panes(space: fo.Space) -> Iterator[fo.Space]:
    """Give the spaces that hold panels, not spaces."""
    inner = [child for child in space.children or [] if isinstance(child, fo.Space)]
    if not inner:
        yield space
    for child in inner:
        yield from _panes(child)
