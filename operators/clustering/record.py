"""What a run records beside its labels: what was asked for, its clusters, scores, figures and versions."""

from importlib.metadata import PackageNotFoundError, version

from ..dataset.ground_truth import read_truth
from ..dataset.vector_fields import field_encoder
from ..evaluation.statistics import by_id, make_statistics, make_truth, with_version
from ..runs.config import RunConfig
from ..runs.maps import PANEL_COLORS

PACKAGES = ("fiftyone", "numpy", "scikit-learn", "scipy", "torch", "umap-learn", "hdbscan", "pynndescent")


def asked(request) -> dict:
    """What was asked for, as the run records it."""
    return {
        "method": request.method.name,
        "params": request.params,
        "seed": request.seed,
        "embeddings": request.field,
        "cluster_field": request.cluster_field,
        "patches_field": request.target.patches_field,
        "label_path": request.path,
        "ground_truth": request.ground_truth,
        "constraints_from": request.constraints_from,
    }


def encoders(request, widths) -> dict:
    """Which encoder made the vectors; of several fields in ``spaces``, one entry each, in the order of the columns."""
    target = request.target
    made_by = [field_encoder(target.source, target.local_path(field)) for field in request.fields]
    several = zip(request.fields, made_by, widths, strict=True) if len(widths) > 1 else ()
    spaces = [{"embeddings": field, "encoder": encoder, "dimension": width} for field, encoder, width in several]
    return {"encoder": made_by[0], "spaces": spaces}


def scored(request, table, X, labels) -> tuple[dict, list, list[str]]:
    """The scores, pairs of class and recall, and a note if there was no class to score against."""
    from ...models.analysis.metrics import per_class_recall, score_labels, score_vectors

    _, ordered, clusters = by_id(table.ids, X, labels)
    scores = score_vectors(ordered, clusters, seed=request.seed)
    if not request.ground_truth:
        return scores, [], []
    truth = read_truth(request.target, request.ground_truth, table.ids)
    known = [row for row, value in enumerate(truth) if value is not None]
    if not known:
        note = f"{request.ground_truth!r} has no class for these {request.target.unit}, so nothing was scored"
        return scores, [], [note]
    # Pairs, not a dict: a class may have any name, and the database refuses some as keys.
    recall = per_class_recall([truth[row] for row in known], labels[known])
    return {**scores, **score_labels(truth, labels)}, [[name, round(share, 4)] for name, share in recall.items()], []


def make_results(request, table, X, clusterer, known: bool) -> dict:
    """What the Clusters panel shows, computed now that the vectors are at hand."""
    statistics = make_statistics(table.ids, X, clusterer.labels_, clusterer.confidence_, request.seed)
    results = {"figures": with_version(statistics)}
    if known:
        truth = read_truth(request.target, request.ground_truth, table.ids)
        results["truth"] = with_version(make_truth(truth, clusterer.labels_, request.ground_truth))
    return results


def versions() -> dict[str, str]:
    """The versions of the packages that the numbers come from."""
    found = {}
    for package in PACKAGES:
        try:
            found[package.replace("-", "_")] = version(package)
        except PackageNotFoundError:
            continue
    return found


def summarize(run_key: str, config: RunConfig, clusters: list[dict], unit: str, color_by: str) -> dict:
    """What a run tells its user, plain data.

    Args:
        run_key: the run's key
        config: the run's configuration
        clusters: its clusters, with label and size
        unit: "images" or "patches"
        color_by: the path of the labels

    Returns:
        the summary, which :func:`as_text` renders
    """
    kept = ("method", "cluster_field", "embeddings", "visualization", "n_clusters", "n_used", "n_noise", "skipped")
    return {
        "run_key": run_key,
        "unit": unit,
        "color_by": color_by,
        **{key: getattr(config, key) for key in (*kept, "scores", "seconds")},
        "recall": config.recall,
        "sizes": {c["label"]: c["size"] for c in clusters},
        "notes": config.notes,
    }


def panel_note(n_clusters: int) -> list[str]:
    """A note if the Embeddings panel cannot colour them all."""
    if n_clusters <= PANEL_COLORS:
        return []
    return [f"the Embeddings panel colours only the {PANEL_COLORS} largest of these {n_clusters} clusters"]
