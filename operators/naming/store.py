"""Storage of names: every answer as it arrives, then the names with their origin, and the failures.

Answers are kept under the digest of their question, so a repeated or restarted job finds them, whatever ended the
first one, and asks nothing twice.
"""

import fiftyone as fo

from ...models.progress import Progress
from ..dataset.private import open_store
from ..editing.actions.rename import Rename
from ..runs.run import Run

STORE = "constellation_names"
NAMES, REPORT = "names", "naming"  # results of the run
BY = "label_clusters"
KEPT_SECONDS = 30 * 24 * 3600


class Answers:
    """The answers of a dataset's naming jobs, by the digest of the question."""

    def __init__(self, dataset: fo.Dataset) -> None:
        self._store = open_store(dataset, STORE)

    def get(self, digest: str) -> dict | None:
        """Return the answer to what has this digest, if there is one."""
        return self._store.get(digest)

    def keep(self, digest: str, answer: dict) -> None:
        """Keep an answer for a month."""
        self._store.set(digest, answer, ttl=KEPT_SECONDS)


def read_names(run: Run) -> dict[int, dict]:
    """Read the name records of a run, by cluster id."""
    return {int(key): about for key, about in (run.results.get(NAMES) or {}).items()}


def apply_names(run: Run, found: dict[int, dict], source: str, progress: Progress | None = None) -> int:
    """Give clusters their names, in one edit that can be undone.

    Args:
        run: the run; clusters that it has lost since are skipped
        found: the records of new names, each with its "name", by cluster id; they get the names as they are kept, for
            two clusters never share one
        source: where the names come from
        progress (None): a callable ``(fraction, message)``

    Returns:
        the number of clusters that were named
    """
    if not found:
        return 0
    with run.edit() as held:
        there = {cluster: about for cluster, about in found.items() if cluster in held.records}
        if there:
            names = {cluster: about["name"] for cluster, about in there.items()}
            Rename.apply(held, f"{BY}, {source}", progress, names, about=there)
            for cluster, about in there.items():
                found[cluster] = {**about, "name": held.records[cluster]["label"]}
    return len(there)


def save_report(run: Run, report: dict) -> None:
    """Keep the report of the last naming job of a run, with its failures."""
    run.write(**{REPORT: report})
