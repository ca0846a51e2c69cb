"""Summary of a naming job, plain data."""

from typing import Any

from ...models.labels import NOISE
from ..runs.members import Members
from .request import LLM, NamingRequest
from .session import by_reason

NOTHING_SENT = {
    "model": None,
    "host": None,
    "calls": 0,
    "images_sent": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cost": 0.0,
    "stopped": None,
}


def summarize(
    request: NamingRequest,
    members: Members,
    found: dict[int, dict],
    failed: dict[int, str],
    named: int,
    unchanged: int,
    **more: Any,
) -> dict:
    """Summarize a naming job.

    Args:
        request: the request
        members: the run's members
        found: name records by cluster
        failed: reasons by cluster
        named: number of clusters that got a name
        unchanged: number of clusters whose name stayed
        **more: usage of the server, see :meth:`operators.naming.session.LLMJob.used`, and ``shared``
    """
    summary = {
        "run_key": request.run.key,
        "source": request.arguments.source,
        "n_clusters": sum(record["id"] != NOISE for record in members.clusters),
        "named": named,
        "unchanged": unchanged,
        "mixed": sum(not about.get("coherent", True) for about in found.values()),
        "names": {cluster: found[cluster]["name"] for cluster in sorted(found)},
        "failures": by_reason(failed),
        "failed": failed,
        **more,
    }
    return {**summary, "text": _text(summary)}


def _text(summary: dict) -> str:
    """Return in one or two sentences how it ended: ``97 of 100 named, 3 need another try: filtered (2), ...``."""
    total = summary["named"] + len(summary["failed"])
    if not total:
        return f"All {summary['unchanged']:,} had a name, and nothing they depend on has changed"
    text = f"{summary['named']:,} of {total:,} named"
    if summary["unchanged"]:
        text += f", {summary['unchanged']:,} others had a name"
    if summary["failed"]:
        why = ", ".join(f"{reason} ({n:,})" for reason, n in summary["failures"].items())
        n = len(summary["failed"])
        remedy = "another try" if summary["source"] == LLM else "a name from elsewhere"
        text += f", {n:,} need{'s' if n == 1 else ''} {remedy}: {why}"
    if summary["stopped"]:
        text += f"; ended early: {summary['stopped']}"
    return text
