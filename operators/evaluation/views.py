"""Views of a run's clusters for the grid: a cluster in some order, its borderline members, those without one."""

from functools import reduce
from operator import and_
from typing import Any

import fiftyone as fo
import numpy as np

from ..dataset import selections
from ..dataset.ground_truth import truth_path
from ..dataset.rows import label_path
from ..dataset.shapes import has_labels_as_samples, labels_as_samples
from ..dataset.targets import resolve_target
from ..dataset.vectors import read_spaces
from ..runs.clusters import check_cluster
from ..runs.config import RunConfig
from ..runs.run import Run
from .scores import current_statistics

ORDERS = {
    "confidence": "most confident first",
    "typical": "most typical first",
    "atypical": "least typical first",
    "borderline": "nearest to another cluster first",
}
N_BORDERLINE = 100


def cluster_view(
    run: Run, samples: fo.core.collections.SampleCollection, cluster: int, order: str = "confidence"
) -> fo.DatasetView:
    """Make a view of the members of a cluster.

    Args:
        run: the run
        samples: the dataset, or a view into it
        cluster: a cluster id, -1 for noise
        order ("confidence"): one of ``ORDERS``; the typical, atypical and borderline ones are at most 2,000

    Returns:
        a view; of patches if the run is of patches

    Raises:
        ValueError: if there is no such cluster or order, or the labels are gone
    """
    config = run.config
    run.check_labels()
    check_order(order)
    check_cluster(run.key, cluster, run.names, noise=True)
    members = labels_match(run.as_seen(samples), config, {"cluster": cluster})
    if order == "confidence":
        # the index on both fields, see `operators.runs.labels.index_labels`, serves this as it stands
        return members.sort_by(f"{label_path_in(members, config)}.confidence", reverse=True, create_index=False)
    if order == "borderline":
        ids = current_statistics(run)["clusters"].get(str(cluster), {}).get("border", [])
    else:
        ids = _by_typicality(members, config, reverse=order == "atypical")[: selections.LISTED]
    return selections.selected(members, ids, ordered=True)


def members_view(run: Run, samples: fo.core.collections.SampleCollection) -> fo.DatasetView:
    """Make a view of all images or patches among ``samples`` that have a label of a run, noise included.

    Raises:
        ValueError: if the labels are gone
    """
    run.check_labels()
    return labels_match(run.as_seen(samples), run.config, {"cluster": {"$ne": None}})


def borderline_view(run: Run, samples: fo.core.collections.SampleCollection) -> fo.DatasetView:
    """Make a view of the borderline images or patches of a run, the nearest to another cluster than theirs first."""
    run.check_labels()
    clusters = current_statistics(run)["clusters"].values()
    pairs = [pair for found in clusters for pair in zip(found.get("margin", []), found.get("border", []), strict=True)]
    return ids_view(run, samples, [key for _, key in sorted(pairs)[:N_BORDERLINE]], ordered=True)


def ids_view(
    run: Run, samples: fo.core.collections.SampleCollection, ids: list[str], ordered: bool = False
) -> fo.DatasetView:
    """Make a view of some images or patches of a run.

    Args:
        run: the run
        samples: the dataset, or a view into it
        ids: their ids, of which those that ``samples`` has are shown
        ordered (False): whether they are shown in the order of ``ids``, up to 2,000

    Raises:
        ValueError: if they are too many for a view
    """
    selections.check_count(len(ids))
    config, base = run.config, run.as_seen(samples)
    if config.patches_field and not has_labels_as_samples(base):
        some = base.select_labels(ids=ids, fields=config.patches_field)
        base = labels_as_samples(some, config.patches_field)
    return selections.selected(base, ids, ordered)


