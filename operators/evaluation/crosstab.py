"""Table of clusters against tags, splits or another field."""

from collections import Counter
from typing import Any

import fiftyone as fo

from ..dataset.ground_truth import read_truth
from ..runs.clusters import cluster_label
from ..runs.members import Members
from ..runs.run import Run

TAGS = "tags"
SPLITS = ("train", "val", "validation", "test")
MOST_VALUES = 1000


def tabulate_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    group_by: str = TAGS,
    values: list[str] | None = None,
) -> dict:
    """Count how the members of every cluster spread over splits, tags or classes.

    A cluster that is in one split only is a group that a model never sees, or is never tested on.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        group_by ("tags"): "tags" of the samples, or a Classification, string, integer or boolean field
        values (None): the tags or values to count, in order; by default the tags among train, val, validation and
            test if there are any, else all

    Returns:
        a dict with "columns", the values; "rows", per cluster, noise included, its "id", "label", "size", "counts" in
        the order of the columns, "none" (members without any of the values), "only_in" (the one value all of its
        counted members have, or None) and "missing_from" (values without a member of it); "n_several", the samples
        that have several of the values; "n_none"

    Raises:
        ValueError: if there is no such run, field or value
    """
    members = Run.open(samples, run_key).members(samples)
    found = _tags(members) if group_by == TAGS else [[c] if c is not None else [] for c in _classes(members, group_by)]
    known = Counter(str(value) for row in found for value in row)
    columns = _columns(group_by, known, values)
    rows = []
    sets = [{str(value) for value in row} & set(columns) for row in found]
    for cluster, places in members.by_cluster().items():
        counts = Counter(value for place in places for value in sets[place])
        present = [value for value in columns if counts[value]]
        rows.append(
            {
                "id": cluster,
                "label": members.names.get(cluster, cluster_label(cluster)),
                "size": len(places),
                "counts": [counts[value] for value in columns],
                "none": sum(not sets[place] for place in places),
                "only_in": present[0] if len(present) == 1 and len(columns) > 1 else None,
                "missing_from": [value for value in columns if not counts[value]],
            }
        )
    return {
        "run_key": run_key,
        "group_by": group_by,
        "unit": members.target.unit,
        "columns": columns,
        "rows": rows,
        "n_several": sum(len(row) > 1 for row in sets),
        "n_none": sum(not row for row in sets),
    }


def _tags(members: Members) -> list[list[str]]:
    """Return the tags of each member's sample, and for a patch also those of its label."""
    source, patches_field = members.target.source, members.target.patches_field
    tags: dict[str, list[str] | None] = dict(zip(*source.values(["id", "tags"]), strict=True))
    found = [list(tags.get(sample) or []) for sample in members.sample_ids]
    if patches_field:
        own = dict(members.rows.values("tags"))
        found = [[*row, *(own.get(key) or [])] for row, key in zip(found, members.ids, strict=True)]
    return found


def _classes(members: Members, group_by: str) -> list[Any]:
    if not isinstance(group_by, str):
        raise ValueError(f"group_by={group_by!r} is not a field; use 'tags' or the name of a field")
    return read_truth(members.target, group_by, members.ids)


def _columns(group_by: str, known: Counter[str], values: list[str] | None) -> list[str]:
    """Return the values to count, in order."""
    if values:
        missing = [str(value) for value in values if str(value) not in known]
        if missing:
            some = ", ".join(sorted(known)[:10]) or "none"
            raise ValueError(f"no member has {missing[0]!r} in {group_by!r}; there are {some}")
        return list(dict.fromkeys(str(value) for value in values))
    splits = [tag for tag in SPLITS if tag in known] if group_by == TAGS else []
    columns = splits if len(splits) > 1 else sorted(known)
    if not columns:
        raise ValueError(f"nothing here has a value in {group_by!r}; choose a field that has, or tag the samples")
    if len(columns) > MOST_VALUES:
        raise ValueError(
            f"{group_by!r} has {len(columns):,} values here, and at most {MOST_VALUES:,} can be counted; "
            "name some in values"
        )
    return columns
