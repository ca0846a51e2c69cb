"""Summary of a training as Markdown, and its curve."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .plots import HEIGHT, curve
from .summary import seconds_text


def training_text(summary: dict) -> str:
    """Return a summary of ``train_encoder`` as Markdown that also reads well on a console."""
    stage = summary["curve"][-1]["stage"] if summary["curve"] else None
    losses = [entry["loss"] for entry in summary["curve"] if entry["stage"] == stage]
    lines = [f"**`{summary['encoder']}`**, {summary['kind']}, {summary['epochs']} of {summary['planned']} epochs"]
    lines += ["", f"{summary['images']:,} images at {summary['image_size']} pixels, {summary['dimension']} dimensions"]
    if losses:
        loss = f"{summary['loss_name']} {losses[-1]:.4g}, from {losses[0]:.4g}; trivial {summary['trivial_loss']:.4g}"
        lines += ["", loss, "", f"Neighbors kept under augmentation: {100 * summary['agreement']:.0f} %"]
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


def training_curves(summary: dict) -> list[dict]:
    """Return the curves of the loss, its trivial value, the agreement, and k-NN accuracy if there is one."""
    entries = summary["curve"]
    epochs = [entry["epoch"] for entry in entries]
    curves = [
        curve(summary["loss_name"], epochs, [entry["loss"] for entry in entries]),
        curve("trivial", epochs, [summary["trivial_loss"]] * len(epochs), line={"dash": "dot"}),
        curve("agreement", epochs, [entry["agreement"] for entry in entries], yaxis="y2"),
    ]
    if entries and entries[-1].get("knn_accuracy") is not None:
        curves.append(curve("k-NN accuracy", epochs, [entry.get("knn_accuracy") for entry in entries], yaxis="y2"))
    return curves


def training_output(summary: dict) -> types.Property:
    """Return the output form with text and curve, to be filled by :func:`training_results`."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    if summary["curve"]:
        layout = {
            "height": HEIGHT,
            "xaxis": {"title": {"text": "epoch"}},
            "yaxis": {"title": {"text": summary["loss_name"]}},
            "yaxis2": {"overlaying": "y", "side": "right", "range": [0, 1]},
            "legend": {"orientation": "h"},
        }
        outputs.plot("curve", label="Curve", layout=layout, config={"displaylogo": False})
    return types.Property(outputs, view=types.View(label=f"Encoder {summary['name']}"))


def training_results(summary: dict) -> dict:
    """Return the values of :func:`training_output`."""
    return {"text": training_text(summary), "curve": training_curves(summary)}


def show_training(ctx: foo.ExecutionContext, summary: dict) -> object:
    """Return the message that shows a training in the App."""
    return ctx.ops.show_output(training_output(summary).to_json(), training_results(summary))
