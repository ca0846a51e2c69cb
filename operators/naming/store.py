"""What is kept about names: every answer as it arrives, then the names with their origin, and what went wrong.

Answers are kept under the digest of what was asked, so a repeated or restarted job finds them, whatever ended the
first one, and asks nobody the same thing twice.
"""

from ...models.progress import Progress
from ..dataset.private import open_store
from ..editing.actions.rename import Rename
from ..runs.run import Run

STORE = "constellation_names"
NAMES, REPORT = "names", "naming"  # parts of the run
BY = "label_clusters"
KEPT_SECONDS = 30 * 24 * 3600


class Answers:
    """The answers of a dataset's naming jobs, by the digest of what was asked."""

    def __init__(self, dataset):
        self._store = open_store(dataset, STORE)

    def get(self, digest: str) -> dict | None:
        """The answer to what has this digest, if there is one."""
        return self._store.get(digest)

    def keep(self, digest: str, about: dict):
        """Keeps an answer for a month."""
        self._store.set(digest, about, ttl=KEPT_SECONDS)


def read_names(run: Run) -> dict[int, dict]:
    """What is known about each cluster's name, by cluster id."""
    return {int(key): about for key, about in (run.results.get(NAMES) or {}).items()}


def apply_names(run: Run, found: dict[int, dict], source: str, progress: Progress | None = None) -> int:
    """Give clusters their names, in one edit that can be undone.

    Args:
        run: the run; clusters that it has lost since are passed over
        found: what is known about each new name, with its "name", by cluster id
        source: where the names come from
        progress (None): a callable ``(fraction, message)``

    Returns:
        how many clusters were named
    """
    if not found:
        return 0
    with run.edit() as held:
        there = {cluster: about for cluster, about in found.items() if cluster in held.records}
        if there:
            names = {cluster: about["name"] for cluster, about in there.items()}
            Rename.apply(held, f"{BY}, {source}", progress, names, about=there)
    return len(there)


def save_report(run: Run, report: dict) -> None:
    """Keep what the last naming job of a run did, with its failures."""
    run.write(**{REPORT: report})
