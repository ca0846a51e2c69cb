"""Comparison of two runs, or of a run and a label field."""

from collections import Counter
from typing import NamedTuple

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

_NOWHERE = "\0"  # what a cluster without a match became: no cluster and no class


def compare_clusterings(samples, run_key: str, other_run_key: str) -> dict:
    """Says how two clusterings of the same images or patches differ.

    They are joined by id; what has no label in one of them is left out and counted. Noise counts as one more cluster.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        other_run_key: another run's key, or a field of classes

    Returns:
        a dict: ``ari``, ``ami`` (and ``..._assigned`` without noise), ``n_compared``, ``n_only_first``,
        ``n_only_second``, ``n_moved``; ``moved``, the ids of those that are in another cluster than the one theirs
        became, and ``view``, which shows them; ``clusters``, per cluster of the run its fate ("kept", "split",
        "merged", "scattered") and what it went into; ``table``, the counts with names, matched clusters on the diagonal

    Raises:
        ValueError: in one sentence, if they cannot be compared
    """
    members = Run.open(samples, run_key).members(samples)
    if other_run_key == run_key:
        raise ValueError(f"run {run_key!r} cannot be compared with itself; choose another run or a label field")
    second, values, only_second = _second(samples, members, other_run_key)
    both = np.array([key in second for key in members.ids], dtype=bool)
    if not both.any():
        raise ValueError(
            f"no {members.target.unit} have a label of both {run_key!r} and {other_run_key!r}; choose two that overlap"
        )
    ids = [key for key, kept in zip(members.ids, both, strict=True) if kept]
    labels = np.array([second[key] for key in ids], dtype=np.int64)
    return _summary(members, other_run_key, ids, members.labels[both], labels, values) | {
        "n_only_first": int((~both).sum()),
        "n_only_second": only_second,
    }


def _second(samples, members: Members, other: str) -> tuple[dict, "_Second", int]:
    """The other clustering: a number per id, the numbers' names and stored values, and how many the run lacks."""
    known = set(members.ids)
    if other in list_clustering_runs(root_dataset(samples)):
        found = Run.cached(samples, other).members(samples)
        if found.config.patches_field != members.config.patches_field:
            units = [m.config.patches_field or "whole images" for m in (members, found)]
            raise ValueError(
                f"run {members.run_key!r} is of {units[0]} and run {other!r} of {units[1]}; choose runs of the same"
            )
        pairs = dict(zip(found.ids, found.labels.tolist(), strict=True))
        path = f"{found.config.cluster_field}.cluster"
        return pairs, _Second(path, found.names, {n: n for n in pairs.values()}), len(set(pairs) - known)
    target = members.target
    ids = Rows.of(target.samples, target.patches_field).ids
    classes = {key: name for key, name in zip(ids, read_truth(target, other, ids), strict=True) if name is not None}
    numbers = {name: number for number, name in enumerate(sorted(set(classes.values()), key=str))}
    pairs = {key: numbers[name] for key, name in classes.items()}
    values = {number: name for name, number in numbers.items()}
    path = truth_path(target, other).removeprefix(f"{target.labels}.")
    return pairs, _Second(path, {n: str(name) for n, name in values.items()}, values), len(set(pairs) - known)


class _Second(NamedTuple):
    """What the numbers of the other clustering stand for; the path is that in a view of images or patches."""

    path: str
    names: dict[int, str]
    values: dict[int, object]


def _moved_view(members: Members, second: _Second, match: dict):
    """Those that moved as a condition on both labels: a list of their ids might be longer than a view may be."""
    prefix = f"{members.target.patches_field}." if members.target.patches_field else ""
    first, other = F(f"{prefix}{members.config.cluster_field}.cluster"), F(f"{prefix}{second.path}")
    became = {int(cluster): second.values.get(match.get(int(cluster)), _NOWHERE) for cluster in set(members.labels)}
    return members.base.match(first.exists() & other.exists() & (first.map_values(became) != other))


def _summary(members, other, ids, first, second, values) -> dict:
    from ...models.analysis import metrics
    from ...models.analysis.comparison import compare

    found = compare(first, second)
    own, names = members.names, values.names
    assigned = (first != NOISE) & (second != NOISE)
    scores = {"ari": metrics.ari(second, first), "ami": metrics.ami(second, first)}
    if assigned.any() and not assigned.all():
        scores["ari_assigned"] = metrics.ari(second[assigned], first[assigned])
        scores["ami_assigned"] = metrics.ami(second[assigned], first[assigned])
    moved = [key for key, is_moved in zip(ids, found.moved, strict=True) if is_moved]
    return {
        "run_key": members.run_key,
        "other_run_key": other,
        "unit": members.target.unit,
        **scores,
        "n_compared": len(ids),
        "n_moved": len(moved),
        "moved": moved,
        "view": _moved_view(members, values, found.match),
        "clusters": _clusters(found, own, names, Counter(first.tolist())),
        "table": {
            "rows": [own.get(int(c), cluster_label(int(c))) for c in found.rows],
            "columns": [names.get(int(c), cluster_label(int(c))) for c in found.columns],
            "counts": found.counts.tolist(),
        },
    }


def _clusters(found, own, names, sizes) -> list[dict]:
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
