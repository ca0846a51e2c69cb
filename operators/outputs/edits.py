"""Edits, hierarchies and assignments as Markdown."""

from .markdown import escape

LISTED = 20


def assignment_text(done: dict) -> str:
    """Return an assignment of new samples as Markdown."""
    lines = [f"**{done['text']}**", ""]
    found = sorted(done["clusters"], key=lambda entry: -entry["size"])
    lines += [f"- {escape(entry['label'])}: {entry['size']:,}" for entry in found[:LISTED]]
    lines += [f"- and {len(found) - LISTED:,} more clusters"] if len(found) > LISTED else []
    return "\n".join([*lines, *(f"\nNote: {note}" for note in done["notes"])])


def hierarchy_text(done: dict) -> str:
    """Return a coarse level as Markdown."""
    lines = [f"**{done['text']}**, in field `{done['coarse_field']}`", ""]
    for coarse in done["clusters"]:
        lines.append(f"- {escape(coarse['label'])}: {coarse['size']:,} in {len(coarse['clusters'])} clusters")
    return "\n".join(lines)


def edit_text(done: dict) -> str:
    """Return the result of an edit as Markdown that shows names as the text they are."""
    lines = [f"{escape(done['text'])}. {done['n_changed']:,} labels changed."]
    for entry in done["clusters"]:
        lines += ["", f"- {escape(entry['label'])}: {entry['size']:,}"]
    if done["n_changed"]:
        lines += ["", "A map that is open in the Embeddings panel follows when you choose its *Color by* again."]
    return "\n".join(lines)
