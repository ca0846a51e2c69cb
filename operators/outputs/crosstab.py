"""Table of clusters as Markdown."""

from ...models.labels import NOISE
from .markdown import escape

COLUMNS = 40


def table_text(done: dict) -> str:
    """Return the result of ``tabulate_clusters`` as Markdown."""
    columns, shown = done["columns"], done["columns"][:COLUMNS]
    lonely = [row for row in done["rows"] if row["only_in"] and row["id"] != NOISE]
    lacking = [row for row in done["rows"] if row["missing_from"] and not row["only_in"] and row["id"] != NOISE]
    lines = [f"**{len(lonely)} clusters are in one of {len(columns)} {done['group_by']} values only**"]
    lines[0] += f"; {len(lacking)} more lack some" if lacking else ""
    if done["n_several"]:
        lines += ["", f"**{done['n_several']:,} {done['unit']} have several of them**, which splits must not"]
    if done["n_none"]:
        lines += ["", f"{done['n_none']:,} {done['unit']} have none"]
    head = ["cluster", "size", *(escape(value) for value in shown), "note"]
    lines += ["", f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in sorted(done["rows"], key=lambda row: (not row["only_in"], -len(row["missing_from"]), -row["size"])):
        note = f"only in {escape(row['only_in'])}" if row["only_in"] else ""
        if not note and row["missing_from"] and len(row["missing_from"]) <= 3:
            note = "not in " + ", ".join(escape(value) for value in row["missing_from"])
        cells = [escape(row["label"]), f"{row['size']:,}", *(f"{n:,}" for n in row["counts"][:COLUMNS]), note]
        lines.append(f"| {' | '.join(cells)} |")
    if len(columns) > COLUMNS:
        lines += ["", f"The first {COLUMNS} of {len(columns)} values are shown"]
    return "\n".join(lines)
