"""Proposed labels as Markdown."""

from .markdown import escape

LISTED = 50


def proposal_text(done: dict) -> str:
    """Return the proposals of ``propagate_labels`` as Markdown."""
    lines = [f"**{done['n_proposed']:,} proposals; {done['n_left']:,} {done['unit']} are left without**", ""]
    lines += ["| cluster | class | purity | known | proposed |", "|" + " --- |" * 5]
    found = sorted(done["clusters"], key=lambda entry: (-entry["proposed"], entry["id"]))
    for entry in found[:LISTED]:
        proposed = f"{entry['proposed']:,}" if entry["reason"] is None else f"none: {entry['reason']}"
        name = escape(entry["majority"]) if entry["majority"] is not None else ""
        cells = [escape(entry["label"]), name, f"{entry['purity']:.2f}", f"{entry['known']:,}", proposed]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines + ([f"\nand {len(found) - LISTED:,} more clusters"] if len(found) > LISTED else []))
