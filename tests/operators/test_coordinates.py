"""Vectors that are coordinates, in the units people have: clear clusters are found, and so are those of new samples."""

import fiftyone as fo
import numpy as np
import pytest

from .conftest import get

SPOTS = {
    "meters": (5, (390_000, 5_819_000)),  # float32 would leave half a meter
    "seconds": (60, (1.7e9, 1.7e9)),  # and two minutes
    "degrees": (0.02, (52.5, 13.4)),
    "offset": (1, (1000, 1000)),
    "small": (1e-4, (0, 0)),
}


def spots(n=60, seed=0):
    truth = np.arange(n) % 3
    corners = np.array([[0, 0], [1, 0], [0, 1]])[truth]
    X = corners + 0.03 * np.random.default_rng(seed).normal(size=(n, 2))
    return {name: scale * X + origin for name, (scale, origin) in SPOTS.items()}, truth


def samples(seed, tag):
    fields, truth = spots(seed=seed)
    return [
        fo.Sample(
            filepath=f"/nowhere/{tag}{i}.png",
            tags=[tag],
            ground_truth=fo.Classification(label="abc"[which]),
            # as lists and as arrays
            **{name: X[i].tolist() if name in ("meters", "small") else X[i] for name, X in fields.items()},
        )
        for i, which in enumerate(truth)
    ]


@pytest.mark.parametrize("method", ["minibatch_kmeans", "birch", "gaussian_mixture"])
def test_clear_clusters_of_coordinates(dataset, compute, method):
    dataset.add_samples(samples(0, "old"))
    dataset.add_samples(samples(1, "new"))
    old, new = dataset.match_tags("old"), dataset.match_tags("new")
    for name in SPOTS:
        params = {"n_clusters": 3}
        found = compute(
            old, run_key=name + "_run", embeddings=name, method=method, params=params, ground_truth="ground_truth"
        )
        assert (name, found["n_clusters"], found["scores"]["acc"]) == (name, 3, 1) and not found["notes"]
        assert found["scores"]["silhouette"] > 0.8
        assert get("assign_clusters")(new, run_key=name + "_run")["n_assigned"] == 60
        pairs = set(zip(*dataset.values([f"{name}_run.cluster", "ground_truth.label"]), strict=True))
        assert len(pairs) == 3


def test_a_reduction_and_what_follows_a_run(dataset, compute):
    dataset.add_samples(samples(0, "old"))
    params = {"n_clusters": 3}
    found = compute(
        dataset, run_key="r", embeddings="seconds", reduce="pca", params=params, ground_truth="ground_truth"
    )
    assert found["scores"]["acc"] == 1
    dataset.add_samples(samples(1, "new"))
    assert get("assign_clusters")(dataset, run_key="r")["n_assigned"] == 60
    assert len(set(zip(*dataset.values(["r.cluster", "ground_truth.label"]), strict=True))) == 3
    scores = get("evaluate_clusters")(dataset, run_key="r", ground_truth="ground_truth")["scores"]
    assert scores["acc"] == 1 and scores["silhouette"] > 0.8
    other = dataset.match_tags("old").match(fo.ViewField("r.cluster") != 0)
    before = np.array(other.values("r.confidence"))
    get("edit_clusters")(dataset, run_key="r", action="merge", clusters=[1, 2])
    after = np.array(other.values("r.confidence"))
    assert np.mean(after != before) > 0.9 and after.min() > 0.5  # by the one center that is left, not two
    get("edit_clusters")(dataset, run_key="r", action="undo")
    cluster = dataset.first()["r.cluster"]
    get("edit_clusters")(dataset, run_key="r", action="split", cluster=cluster)
    assert len(set(zip(*dataset.values(["r.cluster", "ground_truth.label"]), strict=True))) == 4
    assert get("suggest_cluster_count")(dataset, embeddings="seconds", max_clusters=6)["natural"] == 3
