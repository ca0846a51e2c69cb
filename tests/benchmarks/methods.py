"""Every classical method against scikit-learn's k-means, on embeddings with known classes, over several seeds.

    python tests/benchmarks/methods.py --data DIR [--seeds 5] [--only kmeans hdbscan]

DIR holds ``cifar10_test_efficientnet_lite0.npz``: ``embeddings`` (10000, 1280) and ``label`` (10000,), made from the
CIFAR-10 test images with timm's tf_efficientnet_lite0. The vectors are L2-normalised. Each method runs on them as they
are and after UMAP to 10 dimensions with the same seed; HDBSCAN only after it. Seconds are CPU seconds of the process;
those after UMAP leave out UMAP's own, which have a row. Nothing is chosen by the labels: they only score.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from verdict import claim, finish

from models.analysis.metrics import ari, clustering_accuracy, nmi_arithmetic
from models.clusterers import get_clusterer, list_clusterers
from models.vectors.neighbors import nearest_neighbors
from models.vectors.reduction import UMAPReduction

FILE = "cifar10_test_efficientnet_lite0.npz"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder with {FILE}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=None, help="methods to run, by name")
    options = parser.parse_args()
    if options.data is None or not (options.data / FILE).is_file():
        sys.exit(f"{FILE} is needed; pass its folder with --data")
    with np.load(options.data / FILE) as stored:
        X, truth = stored["embeddings"].astype(np.float32), stored["label"]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    warnings.simplefilter("ignore")
    rows = measure(X, truth, range(options.seeds), options.only or list_clusterers())
    print_table(rows, options.seeds)
    verdict(rows)
    finish()


def measure(X, truth, seeds, names) -> dict:
    """Scores ``(acc, nmi, ari, seconds, coverage)`` per seed, by (method, input)."""
    k = len(np.unique(truth))
    rows = {}
    knn, seconds = timed(lambda: nearest_neighbors(X, 15))
    print(f"15 nearest neighbours: {seconds:.1f} s", file=sys.stderr)
    UMAPReduction().fit_transform(X[:200])  # compiles
    for seed in seeds:
        reduced, seconds = timed(lambda seed=seed: UMAPReduction(random_state=seed).fit_transform(X, knn=knn))
        rows.setdefault(("UMAP(10) itself", "without the neighbours"), []).append((*[np.nan] * 3, seconds, 1.0))
        for space, vectors in (("none", X), ("UMAP(10)", reduced)):
            add(rows, ("scikit-learn KMeans(n_init=10)", space), truth, lambda v=vectors, s=seed: peer(v, k, s))
            for name in names:
                if not (name == "hdbscan" and space == "none"):
                    title = get_clusterer(name).title
                    add(rows, (title, space), truth, lambda n=name, v=vectors, s=seed: ours(n, v, k, s))
        print(f"seed {seed} done", file=sys.stderr)
    return rows


def ours(name, X, k, seed):
    cls = get_clusterer(name)
    accepted = cls().get_params()
    params = {key: value for key, value in (("n_clusters", k), ("random_state", seed)) if key in accepted}
    return cls(**params).fit(X).labels_


def peer(X, k, seed):
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=10, random_state=seed).fit(X).labels_


def add(rows, key, truth, fit):
    labels, seconds = timed(fit)
    scores = (clustering_accuracy(truth, labels), nmi_arithmetic(truth, labels), ari(truth, labels))
    rows.setdefault(key, []).append((*scores, seconds, float(np.mean(labels >= 0))))


def timed(work):
    start = time.process_time()
    return work(), time.process_time() - start


def print_table(rows, seeds):
    print(f"\nCIFAR-10 test, EfficientNet-Lite0 features, k = 10, {seeds} seeds, mean ± sd\n")
    print("| method | reduction | ACC | NMI | ARI | CPU s | clustered |")
    print("|---|---|---|---|---|---|---|")
    for (title, space), runs in sorted(rows.items(), key=lambda item: item[0][1]):
        means, spreads = np.mean(runs, axis=0), np.std(runs, axis=0)
        cells = [
            "" if np.isnan(mean) else f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(means[:3], spreads[:3], strict=True)
        ]
        print(f"| {title} | {space} | {' | '.join(cells)} | {means[3]:.2f} | {means[4]:.0%} |")


def verdict(rows):
    peer_acc = np.mean([run[0] for run in rows[("scikit-learn KMeans(n_init=10)", "none")]])
    for space, least in (("none", -0.02), ("UMAP(10)", 0.07)):
        if ("k-means", space) in rows:
            gain = np.mean([run[0] for run in rows[("k-means", space)]]) - peer_acc
            text = f"\nk-means on {space}: {gain:+.3f} ACC against scikit-learn's on the vectors, at least {least:+.2f}"
            claim(text, gain >= least)


if __name__ == "__main__":
    main()
