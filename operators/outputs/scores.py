"""Scores of a run as Markdown."""

from .markdown import escape
from .summary import MAIN_SCORES, score_table
from .verdicts import agreement, shape

LISTED = 50
_COLUMNS = ("cohesion", "separation", "silhouette", "purity")


def scores_text(found: dict) -> str:
    """Return scores as Markdown: overall, then the largest clusters."""
    lines = [f"**{found['n']:,} members**, {len(found['clusters'])} clusters", ""]
    if words := _words(found):
        lines += [f"**{'; '.join(words)}**", ""]
    lines += score_table(found["scores"], MAIN_SCORES)
    rows = sorted(found["clusters"], key=lambda row: -row["size"])
    shown = [name for name in _COLUMNS if any(row.get(name) is not None for row in rows)]
    lines += ["", f"| cluster | size | share | {' | '.join(['confidence', *shown])} |"]
    lines += [f"| {' | '.join(['---'] * (4 + len(shown)))} |"]
    for row in rows[:LISTED]:
        cells = [f"{row[name]:.2f}" if row.get(name) is not None else "" for name in ("confidence", *shown)]
        name = escape(row["label"])
        lines += [f"| {name} | {row['size']:,} | {100 * row['share']:.1f} % | {' | '.join(cells)} |"]
    if len(rows) > LISTED:
        lines += ["", f"and {len(rows) - LISTED:,} smaller ones"]
    return "\n".join([*lines, *(part for note in found["notes"] for part in ("", f"Note: {note}"))])


def _words(found: dict) -> list[str]:
    ari, words = found["scores"].get("ari"), shape(found["clusters"])
    against = [] if ari is None else [f"{agreement(ari).capitalize()} with {escape(str(found['ground_truth']))}"]
    return [*against, words] if words else against
