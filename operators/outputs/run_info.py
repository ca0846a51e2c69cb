"""Run information as Markdown."""

from .markdown import escape
from .summary import MAIN_SCORES, many_to_one_text, score_table, seconds_text

LISTED = 20  # edits


def cluster_rows(clusters: list[dict]) -> list[dict]:
    """Return the rows of a table of clusters, largest first."""
    total = sum(c["size"] for c in clusters) or 1
    return [
        {
            "label": c["label"],
            "size": f"{c['size']:,}",
            "share": f"{100 * c['size'] / total:.1f} %",
            "confidence": f"{c['confidence']:.2f}",
        }
        for c in sorted(clusters, key=lambda c: -c["size"])
    ]


def info_text(info: dict, with_scores: bool = True) -> str:
    """Return a run as Markdown.

    Args:
        info: see :func:`operators.runs.info.get_clustering_run_info`
        with_scores (True): whether its scores are in it
    """
    params = ", ".join(f"{key}={value}" for key, value in info["params"].items()) or "defaults"
    spaces = info.get("spaces") or [info]
    fields = " and ".join(f"`{space['embeddings']}`" for space in spaces)
    made_by = " and ".join(_maker(space["encoder"]) for space in spaces)
    unit = info["unit"] + (f" of {info['patches_field']}" if info["patches_field"] else "")
    if info["slices"]:
        unit += f" in slice {', '.join(info['slices'])}"
    lines = [
        f"**{info['run_key']}** · {info['method']} · {info['created_at']}",
        "",
        f"**{info['n_clusters']} clusters** of {info['n_used']:,} {unit}",
        "",
        f"**Parameters** {params}, seed={info['seed']}",
        "",
        f"**Vectors** {fields} by {made_by}, reduction {info['reduce']}",
        "",
        f"**Labels** `{info['cluster_field']}`"
        + ("" if info["field_exists"] else " (this field was deleted or renamed)"),
    ]
    if info["skipped"]:
        lines += ["", "**Skipped** " + ", ".join(f"{n:,} {reason}" for reason, n in info["skipped"].items())]
    if info["scores"] and with_scores:
        lines += ["", *score_table(info["scores"], MAIN_SCORES), *many_to_one_text(info["scores"])]
    for note in info.get("notes") or []:
        lines += ["", f"Note: {note}"]
    versions = ", ".join(f"{name} {number}" for name, number in info["versions"].items())
    return "\n".join([*lines, "", seconds_text(info["seconds"]), "", f"**Versions** {versions}"])


def edits_text(edits: list[dict]) -> list[str]:
    """Return the lines of a Markdown list of the newest edits, the newest first."""
    if not edits:
        return []
    lines = ["", f"**Edits** {len(edits):,}, {sum(edit['in_effect'] for edit in edits):,} of them in effect", ""]
    for edit in reversed(edits[-LISTED:]):
        undone = "" if edit["in_effect"] else ", undone"
        lines.append(f"- {escape(edit['text'])} ({escape(edit['by'])}, {edit['at']}{undone})")
    return lines + [f"- and {len(edits) - LISTED:,} before"] * (len(edits) > LISTED)


def _maker(encoder: dict | None) -> str:
    return f"{encoder['name']} ({encoder['weights']})" if encoder else "an unrecorded encoder"
