"""The ``assign_clusters`` operator: new samples into the clusters of a stored run."""

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from .editing.assignment import assign_clusters, check_assignment
from .execution.app import failed, show, stream
from .execution.python_call import PythonCall
from .inputs.pickers import add_run
from .inputs.widgets import add_choice, add_problem, check
from .outputs.markdown import escape
from .runs.store import list_clustering_runs

HERE = "here"
LISTED = 20
PASSED = ("threshold", "again", "cluster_field", "batch_size", "num_workers", "by")


class AssignClusters(PythonCall, foo.Operator):
    """Assigns new samples; see :func:`operators.assignment.assign_clusters`."""

    work = staticmethod(assign_clusters)
    check = staticmethod(check_assignment)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="assign_clusters",
            label="Clusters: assign clusters",
            description="Put new samples into the clusters of a stored run, of this dataset or another one",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which samples, which run of which dataset, and how sure is sure enough."""
        inputs = types.Object()
        view = types.View(label="Assign clusters")
        if ctx.dataset is None:
            add_problem(inputs, "No dataset is open; open one first")
            return types.Property(inputs, view=view)
        inputs.view_target(ctx, action_description="Assign")
        if _add_run(ctx, inputs):
            text = "What is less sure than this stays unassigned; 0 assigns everything"
            inputs.float("threshold", default=0.0, min=0, max=1, required=False, label="Threshold", description=text)
            text = "By default the run's own field in its dataset, and the run key elsewhere"
            prop = inputs.str("cluster_field", required=False, label="Cluster field", description=text)
            if name := ctx.params.get("cluster_field"):
                check(prop, _check_name, name)
            text = "Also place anew what an earlier call has assigned"
            inputs.bool("again", default=False, required=False, label="Again", description=text)
            text = "Images that the encoder takes at once, for those that have no vector yet"
            inputs.int("batch_size", default=32, min=1, required=False, label="Batch size", description=text)
        return types.Property(inputs, view=view)

    def execute(self, ctx):
        """Assigns with live progress and says how many went where."""
        try:
            given = {key: ctx.params[key] for key in PASSED if ctx.params.get(key) not in (None, "")}
            home = _home(ctx)
            if home is not ctx.dataset:
                given["run_dataset"] = home.name
            key = _run_key(ctx, home)
            samples = ctx.target_view()
            done = yield from stream(ctx, lambda progress: assign_clusters(samples, key, **given, progress=progress))
        except Exception as error:
            yield from failed(ctx, error)
            return
        if ctx.delegated:
            ctx.set_progress(progress=1, label=done["text"])
            return
        yield ctx.ops.reload_dataset()
        yield show(ctx, f"Field {done['cluster_field']}", _as_text(done))


def _add_run(ctx, inputs) -> bool:
    """Adds the choice of a dataset that has runs, and of a run."""
    others = [info["name"] for info in _with_runs() if info["name"] != ctx.dataset.name]
    if others:
        options = {HERE: "This dataset", **{f"in {name}": name for name in others}}
        add_choice(inputs, "run_dataset", options, HERE, "Dataset of the run")
    home = _home(ctx)
    if home is ctx.dataset:
        return bool(add_run(ctx, inputs))
    keys = list_clustering_runs(home)
    add_choice(inputs, "run_key", {key: key for key in reversed(keys)}, keys[-1], "Run")
    return True


def _with_runs() -> list[dict]:
    """The datasets that have runs, by one query; whether those are clusterings is seen when one is chosen."""
    from fiftyone.core.odm import get_db_conn

    return list(get_db_conn().datasets.find({"runs": {"$exists": True, "$ne": {}}}, {"name": 1}).sort("name"))


def _home(ctx):
    chosen = (ctx.params.get("run_dataset") or HERE).removeprefix("in ")
    if chosen in (HERE, ctx.dataset.name) or not fo.dataset_exists(chosen):
        return ctx.dataset
    home = fo.load_dataset(chosen)
    return home if list_clustering_runs(home) else ctx.dataset


def _run_key(ctx, home) -> str:
    keys = list_clustering_runs(home)
    key = ctx.params.get("run_key")
    if key in keys:
        return key
    if not keys or key:
        raise ValueError(f"dataset {home.name!r} has no run {key!r}; its runs are {', '.join(keys) or 'none'}")
    return keys[-1]


def _check_name(name):
    if not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"{name!r} is no field name; use letters, digits and underscores, starting with a letter")


def _as_text(done: dict) -> str:
    lines = [f"**{done['text']}**", ""]
    found = sorted(done["clusters"], key=lambda entry: -entry["size"])
    lines += [f"- {escape(entry['label'])}: {entry['size']:,}" for entry in found[:LISTED]]
    lines += [f"- and {len(found) - LISTED:,} more clusters"] if len(found) > LISTED else []
    return "\n".join([*lines, *(f"\nNote: {note}" for note in done["notes"])])
