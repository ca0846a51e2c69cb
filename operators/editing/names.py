"""Names of clusters as they are kept, from untrusted text."""

import unicodedata

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
