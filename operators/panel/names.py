"""Names that are typed on the cards of the Clusters panel, one edit each."""

import fiftyone.operators as foo

from ..editing.base import apply_edit
from ..editing.names import clean_name
from .edits import GONE, IN_ORDER, run_now
from .fields import known_of, name_print, parts_of
from .run import PanelRun
from .showing import change_state, guarded
from .windows import TYPED, note_edit


def name_here(ctx: foo.ExecutionContext) -> dict:
    """Give a cluster the name that was typed on its card; if it is refused, say why and show the old name again.

    Returns:
        ``{"name": the name as it is saved}``, or ``{"error": why}``; where it was ``quiet``, nothing else says either
    """
    cluster, seen = parts_of(ctx.params["path"])
    ctx.params["window"] = TYPED
    typed = ctx.params["value"] or ""
    with IN_ORDER:
        run = run_now(ctx)
        if run is None:
            return {"error": GONE}
        if cluster in run.names and typed == run.names[cluster]:
            return {"name": typed}
        why = guarded(ctx, lambda ctx: _name(ctx, run, cluster, seen, typed))
        now = PanelRun.of(ctx)
        if now is None:
            return {"error": GONE}
        kept = known_of(run, cluster)
        saved = cluster in now.names and now.version != run.version
        before = [*kept.get("before", []), seen] if saved else kept.get("before", [])
        after = name_print(now, now.names[cluster]) if saved else kept.get("after")
        entry = {"times": kept.get("times", 0) + 1, "before": before[-9:], "after": after}
        change_state(ctx, typed={**(now.ui.get("typed") or {}), str(cluster): entry})
        return {"error": why} if why else {"name": now.names[cluster]}


def _name(ctx: foo.ExecutionContext, run: PanelRun, cluster: int, seen: str, typed: str) -> None:
    if cluster not in run.names:
        raise ValueError(f"{typed[:40]!r} has no cluster any more: somebody merged or dissolved it; name another one")
    now = name_print(run, run.names[cluster])
    kept = known_of(run, cluster)
    own = kept.get("after") == now and seen in kept["before"]  # typed twice before it was drawn again
    if seen != now and not own:
        other = run.names[cluster]
        raise ValueError(
            f"somebody named it {other!r} meanwhile, so {typed[:40]!r} was not saved; look, then type again"
        )
    if clean_name(typed) == run.names[cluster]:
        return
    # what others have done to other clusters meanwhile is not in the way of a name
    done = apply_edit(ctx.dataset, run.key, "rename", {"names": {cluster: typed}}, version=run.version)
    note_edit(ctx, run, done["version"])
    if not ctx.params.get("quiet"):
        ctx.ops.notify(done["text"], variant="success")
    ctx.ops.reload_dataset()
