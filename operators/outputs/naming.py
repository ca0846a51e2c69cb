"""Summary of a naming job as Markdown, and the pictures of a dry run."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.images.contact_sheets import captioned_sheet
from ...models.images.thumbnails import jpeg_url
from .markdown import escape

SHOWN = 200  # names in the table
PREVIEWED = 5  # questions of a dry run whose pictures are shown


def naming_text(summary: dict) -> str:
    """Return the summary of a naming job as Markdown."""
    lines = [f"**{escape(summary['text'])}**", ""]
    if summary["model"]:
        tokens = summary["input_tokens"] + summary["output_tokens"]
        cost = "" if summary["cost"] is None else f", ${summary['cost']:.4f}"
        lines += [f"{escape(summary['model'])} at {escape(summary['host'])}: {summary['calls']:,} calls, "]
        lines[-1] += f"{summary['images_sent']:,} images, {tokens:,} tokens{cost}"
    if summary["mixed"]:
        n = summary["mixed"]
        lines += ["", f"{n} cluster{'s are' if n > 1 else ' is'} mixed: the images do not belong together"]
    if summary["shared"]:
        lines += ["", "Clusters that share a name stay apart by their ids"]
    names = list(summary["names"].items())[:SHOWN]
    if names:
        lines += ["", "| Cluster | Name |", "|---|---|"]
        lines += [f"| {cluster} | {escape(name)} |" for cluster, name in names]
    more = len(summary["names"]) - len(names)
    return "\n".join(lines + ([f"\nand {more:,} more"] if more > 0 else []))


def show_naming(ctx: foo.ExecutionContext, summary: dict) -> object:
    """Return the message that shows the summary of a naming job, or a dry run, in the App."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    if not summary.get("dry_run"):
        view = types.View(label=f"Names of {summary['run_key']}")
        return ctx.ops.show_output(types.Property(outputs, view=view).to_json(), {"text": naming_text(summary)})
    results = {"text": _dry_run_text(summary)}
    for place, question in enumerate(summary["questions"][:PREVIEWED]):
        outputs.str(f"question_{place}", view=types.MarkdownView())
        outputs.str(f"pictures_{place}", view=types.ImageView(width="100%"))
        results[f"question_{place}"] = f"**Cluster {question['cluster']}** · {escape(question['text'])}"
        results[f"pictures_{place}"] = _data_url(question["pictures"])
    view = types.View(label="Dry run: nothing was sent")
    return ctx.ops.show_output(types.Property(outputs, view=view).to_json(), results)


def _dry_run_text(summary: dict) -> str:
    low, high = summary["tokens"]
    cost = "" if summary["cost"] is None else f", ${summary['cost'][0]:.2g} to ${summary['cost'][1]:.2g}"
    n = summary["n_questions"]
    text = f"Nothing was sent. **{n:,} question{'s' if n != 1 else ''} with {summary['n_images']:,} pictures** "
    text += f"({summary['n_bytes'] / 1e6:.1f} MB) would go to {escape(summary['host'])}, "
    text += f"model {escape(summary['model'])}; {low:,} to {high:,} tokens{cost}"
    if summary["questions"]:
        text += f"\n\nThe rules of every question: {escape(summary['questions'][0]['system'])}"
    return text


def _data_url(pictures: list[bytes]) -> str:
    if len(pictures) == 1:
        return jpeg_url(pictures[0])
    return jpeg_url(captioned_sheet(pictures, [str(i + 1) for i in range(len(pictures))]))
