"""How many members of each cluster are inside the view that the user has."""

import fiftyone.operators as foo

from ..dataset.shapes import has_labels_as_samples
from ..evaluation.views import members_view
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
    config = run.config
    path = f"{config.patches_field}.{config.cluster_field}" if has_labels_as_samples(members) else config.cluster_field
    counts = members.count_values(f"{path}.cluster")
    return {"within": name, "inside": {str(cluster): count for cluster, count in counts.items() if cluster is not None}}
