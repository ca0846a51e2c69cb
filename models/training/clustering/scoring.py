"""Scores of clusters against known classes, only ever reported."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def scores(truth: list, labels: "np.ndarray") -> dict[str, float]:
    """``acc``, ``nmi`` and ``ari`` of labels ``(n,)`` against the known classes, only ever reported."""
    from ...analysis.metrics import score_labels

    found = score_labels(truth, labels)
    return {key: round(found[key], 4) for key in ("acc", "nmi", "ari")}
