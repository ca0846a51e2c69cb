"""Comparison of two runs, or of a run and a label field."""

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from ...models.labels import NOISE
from ..dataset.ground_truth import read_truth, truth_path
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..runs.clusters import cluster_label
from ..runs.members import Members
from ..runs.run import Run
from ..runs.store import list_clustering_runs
from .views import labels_match, part_view

if TYPE_CHECKING:
    from ...models.analysis.comparison import Comparison

_UNMATCHED = "\0"  # stands for the match of a cluster without one: no cluster and no class


def compare_clusterings(samples: fo.core.collections.SampleCollection, run_key: str, other_run_key: str) -> dict:
    """Compare two clusterings of the same images or patches.

    They are joined by id; what has no label in one of them is left out and counted. Noise counts as one more cluster.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        other_run_key: another run's key, or a field of classes

    Returns:
        a dict: ``ari``, ``ami`` (and ``..._assigned`` without noise), ``n_compared``, ``n_only_first``,
        ``n_only_second``, ``n_moved``; ``moved``, the ids of those that are in another cluster than the one theirs
        became, and ``view``, which shows them; ``clusters``, per cluster of the run its fate ("kept", "split",
        "merged", "scattered") and what it went into; ``table``, the counts with the names of rows and columns, the ids
        of the rows and the stored values of the columns, matched clusters on the diagonal

    Raises:
        ValueError: if they cannot be compared
    """
    members = Run.open(samples, run_key).members(samples)
    if other_run_key == run_key:
        raise ValueError(f"run {run_key!r} cannot be compared with itself; choose another run or a label field")
    second = _second(samples, members, other_run_key)
    both = np.array([key in second.numbers for key in members.ids], dtype=bool)
    if not both.any():
        raise ValueError(
            f"no {members.target.unit} have a label of both {run_key!r} and {other_run_key!r}; choose two that overlap"
        )
    ids = [key for key, kept in zip(members.ids, both, strict=True) if kept]
    labels = np.array([second.numbers[key] for key in ids], dtype=np.int64)
    return _summary(members, other_run_key, ids, members.labels[both], labels, second) | {
        "n_only_first": int((~both).sum()),
        "n_only_second": len(set(second.numbers) - set(members.ids)),
    }


def pair_view(
    run: Run, samples: fo.core.collections.SampleCollection, other: str, cluster: int, value: Any
) -> fo.DatasetView:
    """Make a view of the images or patches of a cell of a comparison.

    Args:
        run: the run
        samples: the dataset, or a view into it
        other: what it was compared with: another run's key, or a field of classes
        cluster: the cluster of the cell's row, -1 for noise
        value: the stored value of its column: a cluster of the other run, or a class
    """
    if other not in list_clustering_runs(run.dataset):
        return part_view(run, samples, {"cluster": cluster, "class": str(value)}, other)
    found = part_view(run, samples, {"cluster": cluster})
    return labels_match(found, Run.cached(run.dataset, other).config, {"cluster": value})


class _Second(NamedTuple):
    """The clustering that a run is compared with, as numbers.

    Attributes:
        numbers: a number per id of an image or patch
        names: the names that the numbers stand for
        values: the stored values that they stand for
        path: the path of those values in a view of images or patches
    """

    numbers: dict[str, int]
    names: dict[int, str]
    values: dict[int, Any]
    path: str


def _second(samples: fo.core.collections.SampleCollection, members: Members, other: str) -> _Second:
    if other in list_clustering_runs(root_dataset(samples)):
        found = Run.cached(samples, other).members(samples)
        if found.config.patches_field != members.config.patches_field:
            units = [m.config.patches_field or "whole images" for m in (members, found)]
            raise ValueError(
                f"run {members.run_key!r} is of {units[0]} and run {other!r} of {units[1]}; choose runs of the same"
            )
        numbers = dict(zip(found.ids, found.labels.tolist(), strict=True))
        return _Second(numbers, found.names, {n: n for n in numbers.values()}, f"{found.config.cluster_field}.cluster")
    target = members.target
    ids = Rows.of(target.samples, target.patches_field).ids
    classes = {key: name for key, name in zip(ids, read_truth(target, other, ids), strict=True) if name is not None}
    of_class = {name: number for number, name in enumerate(sorted(set(classes.values()), key=str))}
    values = {number: name for name, number in of_class.items()}
    numbers = {key: of_class[name] for key, name in classes.items()}
    path = truth_path(target, other).removeprefix(f"{target.labels}.")
    return _Second(numbers, {n: str(name) for n, name in values.items()}, values, path)


def _moved_view(members: Members, second: _Second, match: dict[int, int]) -> fo.DatasetView:
    """Make a view of those that moved by a condition on both labels: a list of ids might be too long for a view."""
    prefix = f"{members.target.patches_field}." if members.target.patches_field else ""
    first, other = F(f"{prefix}{members.config.cluster_field}.cluster"), F(f"{prefix}{second.path}")
    clusters = np.unique(members.labels).tolist()
    became = {c: second.values[match[c]] if c in match else _UNMATCHED for c in clusters}
    return members.base.match(first.exists() & other.exists() & (first.map_values(became) != other))


def _summary(
    members: Members, other: str, ids: list[str], first: np.ndarray, labels: np.ndarray, second: _Second
) -> dict[str, Any]:
    from ...models.analysis import metrics
    from ...models.analysis.comparison import compare

    found = compare(first, labels)
    own, names = members.names, second.names
    assigned = (first != NOISE) & (labels != NOISE)
    scores = {"ari": metrics.ari(labels, first), "ami": metrics.ami(labels, first)}
    if assigned.any() and not assigned.all():
        scores["ari_assigned"] = metrics.ari(labels[assigned], first[assigned])
        scores["ami_assigned"] = metrics.ami(labels[assigned], first[assigned])
    moved = [key for key, is_moved in zip(ids, found.moved, strict=True) if is_moved]
    return {
        "run_key": members.run_key,
        "other_run_key": other,
        "unit": members.target.unit,
        **scores,
        "n_compared": len(ids),
        "n_moved": len(moved),
        "moved": moved,
        "view": _moved_view(members, second, found.match),
        "clusters": _clusters(found, own, names, Counter(first.tolist())),
        "table": {
            "rows": [own.get(int(c), cluster_label(int(c))) for c in found.rows],
            "columns": [names.get(int(c), cluster_label(int(c))) for c in found.columns],
            "counts": found.counts.tolist(),
            "row_ids": found.rows.tolist(),
            "column_values": [second.values.get(int(c), int(c)) for c in found.columns],
        },
    }


def _clusters(
    found: "Comparison", own: dict[int, str], names: dict[int, str], sizes: Counter[int]
) -> list[dict[str, Any]]:
    """Return the fate of each cluster of the run, and the clusters it mainly went into."""
    place = {int(cluster): row for row, cluster in enumerate(found.rows)}
    column = {int(cluster): place for place, cluster in enumerate(found.columns)}
    described = []
    for cluster, (fate, into) in sorted(found.fates.items()):
        counts = found.counts[place[cluster]]
        match = found.match.get(cluster)
        described.append(
            {
                "id": cluster,
                "label": own.get(cluster, cluster_label(cluster)),
                "size": sizes[cluster],
                "fate": fate,
                "into": {names.get(c, cluster_label(c)): int(counts[column[c]]) for c in into},
                "match": None if match is None else names.get(match, cluster_label(match)),
                "n_stayed": 0 if match is None else int(counts[column[match]]),
            }
        )
    return described
