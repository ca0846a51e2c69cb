"""Scores of a run as Markdown."""

from .markdown import escape
from .summary import MAIN_SCORES, score_table

LISTED = 50
COLUMNS = ("cohesion", "separation", "silhouette", "purity")


def scores_text(found: dict) -> str:
    """Return scores as Markdown: overall, then the largest clusters."""
    lines = [f"**{found['n']:,} members**, {len(found['clusters'])} clusters", ""]
    lines += score_table(found["scores"], MAIN_SCORES)
    rows = sorted(found["clusters"], key=lambda row: -row["size"])
    shown = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    lines += ["", f"| cluster | size | share | {' | '.join(['confidence', *shown])} |"]
    lines += [f"| {' | '.join(['---'] * (4 + len(shown)))} |"]
    for row in rows[:LISTED]:
        cells = [f"{row[name]:.2f}" if row.get(name) is not None else "" for name in ("confidence", *shown)]
        name = escape(row["label"])
        lines += [f"| {name} | {row['size']:,} | {100 * row['share']:.1f} % | {' | '.join(cells)} |"]
    if len(rows) > LISTED:
        lines += ["", f"and {len(rows) - LISTED:,} smaller ones"]
    return "\n".join([*lines, *(part for note in found["notes"] for part in ("", f"Note: {note}"))])
