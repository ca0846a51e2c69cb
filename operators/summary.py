"""What a finished run says about itself, for the App, the console and the run's information."""

LARGEST = 12
PANEL_COLORS = 100


def as_text(summary: dict) -> str:
    """A summary as Markdown that also reads well on a console.

    Args:
        summary: what ``compute_clusters`` returned

    Returns:
        the text
    """
    lines = [
        f"**{summary['n_clusters']} clusters** of {summary['n_used']:,} {summary['unit']} "
        f"by {summary['method']}, run `{summary['run_key']}`",
        "",
        sizes_text(summary["sizes"], summary["n_used"]),
    ]
    if summary["skipped"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary["skipped"].items())
        lines += ["", f"Skipped: {reasons}"]
    if summary["scores"]:
        lines += ["", "| score | value |", "| --- | --- |", *score_rows(summary["scores"])]
    seconds = ", ".join(f"{stage} {taken:.1f}" for stage, taken in summary["seconds"].items())
    lines += ["", f"Seconds: {seconds}"]
    for note in summary["notes"]:
        lines += ["", f"Note: {note}"]
    return "\n".join(lines)


def sizes_text(sizes: dict, n_used: int) -> str:
    """The largest clusters with their sizes, and the noise."""
    clusters = sorted(((s, c) for c, s in sizes.items() if c != "noise"), reverse=True)
    shown = ", ".join(f"{cluster} {size:,}" for size, cluster in clusters[:LARGEST])
    more = f" and {len(clusters) - LARGEST:,} smaller" if len(clusters) > LARGEST else ""
    noise = sizes.get("noise", 0)
    tail = f"; noise {noise:,} ({100 * noise / n_used:.1f} %)" if noise else ""
    return f"Sizes: {shown or 'none'}{more}{tail}"


def score_rows(scores: dict) -> list[str]:
    """Table rows, one per score that could be computed."""
    shown = ((name, value) for name, value in scores.items() if value is not None)
    return [
        f"| {name} | {value:,.3f} |" if isinstance(value, float) else f"| {name} | {value} |"
        for name, value in shown
    ]
