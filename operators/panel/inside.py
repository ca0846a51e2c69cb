"""Counts of the members of each cluster that are inside the user's view."""

import fiftyone.operators as foo

from ..evaluation.views import label_path_in, members_view
from ..execution.grid import users_view, view_name
from .run import PanelRun


def count_inside(ctx: foo.ExecutionContext, run: PanelRun) -> dict:
    """Return the UI state that says how many members of each cluster the user's view has.

    Returns:
        ``{"within": name of the view, "inside": counts by cluster id as text}``; no counts for the whole dataset, and
        where the grid shows something that has no members, such as patches of another field
    """
    view, name = users_view(ctx), view_name(ctx)
    if not name or run.gone:
        return {"within": name, "inside": None}
    try:
        members = members_view(run.run, view)
    except ValueError:
        return {"within": name, "inside": None}
    counts = members.count_values(f"{label_path_in(members, run.config)}.cluster")
    return {"within": name, "inside": {str(cluster): count for cluster, count in counts.items() if cluster is not None}}
