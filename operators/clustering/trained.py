"""Clusterer that was trained on images together with its encoder, and the record of that training in a run."""

import warnings
from typing import Any

import numpy as np

from ...models.clusterers import get_clusterer
from ...models.clusterers.base import Clusterer, settled
from ...models.clusterers.deep import networks
from ...models.progress import Progress
from ...models.vectors.copies import first_copies


class TrainedClusterer(Clusterer):
    """Clusters that were learned with their features; fitting only applies the head to the vectors of its encoder.

    Args:
        method: the method's name
        record: of the checkpoint
        head: the description and arrays of its head

    Attributes:
        spec_, arrays_, history_, collapsed_, fallback_: as a deep clusterer's
        training_: the record of the training in the run
    """

    placed_by = "head"
    spec_: dict
    arrays_: dict[str, np.ndarray]

    def __init__(self, method: str, record: dict, head: tuple[dict, dict[str, np.ndarray]]) -> None:
        self.name, self._record, self._head = method, record, head
        self.history_ = training_history(record)
        self.training_ = training_summary(record)
        self.collapsed_ = record["memory"].get("collapsed", [])
        self.fallback_ = record["memory"].get("fallback", False)
        self.prototypes_by = get_clusterer(method).prototypes_by

    def get_params(self, deep: bool = True) -> dict:
        """Return no parameters: none could still be set."""
        return {}

    def fit(
        self, X: np.ndarray, y: Any = None, progress: Progress | None = None, copies: np.ndarray | None = None
    ) -> "TrainedClusterer":
        """Apply the head to the vectors ``(n, d)`` that its encoder made; the arguments are those of any clusterer."""

        def among(used: np.ndarray, *_: Any) -> tuple[np.ndarray, np.ndarray]:
            self.arrays_ = networks.without_unused(self.spec_, self.arrays_, used)
            return networks.most_likely(X, self.spec_, self.arrays_)

        for note in [_origin_note(self._record), *self._record["memory"].get("remarks", [])]:
            warnings.warn(note, stacklevel=2)
        self.n_features_in_ = X.shape[1]
        self.spec_, self.arrays_ = self._head
        wanted = self._record["params"]["n_clusters"]
        copies = first_copies(X) if copies is None else copies
        labels, confidence = networks.most_likely(X, self.spec_, self.arrays_)
        self.labels_, self.confidence_ = settled(copies, labels, confidence, wanted, among)
        found = int(self.labels_.max()) + 1
        if found < wanted:
            remedy = "ask for fewer, or train longer"
            warnings.warn(f"{self.name} found {found} clusters, fewer than n_clusters={wanted}; {remedy}", stacklevel=2)
        return self


def training_history(record: dict) -> dict[str, list]:
    """Return the curve of a checkpoint as a run keeps it: lists by name, over the epochs that cluster."""
    rows = []
    for epoch in record["curve"]:
        if "health" in epoch:
            rows.append({"step": epoch["epoch"], "loss": epoch["loss"], **epoch.get("parts", {}), **epoch["health"]})
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def training_summary(record: dict) -> dict:
    """Return where a training started, its stages, and its seconds.

    Of a stage it says its epochs, the last one's loss, the one whose network was kept, why it ended, and its scores.
    """
    memory = record["memory"]
    known, best, reasons = (memory.get(key, {}) for key in ("scores", "best", "reasons"))
    stages: dict[str, dict] = {}
    for epoch in record["curve"]:
        name = epoch["stage"]
        stage = stages.setdefault(name, {"stage": name, "epochs": 0, "kept": 0, "ended": reasons.get(name)})
        stage |= {"epochs": stage["epochs"] + 1, "loss": epoch["loss"]}
        if epoch["epoch"] <= best.get(name, epoch)["epoch"]:
            stage["kept"] = stage["epochs"]
    return {
        "name": record["name"],
        "start": (record.get("start") or {}).get("name"),
        "stages": [stage | {"scores": known.get(name)} for name, stage in stages.items()],
        "inherited": known.get("inherited"),
        "before": known.get("k-means"),
        "fallback": record["memory"].get("fallback", False),
        "seconds": record["seconds"],
    }


def _origin_note(record: dict) -> str:
    origin = f", which started from trained:{record['start']['name']}" if record.get("start") else ""
    return f"features and clusters learned together; they are kept as the encoder trained:{record['name']}{origin}"
