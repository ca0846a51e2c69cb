"""Record of a run beside its labels: its request, encoders, scores, statistics and versions."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..dataset.ground_truth import read_truth
from ..dataset.shapes import slices_of
from ..dataset.vector_fields import field_encoder
from ..dataset.vectors import VectorTable
from ..evaluation.statistics import by_id, make_statistics, make_truth, with_version
from ..runs.config import RunConfig
from ..runs.maps import PANEL_COLORS
from .request import Request

if TYPE_CHECKING:
    from .fitting import Fitted

PACKAGES = ("fiftyone", "numpy", "scikit-learn", "scipy", "torch", "umap-learn", "hdbscan", "pynndescent")


class Scored(NamedTuple):
    """Scores of a clustering.

    Args:
        scores: by name
        recall: pairs of class and recall
        known: whether there were classes to score against
        notes: a note if there was no class to score against though a field was named
    """

    scores: dict[str, float | None]
    recall: list[list]
    known: bool
    notes: list[str]


def requested(request: Request) -> dict:
    """Return the request as the run records it."""
    return {
        "method": request.method.name,
        "params": request.params,
        "seed": request.seed,
        "embeddings": request.field,
        "cluster_field": request.cluster_field,
        "patches_field": request.target.patches_field,
        "slices": slices_of(request.target.source),
        "label_path": request.path,
        "ground_truth": request.ground_truth,
        "constraints_from": request.constraints_from,
    }


def encoders(request: Request, widths: list[int]) -> dict:
    """Return the encoder that made the vectors; of several fields in ``spaces``, in the order of the columns."""
    target = request.target
    made_by = [field_encoder(target.source, target.local_path(field)) for field in request.fields]
    several = zip(request.fields, made_by, widths, strict=True) if len(widths) > 1 else ()
    spaces = [{"embeddings": field, "encoder": encoder, "dimension": width} for field, encoder, width in several]
    return {"encoder": made_by[0], "spaces": spaces}


def score(request: Request, table: VectorTable, X: np.ndarray, labels: np.ndarray) -> Scored:
    """Score labels ``(n,)`` by the vectors ``(n, d)``, and against the classes of the request if it names a field."""
    from ...models.analysis.metrics import per_class_recall, score_labels, score_vectors

    _, ordered, clusters = by_id(table.ids, X, labels)
    scores = score_vectors(ordered, clusters, seed=request.seed)
    if not request.ground_truth:
        return Scored(scores, [], False, [])
    truth = read_truth(request.target, request.ground_truth, table.ids)
    known = [row for row, value in enumerate(truth) if value is not None]
    if not known:
        note = f"{request.ground_truth!r} has no class for these {request.target.unit}, so nothing was scored"
        return Scored(scores, [], False, [note])
    # Pairs, not a dict: a class may have any name, and the database refuses some as keys.
    recall = per_class_recall([truth[row] for row in known], labels[known])
    pairs = [[name, round(share, 4)] for name, share in recall.items()]
    return Scored({**scores, **score_labels(truth, labels)}, pairs, True, [])


def make_results(request: Request, table: VectorTable, X: np.ndarray, fitted: "Fitted", known: bool) -> dict[str, dict]:
    """Compute the statistics of the Clusters panel now that the vectors are at hand.

    Args:
        request: the request
        table: ids of the images or patches
        X: ``(n, d)`` their vectors as they were clustered
        fitted: the fitted clusterer, and the clusters of all
        known: whether there are classes to compare with
    """
    statistics = make_statistics(table.ids, X, fitted.labels, fitted.confidence, request.seed)
    results = {"figures": with_version(statistics)}
    if known and request.ground_truth:
        truth = read_truth(request.target, request.ground_truth, table.ids)
        results["truth"] = with_version(make_truth(truth, fitted.labels, request.ground_truth))
    return results


def versions() -> dict[str, str]:
    """Return the versions of the packages that the numbers come from."""
    found = {}
    for package in PACKAGES:
        try:
            found[package.replace("-", "_")] = version(package)
        except PackageNotFoundError:
            continue
    return found


def summarize(run_key: str, config: RunConfig, clusters: list[dict], unit: str, color_by: str) -> dict:
    """Summarize a run for its user, plain data.

    Args:
        run_key: the run's key
        config: the run's configuration
        clusters: its clusters, with label and size
        unit: what was clustered: "images", "patches"...
        color_by: the path of the labels

    Returns:
        the summary, which :func:`operators.outputs.summary.as_text` renders
    """
    kept = ("method", "cluster_field", "embeddings", "visualization", "n_clusters", "n_used", "n_noise", "skipped")
    return {
        "run_key": run_key,
        "unit": unit,
        "color_by": color_by,
        **{key: getattr(config, key) for key in (*kept, "scores", "seconds")},
        "recall": config.recall,
        "sizes": {c["label"]: c["size"] for c in clusters},
        "fit_on": config.fit_on,
        "notes": config.notes,
    }


def map_note(unit: str, n: int) -> list[str]:
    """Return a note if the Embeddings panel has no map of such a unit, or if that of ``n`` was drawn of a sample."""
    from ...models.vectors.sampled_map import DRAWN

    if unit == "clips":
        return ["the Embeddings panel has no maps of clips, so none was made"]
    if n <= DRAWN:
        return []
    return [f"the map was drawn of {DRAWN:,} {unit}; the others stand on it among their nearest neighbors"]


def panel_note(n_clusters: int) -> list[str]:
    """Return a note if the Embeddings panel cannot color all clusters."""
    if n_clusters <= PANEL_COLORS:
        return []
    return [f"the Embeddings panel colors only the {PANEL_COLORS} largest of these {n_clusters} clusters"]
