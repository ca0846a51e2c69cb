"""Writes the digest of the panel's browser modules into the file that loads them: after a change of any of them."""

import hashlib
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "panel"
STUB = FOLDER / "index.js"
_MARK = re.compile(r"\?v=(\w+)")


def digest() -> str:
    """Return the digest of all modules."""
    found = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.js")):
        if path != STUB:
            found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def written() -> str:
    """Return the digest that the browser is sent with."""
    return _MARK.search(STUB.read_text())[1]


if __name__ == "__main__":
    STUB.write_text(_MARK.sub(f"?v={digest()}", STUB.read_text()))
    sys.stdout.write(f"{written()}\n")
