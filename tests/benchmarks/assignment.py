"""Held-back images put into a stored run: the estimator's own labels, and how far they agree with a full refit.

    python tests/benchmarks/assignment.py --data DIR [--held 2000] [--only kmeans temi]

DIR holds ``cifar10_test_efficientnet_lite0.npz``: ``embeddings`` (10000, 1280) of the CIFAR-10 test images. A run is
made on all but the held-back ones, which ``assign_clusters`` then places, in the run's dataset and in another one. The
same estimator, fitted outside the plugin on the same vectors with the same seed, predicts them as well. The full refit
clusters all 10,000, the held-back ones included.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from stack import Mongod, fiftyone_environment
from verdict import claim, finish

FILE = "cifar10_test_efficientnet_lite0.npz"
SEED = 51
# method, reduction, parameters
METHODS = (
    ("kmeans", "none", {"n_clusters": 10}),
    ("kmeans", "pca", {"n_clusters": 10}),
    ("gaussian_mixture", "pca", {"n_clusters": 10}),
    ("agglomerative", "pca", {"n_clusters": 10}),
    ("temi", "none", {"n_clusters": 10}),
)


def main():
    """Prints one row per method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder with {FILE}")
    parser.add_argument("--held", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=None, help="methods to run, by name")
    options = parser.parse_args()
    if options.data is None or not (options.data / FILE).is_file():
        sys.exit(f"{FILE} is needed; pass its folder with --data")
    with np.load(options.data / FILE) as stored:
        X, truth = stored["embeddings"].astype(np.float32), stored["label"].astype(str)
    held = np.zeros(len(X), bool)
    held[np.random.default_rng(SEED).choice(len(X), options.held, replace=False)] = True
    warnings.simplefilter("ignore")
    mongod = Mongod()
    try:
        os.environ.update(fiftyone_environment(mongod.uri, Path(tempfile.mkdtemp()), ROOT))
        measure(X, truth, held, options.only)
    finally:
        mongod.stop()
    finish()


def measure(X, truth, held, only):
    """Runs every method and prints what it gives."""
    import fiftyone as fo
    import fiftyone.operators as foo

    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    assign = foo.get_operator("@constellation/clusters/assign_clusters")
    home, other = fo.Dataset(), fo.Dataset()
    ids = home.add_samples([fo.Sample(filepath=f"/cifar/{i}.jpg", emb=x) for i, x in enumerate(X)])
    other.add_samples([fo.Sample(filepath=f"/cifar/{i}.jpg", emb=X[i]) for i in np.flatnonzero(held)])
    seen = home.select([ids[i] for i in np.flatnonzero(~held)])
    print(f"{(~held).sum():,} clustered, {held.sum():,} held back, d = {X.shape[1]}\n")
    print("| method | reduction | equal to predict | elsewhere | ARI with full refit | ARI with classes, refit's | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number, (method, reduce, params) in enumerate(METHODS):
        if only and method not in only:
            continue
        key, common = f"run_{number}", {"method": method, "params": params, "embeddings": "emb", "reduce": reduce}
        compute(seen, run_key=key, visualize=False, **common)
        start = time.perf_counter()
        assign(home, run_key=key)
        seconds = time.perf_counter() - start
        found = np.array(home.values(f"{key}.cluster"))[held]
        assign(other, run_key=key, run_dataset=home.name)
        elsewhere = np.array(other.values(f"{key}.cluster"))
        compute(home, run_key=f"{key}_full", visualize=False, **common)
        full = np.array(home.values(f"{key}_full.cluster"))[held]
        report(method, reduce, found, elsewhere, predicted(X, held, method, reduce, params), full, truth[held], seconds)


def predicted(X, held, method, reduce, params):
    """The answer of the estimator, fitted by hand on the same vectors."""
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import get_reduction

    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    reducer = get_reduction(reduce)(random_state=SEED) if reduce != "none" else get_reduction(reduce)()
    fitted = reducer.fit_transform(X[~held])
    estimator = get_clusterer(method)(**params)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=SEED)
    return estimator.fit(fitted).predict(reducer.transform(X[held]))


def report(method, reduce, found, elsewhere, expected, full, truth, seconds):
    """One row, and the claims about it."""
    from fiftyone.plugins.orgs.constellation.clusters.models.analysis.metrics import ari

    equal, same = (found == expected).mean(), (found == elsewhere).mean()
    scores = f"{ari(truth, found):.3f}, {ari(truth, full):.3f}"
    print(
        f"| {method} | {reduce} | {100 * equal:.2f} % | {100 * same:.2f} % | {ari(full, found):.3f} | {scores} | "
        f"{seconds:.1f} |",
        flush=True,
    )
    claim(f"{method}, {reduce}: the labels are those that predict gives", equal == 1 and same == 1)


if __name__ == "__main__":
    main()
