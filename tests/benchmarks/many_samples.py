"""A dataset of many samples with small vectors: what the operators on runs take, and the longest list of ids they send.

The samples share one file name and have no images. Memory is the peak of RssAnon + RssShmem of this process, MongoDB
apart. The script ends with status 1 if a query has more than 100,000 ids, or an operator misses samples.

    python tests/benchmarks/many_samples.py [--samples 1000000] [--dimensions 8] [--clusters 100] [--only half]
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "benchmarks")]

from queries import watched
from stack import Mongod, fiftyone_environment
from verdict import claim, finish

MOST_IDS = 100_000


def main():
    """Fills the dataset, calls the operators, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=8)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--only", nargs="+", default=[""], help="words, one of which the name of a step has")
    options = parser.parse_args()
    mongod = Mongod()
    with tempfile.TemporaryDirectory(prefix="constellation-many-") as folder:
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            started = time.perf_counter()
            dataset = fill(options.samples, options.dimensions, options.clusters)
            print(f"{options.samples:,} samples filled in {time.perf_counter() - started:.0f} s", flush=True)
            measure(dataset, options.clusters, options.only)
        finally:
            mongod.stop()
    finish()


def fill(n: int, d: int, k: int):
    """Makes a dataset of ``n`` samples with vectors of dimension ``d`` around ``k`` centers."""
    import fiftyone as fo
    import numpy as np
    from bson import ObjectId

    rng = np.random.default_rng(0)
    centers = rng.normal(size=(k, d))
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath="/nowhere.png", emb=centers[0].tolist(), half="first"))
    collection = dataset._sample_collection
    (model,) = list(collection.find())
    for start in range(1, n, 10_000):
        size = min(10_000, n - start)
        X = centers[rng.integers(k, size=size)] + 0.3 * rng.normal(size=(size, d))
        half = "first" if start < n // 2 else "second"
        facts = [{"_id": ObjectId(), "_rand": rng.random(), "emb": x, "half": half} for x in X.tolist()]
        collection.insert_many([{**model, **one} for one in facts], ordered=False)
    dataset.reload()
    return dataset


def measure(dataset, k: int, only: list[str]):
    """Calls each operator on the whole dataset and prints its seconds, its memory and its longest list of ids."""
    import fiftyone.operators as foo

    def op(name):
        return foo.get_operator(f"@constellation/clusters/{name}")

    n, half = len(dataset), dataset.match({"half": "first"})
    n_half = len(half)
    run = {"embeddings": "emb", "method": "minibatch_kmeans", "visualize": False}
    steps = {
        "compute_clusters, half of them": lambda: (
            op("compute_clusters")(half, run_key="km", params={"n_clusters": k}, **run)["n_used"] == n_half
        ),
        "assign_clusters, the other half": lambda: (
            op("assign_clusters")(dataset, run_key="km")["n_assigned"] == n - n_half
        ),
        "assign_clusters, all, another field": lambda: (
            op("assign_clusters")(dataset, run_key="km", cluster_field="copy")["n_assigned"] == n
        ),
        "compare_clusterings, with a field": lambda: (
            op("compare_clusterings")(dataset, run_key="km", other_run_key="half")["n_compared"] == n
        ),
        "compute_clusters, all": lambda: (
            op("compute_clusters")(dataset, run_key="other", params={"n_clusters": k // 2}, **run)["n_used"] == n
        ),
        "compare_clusterings": lambda: (
            op("compare_clusterings")(dataset, run_key="km", other_run_key="other")["n_compared"] == n
        ),
        "tabulate_clusters": lambda: (
            sum(row["size"] for row in op("tabulate_clusters")(dataset, run_key="km", group_by="half")["rows"]) == n
        ),
        "evaluate_clusters": lambda: op("evaluate_clusters")(dataset, run_key="km")["n"] == n,
        "edit_clusters, merge of all": lambda: (
            op("edit_clusters")(dataset, run_key="other", action="merge", clusters=list(range(k // 2)))["n_changed"]
            == n
        ),
        "load_clustering_view": lambda: op("load_clustering_view")(dataset, run_key="other").count() == n,
        "edit_clusters, undo": lambda: op("edit_clusters")(dataset, run_key="other", action="undo")["n_changed"] == n,
    }
    print(f"{'operator':<36} {'seconds':>8} {'peak MB':>8} {'most ids':>9}")
    for name, step in steps.items():
        if not any(word in name for word in only):
            continue
        with watched() as seen, Memory() as memory:
            started = time.perf_counter()
            complete = step()
            seconds = time.perf_counter() - started
        print(f"{name:<36} {seconds:>8.1f} {memory.peak / 1e6:>8.0f} {seen.most:>9,}", flush=True)
        claim(f"{name}: all samples, at most {MOST_IDS:,} ids in a query", complete and seen.most <= MOST_IDS)


class Memory:
    """The peak of the anonymous and shared memory of this process while it watches, in bytes."""

    def __enter__(self):
        self.peak, self._ended = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(0.1):
            found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            kilobytes = sum(int(found[name].split()[0]) for name in ("RssAnon", "RssShmem"))
            self.peak = max(self.peak, 1024 * kilobytes)


if __name__ == "__main__":
    main()
