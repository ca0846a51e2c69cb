"""k-means and HDBSCAN on vectors of many dimensions against scikit-learn, in CPU seconds of one thread.

    python tests/benchmarks/fast_paths.py [--full] [--repeats 3] [--only kmeans hdbscan]

The vectors: unit length, 512 dimensions, 100 clusters of unequal size, each spread along 8 lines of its own, about
centers that share a common direction, and 5 % noise about that. Each fit runs in a process of its own, ours and the
other in turn, with numpy's own choice of kernel, which is printed; medians of the repeats. ``--full`` adds the rows
that take scikit-learn minutes. Bounds are ratios of a run; one that is missed is printed as missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from verdict import claim, finish

# Variables that choose another kernel for numpy's matrix products than the processor's own
KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Row(NamedTuple):
    """A line of the table."""

    work: str
    n: int
    k: int
    peer: str
    most_time: float  # of the peer's
    most_loss: float = 0.0  # inertia over the peer's
    full: bool = False


ROWS = (
    Row("kmeans", 20_000, 100, "KMeans(n_init=1)", 1.0, 0.975),
    Row("kmeans", 200_000, 100, "KMeans(n_init=1)", 1 / 12, 0.985, True),
    Row("kmeans", 100_000, 1000, "KMeans(n_init=1)", 1 / 7, 0.993, True),
    Row("hdbscan", 5_000, 0, "HDBSCAN()", 1 / 30),
    Row("hdbscan", 20_000, 0, 'HDBSCAN(algorithm="brute")', 1 / 3.5, full=True),
)


def clumps(n: int, d: int = 512, k: int = 100, noise: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors ``(n, d)`` in clusters of unequal size and shape, and the cluster of each, -1 for noise."""
    rng = np.random.default_rng(seed)
    unit = lambda vectors: vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)  # noqa: E731
    common = 0.9 * unit(rng.normal(size=d))
    centers = 0.75 * unit(rng.normal(size=(k, d))) + common
    lines = rng.normal(0, 0.013, size=(k, 8, d)).astype(np.float32)
    truth = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 3.0)))
    truth[rng.random(n) < noise] = -1
    X = np.empty((n, d), np.float32)
    X[truth < 0] = common + rng.normal(0, 0.035, size=((truth < 0).sum(), d))
    for cluster in range(k):
        rows = np.flatnonzero(truth == cluster)
        along = rng.normal(size=(len(rows), 8)).astype(np.float32) @ lines[cluster]
        X[rows] = centers[cluster] + along + rng.normal(0, 0.025, size=(len(rows), d))
    return unit(X), truth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="also the rows that take minutes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["kmeans", "hdbscan"])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(fit(ROWS[int(options.child[0])], options.child[1] == "ours")))
        return
    rows = [row for row in ROWS if row.work in options.only and (options.full or not row.full)]
    print("| work | ours, CPU s | scikit-learn, CPU s | time | inertia | agreement (ARI) | added memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    said, kernels = [], set()
    for row in rows:
        pairs = [(child(row, "theirs"), child(row, "ours")) for _ in range(options.repeats)]
        kernels |= {one["kernel"] for pair in pairs for one in pair}
        said += table_line(row, pairs)
    print(f"\nKernels of OpenBLAS: {', '.join(sorted(kernels))}; one thread; medians of {options.repeats}\n")
    for text, holds in said:
        claim(text, holds)
    finish()


def table_line(row: Row, pairs: list) -> list[tuple[str, bool]]:
    """Print a line of the table; return what is claimed of it."""
    middle = lambda values: statistics.median(list(values))  # noqa: E731
    theirs, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    ratio = middle(b["seconds"] / a["seconds"] for a, b in pairs)
    name = f"{row.work} {row.n:,}" + (f", k = {row.k}" if row.k else "")
    loss = middle(b["inertia"] / a["inertia"] for a, b in pairs) if row.k else None
    agreed = None if row.k else middle(agreement(a["labels"], b["labels"]) for a, b in pairs)
    cells = [
        name,
        f"{middle(one['seconds'] for one in ours):.2f}",
        f"{middle(one['seconds'] for one in theirs):.2f} ({row.peer})",
        f"{ratio:.3f}",
        "" if loss is None else f"{loss:.4f}",
        "" if agreed is None else f"{agreed:.4f}",
        f"{middle(one['memory'] for one in ours):.0f} / {middle(one['memory'] for one in theirs):.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    said = [(f"{name}: {ratio:.3f} of the time, at most {row.most_time:.3f}", ratio <= row.most_time)]
    if loss is not None:
        said.append((f"{name}: {loss:.4f} of the inertia, at most {row.most_loss}", loss <= row.most_loss))
    if agreed is not None:
        said.append((f"{name}: labels agree by {agreed:.4f}, at least .99", agreed >= 0.99))
    said.append((f"{name}: equal labels in {len(ours)} runs", all(one["labels"] == ours[0]["labels"] for one in ours)))
    return said


def agreement(first: list[int], second: list[int]) -> float:
    """Adjusted Rand index of two labelings; noise is one more cluster."""
    from models.analysis.metrics import ari

    return ari(np.array(first) + 1, np.array(second) + 1)


def child(row: Row, side: str) -> dict:
    """Fit in a process of its own, with one thread and numpy's own choice of kernel."""
    given = {key: value for key, value in os.environ.items() if key not in KERNEL}
    command = [sys.executable, "-W", "ignore", __file__, "--child", str(ROWS.index(row)), side]
    done = subprocess.run(
        command, env={**given, **dict.fromkeys(THREADS, "1")}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def fit(row: Row, ours: bool) -> dict:
    """Fit once; what is compiled and loaded at the first fit is left out."""
    from threadpoolctl import threadpool_info

    X, _ = clumps(row.n)
    estimator(row, ours, warm=True).fit(X[:: row.n // 300][:300])
    model, before = estimator(row, ours), memory()
    start = time.process_time()
    labels = np.asarray(model.fit(X).labels_)
    seconds = time.process_time() - start
    found = {"seconds": seconds, "labels": labels.tolist(), "memory": (memory() - before) / 2**20}
    if row.k:
        means = np.stack([X[labels == cluster].mean(axis=0) for cluster in range(row.k)])
        found["inertia"] = sum(float(((X[labels == one] - means[one]) ** 2).sum()) for one in range(row.k))
    kernels = {info.get("architecture", "") for info in threadpool_info() if info["internal_api"] == "openblas"}
    return {**found, "kernel": "+".join(sorted(kernels))}


def memory() -> int:
    """The most memory, in bytes, that this process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def estimator(row: Row, ours: bool, warm: bool = False):
    from models.clusterers import get_clusterer

    if row.work == "kmeans":
        from sklearn.cluster import KMeans

        k = 3 if warm else row.k
        return get_clusterer("kmeans")(k) if ours else KMeans(k, n_init=1, random_state=0)
    from sklearn.cluster import HDBSCAN

    # scikit-learn counts the sample itself among its min_samples
    size = max(10, row.n // 1000)
    if ours:
        return get_clusterer("hdbscan")(min_cluster_size=size, min_samples=10)
    return HDBSCAN(min_cluster_size=size, min_samples=11, algorithm="brute" if "brute" in row.peer else "auto")


if __name__ == "__main__":
    main()