def labels_match(
    base: fo.core.collections.SampleCollection, config: RunConfig, wanted: dict[str, Any]
) -> fo.DatasetView:
    """Make a view of the images or patches whose label of a run has these values.

    Args:
        base: samples as the run saw them
        config: the run's configuration
        wanted: values by attribute of the label, as MongoDB compares them
    """
    if config.patches_field and not has_labels_as_samples(base):
        # the filter comes first, so that only the wanted patches are made
        name = config.cluster_field
        conditions = [_compared(fo.ViewField(f"{name}.{key}"), value) for key, value in wanted.items()]
        kept = reduce(and_, conditions)
        return labels_as_samples(base.filter_labels(config.patches_field, kept), config.patches_field)
    path = label_path_in(base, config)
    return base.match({f"{path}.{name}": value for name, value in wanted.items()})


def part_view(
    run: Run, samples: fo.core.collections.SampleCollection, wanted: dict[str, Any], ground_truth: str | None = None
) -> fo.DatasetView:
    """Make a view of the images or patches of a run whose labels have certain values.

    Args:
        run: the run
        samples: the dataset, or a view into it
        wanted: values by attribute of the label, as MongoDB compares them, and for ``class`` the name of a class
        ground_truth (None): the field of that class
    """
    labels = {name: value for name, value in wanted.items() if name != "class"}
    found = labels_match(run.as_seen(samples), run.config, labels)
    return of_class(found, run.config, ground_truth or "", wanted["class"]) if "class" in wanted else found


def of_class(view: fo.DatasetView, config: RunConfig, ground_truth: str, name: str) -> fo.DatasetView:
    """Narrow a view of images or patches to those whose class is called ``name``."""
    target = resolve_target(view, config.patches_field)
    path = truth_path(target, ground_truth)
    kind = target.source.get_field(path)
    value: bool | int | str = name
    if isinstance(kind, fo.BooleanField):
        value = name == "True"
    elif isinstance(kind, fo.IntField):
        value = int(name)
    if target.labels and config.patches_field:
        path = path.replace(target.labels, config.patches_field, 1)
    return view.match(fo.ViewField(path) == value)


def unassigned_view(run: Run, samples: fo.core.collections.SampleCollection) -> fo.DatasetView:
    """Make a view of the images or patches among ``samples`` that have no label of a run."""
    return labels_match(run.as_seen(samples), run.config, {"cluster": None})


def count_unassigned(run: Run) -> int:
    """Count the images or patches that have no label of a run."""
    config = run.config
    if not config.patches_field:
        return unassigned_view(run, run.dataset).count()
    source = run.target.source  # a view of patches would be made of all of them to be counted
    root, _ = label_path(source, config.patches_field)
    return source.count(f"{root}.id") - source.count(f"{root}.{config.cluster_field}.cluster")


def check_order(order: str) -> None:
    """Raise ValueError if there is no such order."""
    if order not in ORDERS:
        raise ValueError(f"order={order!r} is not known; use one of {', '.join(ORDERS)}")


def label_path_in(base: fo.core.collections.SampleCollection, config: RunConfig) -> str:
    """Return the path of the labels in a view of images or patches."""
    return f"{config.patches_field}.{config.cluster_field}" if has_labels_as_samples(base) else config.cluster_field


def _compared(field: fo.ViewField, value: Any) -> fo.core.expressions.ViewExpression:
    if value is None:
        return ~field.exists()
    if value == {"$ne": None}:
        return field.exists()
    if isinstance(value, dict) and "$in" in value:
        return field.is_in(value["$in"])
    if isinstance(value, dict):
        kept = field >= value["$gte"]
        return kept & (field <= value["$lte"]) if "$lte" in value else kept & (field < value["$lt"])
    return field == value


def _by_typicality(members: fo.DatasetView, config: RunConfig, reverse: bool) -> list[str]:
    """Return the ids of a cluster's members, nearest to its mean first."""
    table, widths = read_spaces(members, config.vector_fields, config.patches_field)
    X = config.as_clustered(table.X, widths)
    distance = np.linalg.norm(X - X.mean(axis=0), axis=1)
    order = np.argsort(-distance if reverse else distance, kind="stable")
    return [table.ids[row] for row in order]
