"""Deep methods on embeddings against k-means and k-means after UMAP, paired per seed.

    python tests/benchmarks/deep_heads.py [--data DIR] [--seeds 5] [--only scan cc] [--sets digits cifar skewed]
    python tests/benchmarks/deep_heads.py --speed     one fit each, of 10,000 x 1280 and of 60,000 x 512

"digits" are scikit-learn's 1,797 images of 8 x 8 pixels. "cifar", of CIFAR-10, needs DIR with
``cifar10_test_efficientnet_lite0.npz``: ``embeddings`` (10000, 1280) and ``label`` (10000,), made from its test
images with timm's tf_efficientnet_lite0. "skewed" are the same vectors, where class c keeps a share 0.75^c. All vectors
are L2-normalised, and every method has its defaults with the true number of clusters. Nothing is chosen by the labels:
they only score. Seconds are CPU seconds of the process; UMAP compiles before the first is taken.
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
from models.vectors.reduction import UMAPReduction

FILE = "cifar10_test_efficientnet_lite0.npz"
BASELINES = ("k-means", "UMAP(10), k-means")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder with {FILE}; without it only digits run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=None, help="methods to run, by name")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=None, help="data sets to run")
    parser.add_argument("--speed", action="store_true", help="time single fits on made-up vectors instead")
    options = parser.parse_args()
    if options.speed:
        speed()
        finish()
    available = options.data is not None and (options.data / FILE).is_file()
    wanted = options.sets or (list(SETS) if available else ["digits"])
    if not available and set(wanted) - {"digits"}:
        sys.exit(f"{FILE} is needed for {', '.join(wanted)}; pass its folder with --data")
    deep = [name for name in list_clusterers() if get_clusterer(name).group == "deep, on embeddings"]
    warnings.simplefilter("ignore")
    UMAPReduction().fit_transform(np.random.default_rng(0).normal(size=(200, 8)))
    for title in wanted:
        X, truth = SETS[title](options.data)
        rows = measure(X, truth, range(options.seeds), options.only or deep)
        print_table(title, X, truth, rows, options.seeds)
        verdict(title, rows, len(np.unique(truth)))
    finish()


def digits(folder):
    from sklearn.datasets import load_digits

    X, truth = load_digits(return_X_y=True)
    return unit(X), truth


def cifar(folder):
    with np.load(folder / FILE) as stored:
        return unit(stored["embeddings"]), stored["label"]


def skewed(folder):
    X, truth = cifar(folder)
    rng, kept = np.random.default_rng(0), []
    for number, name in enumerate(np.unique(truth)):
        rows = np.flatnonzero(truth == name)
        kept.append(rng.choice(rows, int(len(rows) * 0.75**number), replace=False))
    rows = np.sort(np.concatenate(kept))
    return X[rows], truth[rows]


SETS = {"digits": digits, "cifar": cifar, "skewed": skewed}


def unit(X):
    X = X.astype(np.float32)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def measure(X, truth, seeds, names) -> dict:
    """Scores ``(acc, nmi, ari, seconds, used clusters, whether fewer came without a warning)`` per seed, by method."""
    k = len(np.unique(truth))
    rows = {}
    for seed in seeds:
        fits = {
            BASELINES[0]: lambda s=seed: fitted("kmeans", X, k, s),
            BASELINES[1]: lambda s=seed: fitted("kmeans", UMAPReduction(random_state=s).fit_transform(X), k, s),
        }
        fits |= {get_clusterer(n).title: lambda n=n, s=seed: fitted(n, X, k, s) for n in names}
        for title, fit in fits.items():
            start = time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels = fit()
            seconds = time.process_time() - start
            scores = (clustering_accuracy(truth, labels), nmi_arithmetic(truth, labels), ari(truth, labels))
            used = len(np.unique(labels))
            silent = used < k and not any("fewer than n_clusters" in str(w.message) for w in caught)
            rows.setdefault(title, []).append((*scores, seconds, used, silent))
            print(f"seed {seed}, {title}: ACC {scores[0]:.3f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return rows


def fitted(name, X, k, seed):
    return get_clusterer(name)(n_clusters=k, random_state=seed).fit(X).labels_


def print_table(title, X, truth, rows, seeds):
    print(f"\n{title}: {X.shape[0]:,} x {X.shape[1]}, {len(np.unique(truth))} classes, {seeds} seeds, mean ± sd\n")
    print("| method | ACC | NMI | ARI | ACC - k-means | ACC - UMAP, k-means | CPU s | clusters |")
    print("|---|---|---|---|---|---|---|---|")
    for name, runs in sorted(rows.items(), key=lambda item: -np.mean(item[1], axis=0)[0]):
        means, spreads = np.mean(runs, axis=0), np.std(runs, axis=0)
        cells = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(means[:3], spreads[:3], strict=True)]
        gains = [f"{means[0] - np.mean(rows[base], axis=0)[0]:+.3f}" for base in BASELINES]
        print(f"| {name} | {' | '.join(cells + gains)} | {means[3]:.1f} | {means[4]:.1f} |", flush=True)


def verdict(title, rows, k):
    """The promises of these methods, on this data."""
    acc, _, ari_of = (
        {name: np.mean([run[column] for run in runs]) for name, runs in rows.items()} for column in range(3)
    )
    print()
    if title == "skewed" and "SCAN" in rows:
        gain = ari_of["SCAN"] - ari_of[BASELINES[0]]
        claim(f"skewed: ARI of SCAN is {gain:+.3f} from k-means's; at least +0.030", gain >= 0.03)
    elif title != "skewed":
        best = max((name for name in rows if name not in BASELINES), key=acc.get)
        for base, least in zip(BASELINES, (0.05, -0.01), strict=True):
            gain = acc[best] - acc[base]
            claim(f"{title}: ACC of {best} is {gain:+.3f} from {base}; at least {least:+.3f}", gain >= least)
    silent = [name for name, runs in rows.items() if any(run[5] for run in runs)]
    claim(f"{title}: fewer than {k} clusters never come without a warning {silent or ''}", not silent)


def speed():
    """Wall and CPU seconds of single fits, against the promised ones on two cores."""
    print("| vectors | clusters | method | s | CPU s |\n|---|---|---|---|---|")
    for shape, k, names, most in (((10_000, 1280), 10, ("scan", "cc", "pica", "dec"), 60),
                                  ((60_000, 512), 100, ("scan",), 300)):  # fmt: skip
        rng = np.random.default_rng(0)
        centers, which = rng.normal(size=(k, shape[1])), rng.integers(k, size=shape[0])
        X = unit(centers[which] + 2 * rng.normal(size=shape))
        for name in names:
            start, cpu = time.perf_counter(), time.process_time()
            fitted(name, X, k, 0)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            print(f"| {shape[0]:,} x {shape[1]} | {k} | {name} | {seconds:.0f} | {cpu:.0f} |", flush=True)
            claim(f"{name} on {shape[0]:,} x {shape[1]} takes at most {most} CPU s", cpu <= most)


if __name__ == "__main__":
    main()
