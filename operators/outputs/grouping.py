"""Groups by a criterion as Markdown."""

from .markdown import escape


def groups_text(summary: dict) -> str:
    """Return the summary of a grouping as Markdown."""
    if summary.get("dry_run"):
        return f"{summary['calls']:,} questions with {summary['n_sent']:,} of {summary['n_images']:,} images"
    cost = "" if summary["cost"] is None else f", ${summary['cost']:.4f}"
    lines = [f"**{escape(summary['text'])}**{cost}", "", "| Group | Images | |", "|---|---|---|"]
    for group in sorted(summary["groups"], key=lambda group: -group["size"]):
        lines.append(f"| {escape(group['name'])} | {group['size']:,} | {escape(group['description'])} |")
    return "\n".join(lines)
