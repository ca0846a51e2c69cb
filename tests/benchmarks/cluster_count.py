"""Share of seeds with which suggest_cluster_count finds the number planted, and scikit-learn's ten digits.

    python tests/benchmarks/cluster_count.py [--seeds 5]

Nothing is chosen by labels. The last lines are data without groups, which must be said to have none, and blobs whose
sizes differ so much that some have a handful of members, of which nothing is claimed.
Exits with 1 if a claim fails: digits within 3 of 10, planted blobs within 10 %.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from verdict import claim, finish

from models.analysis.cluster_count import suggest_count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| data | true | natural, by seed | coarse | fine | verdict | CPU s |\n" + "| --- " * 7 + "|")
    found = {}
    for name, true, make, tolerance in cases():
        found[name] = true, tolerance, row(name, true, make, options.seeds)
    print()
    for name, (true, tolerance, answers) in found.items():
        if tolerance is not None:
            good = all(abs(answer["natural"] - true) <= tolerance for answer in answers)
            claim(f"{name}: within {tolerance:g} of {true} for every seed", good)
        elif true is None:
            claim(f"{name}: said to have no groups", all(answer["verdict"] == "none" for answer in answers))
    finish()


def row(name, true, make, seeds) -> list[dict]:
    """Prints a line of the table and returns the answers of all seeds."""
    start = time.process_time()
    found = [suggest_count(make(seed), seed=seed) for seed in range(seeds)]
    seconds = (time.process_time() - start) / seeds
    natural = ", ".join(str(answer["natural"]) for answer in found)
    medians = [int(np.median([answer[level] for answer in found])) for level in ("coarse", "fine")]
    verdicts = "/".join(sorted({answer["verdict"] for answer in found}))
    cells = [name, true or "none", natural, *medians, verdicts, f"{seconds:.1f}"]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return found


def cases():
    """Name, true number, a function of the seed that makes the vectors, and the tolerance, None without a promise."""
    from sklearn.datasets import load_digits

    digits = load_digits().data.astype(np.float32)
    yield "scikit-learn's digits", 10, lambda seed: digits, 3
    for k in (5, 12, 30, 60):
        yield f"{k} blobs, 16-d", k, lambda seed, k=k: blobs(k, seed), 0.1 * k
    yield "normal, 64-d", None, lambda seed: np.random.default_rng(seed).normal(size=(2000, 64)), None
    yield "uniform, 16-d", None, lambda seed: np.random.default_rng(seed).uniform(size=(2000, 16)), None
    for k in (5, 12, 30, 60):
        yield f"{k} unequal blobs, 64-d", k, lambda seed, k=k: unequal_blobs(k, seed), None


def blobs(k: int, seed: int):
    """``(n, 16)`` vectors of ``k`` blobs of one size."""
    from sklearn.datasets import make_blobs

    return make_blobs(max(2000, 50 * k), 16, centers=k, random_state=seed)[0].astype(np.float32)


def unequal_blobs(k: int, seed: int):
    """``(n, 64)`` vectors of ``k`` blobs whose sizes and spreads are drawn."""
    rng = np.random.default_rng(seed)
    n = max(2000, 50 * k)
    which = rng.choice(k, n, p=rng.dirichlet(np.full(k, 2.0)))
    centers = rng.normal(size=(k, 64))
    centers *= 4 / np.linalg.norm(centers, axis=1, keepdims=True)
    return (centers[which] + rng.normal(size=(n, 64)) * 0.45 * rng.uniform(0.5, 1, k)[which, None]).astype(np.float32)


if __name__ == "__main__":
    main()
