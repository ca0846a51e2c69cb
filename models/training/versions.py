"""The versions that a training records."""

import platform
import re
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("torch", "timm", "numpy", "safetensors")


def versions() -> dict[str, str | None]:
    """The versions of what the numbers come from, the plugin's own among them."""
    manifest = (Path(__file__).parents[2] / "fiftyone.yml").read_text()
    own = re.search(r"^version:\s*[\"']?([^\"'\s]+)", manifest, re.MULTILINE)
    found: dict[str, str | None] = {name: version(name) for name in _LIBRARIES}
    return found | {"python": platform.python_version(), "constellation": own[1] if own else None}
