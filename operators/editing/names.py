"""Names of clusters as they are kept: plain text from untrusted text, and no two alike in one run."""

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME = 80
# Characters that change the direction of all that follows, and could make one name look like another
_DIRECTIONS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_JOINER = "\u200d"  # makes one emoji of several


def clean_name(name: str) -> str:
    """Return a cluster's name as it is kept: plain text, one line, at most 80 characters.

    Markup stays, as the text it is; control characters go; white space becomes single spaces; names in scripts from
    right to left and emoji stay.

    Args:
        name: what a person entered, or a model answered

    Raises:
        ValueError: if it is no text or nothing is left of it
    """
    if not isinstance(name, str):
        raise ValueError(f"the name {name!r} is no text; give a name of 1 to {MAX_NAME} characters")
    shown = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    shown = "".join(c for c in shown if c not in _DIRECTIONS and unicodedata.category(c) != "Cs")
    shown = " ".join(shown.split())
    if len(shown) > MAX_NAME:
        cut = MAX_NAME - 1
        while cut and (unicodedata.category(shown[cut]) in ("Mn", "Me", "Cf") or shown[cut - 1] == _JOINER):
            cut -= 1  # not inside an accented letter or an emoji of several
        shown = f"{shown[:cut].rstrip()}…"
    if not any(unicodedata.category(c)[0] not in "CZ" for c in shown):
        raise ValueError(f"the name {name[:20]!r} shows nothing; give a name of 1 to {MAX_NAME} characters")
    return shown


def distinct_names(names: dict[int, str], others: Iterable[str], default: str = "cluster") -> dict[int, str]:
    """Return names that the legend and filters of the App can tell apart: "cats", "cats (2)".

    Args:
        names: new names by cluster id; of equal ones that of the smallest id stays as it is
        others: the names of all other clusters, noise included, which stay
        default ("cluster"): the word that default names begin with, "group" of coarse clusters

    Returns:
        the names by cluster id; reserved ones, see :func:`check_reserved`, get a number, too
    """
    taken, found = {_same(name) for name in others}, {}
    for cluster in sorted(names):
        name, number = names[cluster], 1
        while _same(name) in taken or _is_reserved(cluster, name, default):
            number += 1
            end = f" ({number})"
            name = f"{names[cluster][: MAX_NAME - len(end)].rstrip()}{end}"
        taken.add(_same(name))
        found[cluster] = name
    return found


def check_reserved(cluster: int, name: str, default: str = "cluster") -> None:
    """Refuse a name that means something else in every run.

    Args:
        cluster: the id of the cluster that is to have it
        name: the name
        default ("cluster"): the word that default names begin with, "group" of coarse clusters

    Raises:
        ValueError: if it is "noise", or the default name of another cluster
    """
    if _is_reserved(cluster, name, default):
        owner = "samples in no cluster" if name.casefold() == "noise" else f"the {default} of that number"
        raise ValueError(f"{name!r} is kept for {owner}; choose another name for {default} {cluster}")


def _is_reserved(cluster: int, name: str, default: str) -> bool:
    number = re.fullmatch(rf"{default} ([0-9]+)", name.casefold())
    return name.casefold() == "noise" or (number is not None and int(number[1]) != cluster)


def _same(name: str) -> str:
    """Return what two names that look the same have in common."""
    return unicodedata.normalize("NFC", name)
