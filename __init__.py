"""Constellation, a FiftyOne plugin: find the groups in a pile of images."""

from typing import Any


def register(plugin: Any) -> None:
    """Register every operator and panel named in ``fiftyone.yml``.

    FiftyOne re-runs this file on every request, so it holds no state and imports inside the function.
    """
    from .operators import OPERATORS, PANELS

    for operator in OPERATORS + PANELS:
        plugin.register(operator)
