"""Selections by id, in slices.

MongoDB takes no query, and keeps no document, of more than 16 MB: a list of 900,000 ids is refused. So ids are asked
for in slices, and a view, which is sent and kept as a whole, names only so many; more are found by a field's value.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import fiftyone as fo

MOST_IDS = 100_000  # in one query, and so in a view
PER_QUERY = 10_000  # where values are read or written: 10,000 vectors of 512 dimensions are 20 MB
# The database looks every sample up in an ordered list, which takes the square of its length
LISTED = 2000
MATCH = "choose samples by a field or a tag, as match() and match_tags() do"
Item = TypeVar("Item")


def slices(n: int) -> Iterator[slice]:
    """Yield the slices of ``n`` rows that are read or written at once."""
    for start in range(0, n, PER_QUERY):
        yield slice(start, min(start + PER_QUERY, n))


def in_slices(ids: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the slices of a list of ids, each short enough for a query."""
    for part in slices(len(ids)):
        yield ids[part]


def selections(
    samples: fo.core.collections.SampleCollection, ids: Iterable[str]
) -> Iterator[fo.core.collections.SampleCollection]:
    """Yield views that together have the samples of some ids, each of them once, in no particular order."""
    for some in in_slices(list(dict.fromkeys(ids))):
        yield samples.select(some)


def narrowed(samples: fo.core.collections.SampleCollection, ids: Iterable[str]) -> fo.core.collections.SampleCollection:
    """Return a view that has the samples of some ids; of too many for a query, all samples, for the caller to sort out.

    Args:
        samples: a dataset or view
        ids: sample ids, which may repeat
    """
    some = list(dict.fromkeys(ids))
    return samples.select(some) if len(some) <= MOST_IDS else samples


def selected(
    samples: fo.core.collections.SampleCollection, ids: Sequence[str], ordered: bool = False, remedy: str = MATCH
) -> fo.DatasetView:
    """Make a view of the samples of some ids.

    Args:
        samples: a dataset or view
        ids: sample ids
        ordered (False): whether they are shown in this order, up to 2,000
        remedy: what to do about too many

    Raises:
        ValueError: if they are too many for a view
    """
    check_count(len(ids), remedy)
    return samples.select(ids, ordered=ordered and len(ids) <= LISTED)


def check_count(n: int, remedy: str = MATCH) -> None:
    """Raise ValueError if a view cannot name ``n`` samples; ``remedy`` says what to do instead."""
    if n > MOST_IDS:
        raise ValueError(f"a view names at most {MOST_IDS:,} samples by their ids, not {n:,}; {remedy}")
