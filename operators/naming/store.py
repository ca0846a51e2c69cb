"""What is kept about names: every answer as it arrives, then the names with their origin, and what went wrong.

Answers are kept under the digest of what was asked, so a repeated or restarted job finds them, whatever ended the
first one, and asks nobody the same thing twice.
"""

from ..dataset.private import open_store
from ..editing.actions.rename import rename_clusters
from ..runs.store import read_clusters, read_result, write_results

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


def read_names(dataset, run_key: str) -> dict[int, dict]:
    """What is known about each cluster's name, by cluster id."""
    return {int(key): about for key, about in (read_result(dataset, run_key, NAMES) or {}).items()}


def apply_names(dataset, run_key: str, found: dict[int, dict], source: str, progress=None) -> int:
    """Gives clusters their names, in one edit that can be undone.

    Args:
        dataset: the dataset
        run_key: the run's key
        found: what is known about each new name, with its "name", by cluster id
        source: where the names come from
        progress (None): a callable ``(fraction, message)``

    Returns:
        how many clusters were named
    """
    there = {cluster["id"] for cluster in read_clusters(dataset, run_key)}
    found = {cluster: about for cluster, about in found.items() if cluster in there}
    if found:
        names = {cluster: about["name"] for cluster, about in found.items()}
        rename_clusters(dataset, run_key, names, by=f"{BY}, {source}", about=found, progress=progress)
    return len(found)


def keep_report(dataset, run_key: str, report: dict):
    """Keeps what the last naming job of a run did, with its failures."""
    write_results(dataset, run_key, **{REPORT: report})
