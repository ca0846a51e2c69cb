"""The ``get_clustering_run_info`` operator: what a run did, readable and as JSON."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from . import runs
from .cluster_edits import as_markdown
from .edit_log import history
from .execution.python_call import PythonCall
from .run_choice import add_run, chosen_run, when
from .run_parts import read_part
from .summary import MAIN_SCORES, many_to_one_text, score_table, seconds_text

LISTED = 20  # edits


def get_clustering_run_info(samples, run_key: str) -> dict:
    """Everything that is kept about a run, as plain data.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key

    Returns:
        a dict with ``run_key``, ``created_at``, ``field_exists``, the ``edits`` and the run's configuration

    Raises:
        ValueError: in one sentence, if there is no such run
    """
    dataset = samples._root_dataset
    config = runs.get_config(dataset, run_key).serialize()
    plain = {key: value for key, value in config.items() if key not in ("cls", "type")}
    return {
        "run_key": run_key,
        "created_at": when(dataset.get_run_info(run_key).timestamp),
        "field_exists": runs.has_labels(dataset, run_key),
        **plain,
        "clusters": runs.read_clusters(dataset, run_key),
        "edits": history(read_part(dataset, run_key, "edits") or []),
    }


class GetClusteringRunInfo(PythonCall, foo.Operator):
    """Shows a run; see :func:`get_clustering_run_info`."""

    work = staticmethod(get_clustering_run_info)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="get_clustering_run_info",
            label="Clusters: get clustering run info",
            description="What a run did, with its scores and clusters",
            icon="/assets/icon.svg",
            dynamic=True,
            risk_level="low",
        )

    def resolve_input(self, ctx):
        """The form: which run."""
        inputs = types.Object()
        add_run(ctx, inputs)
        return types.Property(inputs, view=types.View(label="Clustering run info"))

    def execute(self, ctx):
        """Reads the run."""
        key = chosen_run(ctx)
        info = get_clustering_run_info(ctx.dataset, key)
        text = "\n".join([info_text(info), *edits_text(info["edits"])])
        return {"text": text, "clusters": cluster_rows(info["clusters"]), "json": info}

    def resolve_output(self, ctx):
        """Text, a table of the clusters, and everything as JSON."""
        outputs = types.Object()
        outputs.str("text", view=types.MarkdownView())
        row = types.Object()
        table = types.TableView()
        for key, label in (("label", "Cluster"), ("size", "Size"), ("share", "Share"), ("confidence", "Confidence")):
            row.str(key, label=label)
            table.add_column(key, label=label)
        outputs.list("clusters", row, view=table, label="Clusters")
        folded = {"jsonViewer": {"jsonViewerProps": {"collapsed": 1, "style": {"padding": "1rem"}}}}
        outputs.obj("json", label="Everything, as JSON", view=types.JSONView(componentsProps=folded))
        return types.Property(outputs, view=types.View(label="Clustering run"))


def cluster_rows(clusters: list[dict]) -> list[dict]:
    """Table rows, largest first."""
    total = sum(c["size"] for c in clusters) or 1
    return [
        {
            "label": c["label"],
            "size": f"{c['size']:,}",
            "share": f"{100 * c['size'] / total:.1f} %",
            "confidence": f"{c['confidence']:.2f}",
        }
        for c in sorted(clusters, key=lambda c: -c["size"])
    ]


def info_text(info: dict) -> str:
    """A run as Markdown."""
    params = ", ".join(f"{key}={value}" for key, value in info["params"].items()) or "defaults"
    spaces = info.get("spaces") or [info]
    fields = " and ".join(f"`{space['embeddings']}`" for space in spaces)
    made_by = " and ".join(_maker(space["encoder"]) for space in spaces)
    unit = f"patches of {info['patches_field']}" if info["patches_field"] else "images"
    lines = [
        f"**{info['run_key']}** · {info['method']} · {info['created_at']}",
        "",
        f"**{info['n_clusters']} clusters** of {info['n_used']:,} {unit}",
        "",
        f"**Parameters** {params}, seed={info['seed']}",
        "",
        f"**Vectors** {fields} by {made_by}, reduction {info['reduce']}",
        "",
        f"**Labels** `{info['cluster_field']}`"
        + ("" if info["field_exists"] else " (this field was deleted or renamed)"),
    ]
    if info["skipped"]:
        lines += ["", "**Skipped** " + ", ".join(f"{n:,} {reason}" for reason, n in info["skipped"].items())]
    if info["scores"]:
        lines += ["", *score_table(info["scores"], MAIN_SCORES), *many_to_one_text(info["scores"])]
    for note in info.get("notes") or []:
        lines += ["", f"Note: {note}"]
    versions = ", ".join(f"{name} {number}" for name, number in info["versions"].items())
    return "\n".join([*lines, "", seconds_text(info["seconds"]), "", f"**Versions** {versions}"])


def edits_text(edits: list[dict]) -> list[str]:
    """The lines of a Markdown list of the newest edits, the newest first."""
    if not edits:
        return []
    lines = ["", f"**Edits** {len(edits):,}, {sum(edit['in_effect'] for edit in edits):,} of them in effect", ""]
    for edit in reversed(edits[-LISTED:]):
        undone = "" if edit["in_effect"] else ", undone"
        lines.append(f"- {as_markdown(edit['text'])} ({as_markdown(edit['by'])}, {edit['at']}{undone})")
    return lines + [f"- and {len(edits) - LISTED:,} before"] * (len(edits) > LISTED)


def _maker(encoder: dict | None) -> str:
    return f"{encoder['name']} ({encoder['weights']})" if encoder else "an unrecorded encoder"
