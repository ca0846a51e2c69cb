"""Forty-one equal runs on one dataset: the CPU seconds of the last against those of the first.

A run reads nothing of other runs and their fields, so what it costs should not depend on how many there are.

    python tests/benchmarks/many_runs.py [--n 2000] [--runs 41]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from stack import Mongod, fiftyone_environment
from verdict import claim, finish

MOST = 1.3


def main():
    """Makes the dataset and the runs, and prints what some of them cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=41)
    options = parser.parse_args()
    mongod = Mongod()
    try:
        os.environ.update(fiftyone_environment(mongod.uri, Path(tempfile.mkdtemp()), ROOT))
        seconds = runs(options.n, options.runs)
    finally:
        mongod.stop()
    print(f"{options.n:,} x 64, k = 10\n\n| run | CPU s |\n| --- | --- |")
    for number in sorted({1, 2, 3, *range(10, options.runs, 10), options.runs}):
        print(f"| {number} | {seconds[number - 1]:.2f} |")
    first, last = median(seconds[1:9]), median(seconds[-8:])  # the very first run imports, too
    claim(f"\nlast eight / first eight = {last / first:.2f}, at most {MOST}", last <= MOST * first)
    finish()


def runs(n: int, count: int) -> list[float]:
    """CPU seconds of so many equal runs, one after the other."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np

    rng = np.random.default_rng(0)
    X = (rng.normal(size=(10, 64))[rng.integers(10, size=n)] * 4 + rng.normal(size=(n, 64))).astype(np.float32)
    dataset = fo.Dataset("bench")
    dataset.add_samples([fo.Sample(filepath=f"/none/{i}.png", emb=x) for i, x in enumerate(X)], progress=False)
    op = foo.get_operator("@constellation/clusters/compute_clusters")
    seconds = []
    for number in range(count):
        before = time.process_time()
        op(dataset, run_key=f"run_{number}", params={"n_clusters": 10}, embeddings="emb", visualize=False)
        seconds.append(time.process_time() - before)
    return seconds


if __name__ == "__main__":
    main()
