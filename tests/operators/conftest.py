"""Datasets with known groups, and the plugin's operators by name."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest


def get(name):
    return foo.get_operator(f"@constellation/clusters/{name}")


def group_vectors(n=60, groups=3, d=32, seed=0):
    """Vectors around ``groups`` far-apart centers, and which centre each has."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(groups, d)) * 5
    which = np.arange(n) % groups
    return (centers[which] + rng.normal(size=(n, d))).astype(np.float32), which


@pytest.fixture
def blobs(dataset):
    """60 samples in three obvious groups, vectors in ``emb``, classes in ``ground_truth``."""
    return fill_blobs(dataset)


def fill_blobs(dataset):
    X, which = group_vectors()
    dataset.add_samples(
        [
            fo.Sample(filepath=f"/nowhere/{i}.png", emb=x, ground_truth=fo.Classification(label="abc"[w]))
            for i, (x, w) in enumerate(zip(X, which, strict=True))
        ]
    )
    return dataset


@pytest.fixture
def patches(dataset):
    """20 samples with three detections each in ``things``; vectors on the detections, a group per position."""
    X, _ = group_vectors(60)
    box = [0.1, 0.1, 0.5, 0.5]
    for i in range(20):
        boxes = [fo.Detection(label="abc"[j], bounding_box=box, emb=X[3 * i + j]) for j in range(3)]
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{i}.png", things=fo.Detections(detections=boxes)))
    dataset.add_sample_field("things.detections.emb", fo.VectorField)
    return dataset


@pytest.fixture(scope="module")
def module_dataset():
    """An empty dataset that the tests of a file share."""
    empty = fo.Dataset()
    yield empty
    empty.delete()


@pytest.fixture(scope="session")
def compute():
    """The ``compute_clusters`` operator without the 2-D map, which costs seconds of compilation."""

    def call(samples, **kwargs):
        defaults = {"params": {"n_clusters": 3}} if kwargs.get("method", "kmeans") == "kmeans" else {}
        return get("compute_clusters")(samples, **{"visualize": False, **defaults, **kwargs})

    return call


@pytest.fixture
def browser(blobs, compute):
    """The Clusters panel, open at run ``km`` of 57 of the 60 samples."""
    from .panel.panel_browser import Browser

    compute(blobs.limit(57), run_key="km", ground_truth="ground_truth")
    return Browser(blobs)
