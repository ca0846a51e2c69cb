"""A training for people: a summary as Markdown and its curve."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .summary import seconds_text


def training_text(summary: dict) -> str:
    """A summary of :func:`operators.embedding.training.train_encoder` as Markdown that also reads well on a console."""
    stage = summary["curve"][-1]["stage"] if summary["curve"] else None
    losses = [entry["loss"] for entry in summary["curve"] if entry["stage"] == stage]
    lines = [f"**`{summary['encoder']}`**, {summary['kind']}, {summary['epochs']} of {summary['planned']} epochs"]
    lines += ["", f"{summary['images']:,} images at {summary['image_size']} pixels, {summary['dimension']} dimensions"]
    if losses:
        told = f"{summary['loss_name']} {losses[-1]:.4g}, from {losses[0]:.4g}; trivial {summary['trivial_loss']:.4g}"
        lines += ["", told, "", f"Neighbors kept under augmentation: {100 * summary['agreement']:.0f} %"]
        lines += ["", f"{summary['images_per_second']:,.0f} images/s"]
    if summary["knn_accuracy"] is not None:
        lines += ["", f"k-NN accuracy against the ground truth: {summary['knn_accuracy']:.3f} (reported only)"]
    if summary["note"]:
        lines += ["", f"**Not learning:** {summary['note']}"]
    if summary["skipped"]:
        lines += ["", "Skipped: " + ", ".join(f"{n:,} {reason}" for reason, n in summary["skipped"].items())]
    if summary["seconds"]:
        lines += ["", seconds_text(summary["seconds"])]
    return "\n".join([*lines, "", f"Kept in {summary['path']}"])


def curve_plot(summary: dict) -> list[dict]:
    """Plotly traces: the loss, its trivial value, the agreement, and k-NN accuracy if there is one."""
    curve = summary["curve"]
    epochs = [entry["epoch"] for entry in curve]
    trivial = [summary["trivial_loss"]] * len(epochs)
    traces = [
        {"name": summary["loss_name"], "x": epochs, "y": [entry["loss"] for entry in curve]},
        {"name": "trivial", "x": epochs, "y": trivial, "line": {"dash": "dot"}},
        {"name": "agreement", "x": epochs, "y": [entry["agreement"] for entry in curve], "yaxis": "y2"},
    ]
    if curve and curve[-1].get("knn_accuracy") is not None:
        traces.append(
            {"name": "k-NN accuracy", "x": epochs, "y": [e.get("knn_accuracy") for e in curve], "yaxis": "y2"}
        )
    return [{"type": "scatter", "mode": "lines", **trace} for trace in traces]


def training_output(summary: dict) -> types.Property:
    """The output form with text and curve, to be filled by :func:`training_results`."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    if summary["curve"]:
        layout = {
            "xaxis": {"title": {"text": "epoch"}},
            "yaxis": {"title": {"text": summary["loss_name"]}},
            "yaxis2": {"overlaying": "y", "side": "right", "range": [0, 1]},
            "legend": {"orientation": "h"},
        }
        outputs.plot("curve", label="Curve", layout=layout, config={"displaylogo": False})
    return types.Property(outputs, view=types.View(label=f"Encoder {summary['name']}"))


def training_results(summary: dict) -> dict:
    """Return the values of :func:`training_output`."""
    return {"text": training_text(summary), "curve": curve_plot(summary)}


def show_training(ctx: foo.ExecutionContext, summary: dict) -> object:
    """The message that shows a training in the App."""
    return ctx.ops.show_output(training_output(summary).to_json(), training_results(summary))
