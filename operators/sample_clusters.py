"""The ``sample_clusters`` operator: as many images of every cluster, a balanced subset to annotate."""

from typing import Annotated

import fiftyone.operators as foo
import fiftyone.operators.types as types
import numpy as np
from pydantic import Field

from ..models.parameters import typed
from .clustering.job import SEED
from .execution.python_call import PythonCall
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import HALF, add_choice, check
from .runs.clusters import cluster_label
from .runs.members import read_members
from .runs.saved_views import check_kept, keep_choice
from .runs.store import check_labels, get_config

HOW = {
    "mixed": "Typical and different ones",
    "central": "The most typical",
    "diverse": "As different as possible",
    "random": "At random",
}
EACH = 10
KEPT = {"tag": "tagged", "view_name": "saved as view"}


def sample_clusters(
    samples,
    run_key: str,
    per_cluster: Annotated[int, Field(ge=1)] = EACH,
    tag: str | None = None,
    view_name: str | None = None,
    how: str = "mixed",
    seed: Annotated[int, Field(ge=0)] = SEED,
) -> dict:
    """Chooses as many members of every cluster; noise is left out.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        per_cluster (10): how many of each; of smaller clusters all
        tag (None): a tag for them; for patches it goes to their labels
        view_name (None): save them as a view of this new name
        how ("mixed"): "central", "diverse", "mixed" (half of each) or "random"
        seed (51): same seed, same choice

    Returns:
        a dict with "ids", "view" (a view of them, cluster by cluster), "n", "sizes" by name of the cluster, "short",
        the names of clusters with fewer members, "tag" and "view_name"

    Raises:
        ValueError: in one sentence, if an argument is refused; nothing is tagged or saved then
    """
    from ..models.analysis.selection import select

    _check(samples, run_key, per_cluster, tag, view_name, how, seed)
    members = read_members(samples, run_key)
    X = np.zeros((len(members.ids), 1), np.float32) if how == "random" else members.vectors()
    chosen = select(X, members.labels, per_cluster, how, seed)
    if not chosen:
        raise ValueError(f"run {run_key!r} has nothing but noise here; choose another run or view")
    ids = [members.ids[row] for rows in chosen.values() for row in rows]
    names = members.names
    sizes = [(names.get(cluster, cluster_label(cluster)), len(rows)) for cluster, rows in chosen.items()]
    return {
        "run_key": run_key,
        "ids": ids,
        "view": keep_choice(members, ids, tag, view_name),
        "n": len(ids),
        "unit": members.target.unit,
        "sizes": sizes,
        "short": [name for name, size in sizes if size < per_cluster],
        "tag": tag,
        "view_name": view_name,
    }


def check_delegated(samples, run_key: str, per_cluster=EACH, tag=None, view_name=None, how: str = "mixed", seed=SEED):
    """Refuses the arguments of :func:`sample_clusters` that can be refused before any work of a worker.

    Raises:
        ValueError: in one sentence; also if neither a tag nor a view is asked for, for a worker has no grid
    """
    _check(samples, run_key, per_cluster, tag, view_name, how, seed)
    get_config(samples._root_dataset, run_key)
    check_labels(samples._root_dataset, run_key)
    if tag is None and view_name is None:
        raise ValueError("tag=None and view_name=None leave nothing of a delegated choice; give one of them")


def _check(samples, run_key, per_cluster, tag, view_name, how, seed):
    from ..models.analysis.selection import HOW as KNOWN

    given = {"per_cluster": per_cluster, "tag": tag, "view_name": view_name, "how": how, "seed": seed}
    typed(sample_clusters, {"run_key": run_key, **given})
    if how not in KNOWN:
        raise ValueError(f"how={how!r} is not known; choose one of {', '.join(KNOWN)}")
    check_kept(samples._root_dataset, tag, view_name)


class SampleClusters(PythonCall, foo.Operator):
    """Chooses a balanced subset; see :func:`sample_clusters`."""

    work = staticmethod(sample_clusters)
    check = staticmethod(check_delegated)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="sample_clusters",
            label="Clusters: sample clusters",
            description="As many images of every cluster, tagged or as a saved view: a balanced subset to annotate",
            icon="/assets/icon.svg",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which run, how many, which, and how to keep them."""
        inputs = types.Object()
        if add_run(ctx, inputs):
            add_samples(ctx, inputs, "Sample")
            half = types.View(space=HALF)
            inputs.int("per_cluster", min=1, required=False, default=EACH, label="Of each cluster", view=half)
            add_choice(inputs, "how", HOW, "mixed", "Which", space=HALF)
            inputs.str("tag", required=False, label="Tag", description="Empty: none", view=half)
            why = "Empty: the grid shows them, nothing is saved. A scheduled choice needs a tag or a view"
            prop = inputs.str("view_name", required=False, label="Saved view", description=why, view=half)
            check(prop, check_kept, ctx.dataset, None, ctx.params.get("view_name") or None)
            inputs.int("seed", min=0, required=False, default=SEED, label="Seed", view=half)
        return types.Property(inputs, view=types.View(label="Sample clusters"))

    def execute(self, ctx):
        """Chooses, and shows the choice in the grid."""
        known = ("per_cluster", "tag", "view_name", "how", "seed")
        given = {key: ctx.params[key] for key in known if ctx.params.get(key) not in (None, "")}
        key = chosen_run(ctx)
        samples = run_samples(ctx, key)
        if ctx.delegated:
            check_delegated(samples, key, **given)
        done = sample_clusters(samples, key, **given)
        kept = "".join(f", {what} {done[name]}" for name, what in KEPT.items() if done[name])
        short = f"; {len(done['short'])} clusters have fewer" if done["short"] else ""
        text = f"{done['n']:,} {done['unit']} of {len(done['sizes'])} clusters{kept}{short}"
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            return
        ctx.ops.set_view(view=done["view"])
        if kept:
            ctx.ops.reload_dataset()
        ctx.ops.notify(text, variant="success")
