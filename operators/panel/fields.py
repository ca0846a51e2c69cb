"""Fields for names on the cards of the Clusters panel.

A field has to say which cluster of which run is meant, under which name the user saw it: the App sends its place in the
panel and what was typed, nothing else. Its own name says so. It has another one after each change and each refusal, so
that the App draws it anew, with the name that the cluster has; while others change, it stays, and what is typed in it.
"""

import hashlib

from .run import Card, PanelRun


def field_of(run: PanelRun, card: Card) -> str:
    """Return the name of the field that holds a card's name."""
    times = known_of(run, card.id).get("times", 0)
    return f"name_{card.id}_{name_print(run, card.name)}_{times}"


def parts_of(path: str) -> tuple[int, str]:
    """Return the cluster that a field was drawn for, and the print of its name then, from the field's place."""
    _, cluster, seen, _ = path.rpartition(".")[2].split("_")
    return int(cluster), seen


def known_of(run: PanelRun, cluster: int) -> dict:
    """Return what is known of the field of a cluster.

    Returns:
        ``{"times", "before", "after"}``: how often it was drawn anew, and the prints of the names before and after the
        user's own changes; empty if there was none
    """
    return (run.ui.get("typed") or {}).get(str(cluster)) or {}


def name_print(run: PanelRun, name: str) -> str:
    """Return a short text that a name in a run has for itself."""
    return hashlib.sha256(f"{run.key}/{name}".encode()).hexdigest()[:10]
