"""Embedding summary as Markdown."""


def embedding_text(summary: dict) -> str:
    """Return a summary of computed embeddings as Markdown."""
    lines = [
        f"**{summary['computed']:,} computed**, {summary['existing']:,} were there, "
        f"{summary['images_per_second']:.0f} per second"
    ]
    for reason, count_failed in summary["failed"].items():
        some = ", ".join(str(i) for i in summary["failed_ids"][reason][:5])
        lines += ["", f"Failed: {count_failed:,} {reason} (tagged `embedding_failed`; {some})"]
    for note in summary.get("notes") or []:
        lines += ["", f"Note: {note}"]
    return "\n".join(lines)
