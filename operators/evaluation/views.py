"""Views of a run's clusters for the grid: a whole cluster in some order, its doubtful members, those without one."""

import fiftyone as fo
import numpy as np

from ...models.vectors.normalize import l2_normalize
from ..dataset.ground_truth import truth_path
from ..dataset.private import is_patches, root_dataset
from ..dataset.rows import label_path
from ..dataset.targets import resolve_target
from ..dataset.vectors import read_spaces
from ..runs.clusters import check_cluster
from ..runs.labels import run_target
from ..runs.members import as_seen_by
from ..runs.store import check_labels, clusters_of, fields_of, look_at
from .scores import current_statistics

ORDERS = {
    "confidence": "most confident first",
    "typical": "most typical first",
    "atypical": "least typical first",
    "borderline": "nearest to another cluster first",
}
# MongoDB looks every image up in the list of ids that orders them, which takes the square of its length
LISTED = 2000
N_BORDERLINE = 100


def cluster_view(samples, run_key: str, cluster: int, order: str = "confidence"):
    """The members of a cluster.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        cluster: a cluster id, -1 for noise
        order ("confidence"): one of ``ORDERS``; the typical, atypical and borderline ones are at most 2,000

    Returns:
        a :class:`fiftyone.core.view.DatasetView`; of patches if the run is of patches

    Raises:
        ValueError: in one sentence, if there is no such run, cluster or order, or the labels are gone
    """
    dataset = root_dataset(samples)
    config = look_at(dataset, run_key)
    check_labels(dataset, run_key)
    check_order(order)
    check_cluster(run_key, cluster, [c["id"] for c in clusters_of(dataset, run_key)], noise=True)
    base = as_seen_by(samples, run_key, config)
    members = labels_match(base, config, {"cluster": cluster})
    if order == "confidence":
        # the index on both fields, see `index_labels`, serves this as it stands
        return members.sort_by(f"{_local(members, config)}.confidence", reverse=True, create_index=False)
    if order == "borderline":
        statistics = current_statistics(dataset, run_key)["clusters"].get(str(cluster), {})
        ids = statistics.get("border", [])
    else:
        ids = _by_typicality(members, config, reverse=order == "atypical")[:LISTED]
    return ordered(members, ids)


def borderline_view(samples, run_key: str):
    """The images or patches of a run that are nearest to another cluster than theirs, most doubtful first."""
    dataset = root_dataset(samples)
    config = look_at(dataset, run_key)
    check_labels(dataset, run_key)
    clusters = current_statistics(dataset, run_key)["clusters"].values()
    pairs = [pair for found in clusters for pair in zip(found.get("margin", []), found.get("border", []), strict=True)]
    ids = [key for _, key in sorted(pairs)[:N_BORDERLINE]]
    base = as_seen_by(samples, run_key, config)
    if config.patches_field and not is_patches(base):
        base = base.select_labels(ids=ids, fields=config.patches_field).to_patches(config.patches_field)
    return ordered(base, ids)


def labels_match(base, config, wanted: dict):
    """The images or patches whose label of a run has these values.

    Args:
        base: samples as the run saw them
        config: the run's configuration
        wanted: values by attribute of the label, as MongoDB compares them
    """
    if config.patches_field and not is_patches(base):
        # the filter comes first, so that only the wanted patches are made
        name = config.cluster_field
        parts = [_compared(fo.ViewField(f"{name}.{key}"), value) for key, value in wanted.items()]
        kept = parts[0]
        for part in parts[1:]:
            kept &= part
        return base.filter_labels(config.patches_field, kept).to_patches(config.patches_field)
    path = _local(base, config)
    return base.match({f"{path}.{name}": value for name, value in wanted.items()})


def part_view(dataset, run_key: str, wanted: dict, ground_truth: str | None = None):
    """The images or patches of a run whose labels have certain values.

    Args:
        dataset: the dataset
        run_key: the run's key
        wanted: values by attribute of the label, as MongoDB compares them, and for ``class`` the name of a class
        ground_truth (None): the field of that class
    """
    config = look_at(dataset, run_key)
    labels = {name: value for name, value in wanted.items() if name != "class"}
    found = labels_match(as_seen_by(dataset, run_key, config), config, labels)
    return of_class(found, config, ground_truth, wanted["class"]) if "class" in wanted else found


def of_class(view, config, ground_truth: str, name: str):
    """Those in a view of images or patches whose class is called ``name``."""
    target = resolve_target(view, config.patches_field)
    path = truth_path(target, ground_truth)
    kind = target.source.get_field(path)
    if isinstance(kind, fo.BooleanField):
        value = name == "True"
    else:
        value = int(name) if isinstance(kind, fo.IntField) else name
    if config.patches_field:
        path = path.replace(target.labels, config.patches_field, 1)
    return view.match(fo.ViewField(path) == value)


def unassigned_view(dataset, run_key: str):
    """The images or patches that a run gave no cluster."""
    config = look_at(dataset, run_key)
    base = run_target(dataset, run_key).source
    return labels_match(base, config, {"cluster": None})


def count_unassigned(dataset, run_key: str) -> int:
    """How many images or patches a run gave no cluster."""
    config = look_at(dataset, run_key)
    if not config.patches_field:
        return unassigned_view(dataset, run_key).count()
    source = run_target(dataset, run_key).source  # a view of patches would be made of all of them to be counted
    root, _ = label_path(source, config.patches_field)
    return source.count(f"{root}.id") - source.count(f"{root}.{config.cluster_field}.cluster")


def ordered(base, ids: list[str]):
    """Some images or patches of a view in the order of their ids."""
    return base.select(ids, ordered=True)


def check_order(order: str):
    """Raises ValueError, in one sentence, if there is no such order."""
    if order not in ORDERS:
        raise ValueError(f"order={order!r} is not known; use one of {', '.join(ORDERS)}")


def index_labels(dataset, config):
    """Makes the index that finds a cluster's members, most confident first, among any number of images."""
    path = config.label_path
    if not path.startswith("frames.") and dataset.get_field(path) is not None:
        dataset.create_index([(f"{path}.cluster", 1), (f"{path}.confidence", -1)])


def _local(base, config) -> str:
    """The path of the labels in a view of images or patches."""
    return f"{config.patches_field}.{config.cluster_field}" if is_patches(base) else config.cluster_field


def _compared(field, value):
    if value is None:
        return ~field.exists()
    if isinstance(value, dict) and "$in" in value:
        return field.is_in(value["$in"])
    if isinstance(value, dict):
        kept = field >= value["$gte"]
        return kept & (field <= value["$lte"]) if "$lte" in value else kept & (field < value["$lt"])
    return field == value


def _by_typicality(members, config, reverse) -> list[str]:
    """The ids of a cluster's members, nearest to its mean first."""
    table, widths = read_spaces(members, fields_of(config), config.patches_field)
    X = l2_normalize(table.X, widths) if config.normalize else table.X
    distance = np.linalg.norm(X - X.mean(axis=0), axis=1)
    order = np.argsort(-distance if reverse else distance, kind="stable")
    return [table.ids[row] for row in order]
