"""The estimate of a run and the bar of its progress: what is there already costs nothing."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import reduction
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering.estimates import estimate_run
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from PIL import Image

from ..conftest import get


@pytest.fixture
def images(dataset, tmp_path):
    """Twelve images without vectors."""
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png")))
    return dataset


def test_what_was_made_before_costs_nothing(blobs, compute, monkeypatch):
    def estimate(**given):
        return estimate_run(resolve_target(blobs), "emb", None, {"method": "hdbscan", "reduce": "umap", **given})

    monkeypatch.setattr(reduction, "_compiled", set())
    first = estimate()
    assert first.seconds > 10 and "map" in first.stages
    assert estimate(visualize=False).stages["clustering"] > 10  # compiled once, by whatever comes first
    monkeypatch.setattr(reduction, "_layout", lambda X, knn, k, params, seed: X[:, : params["n_components"]])
    get("compute_clusters")(blobs, run_key="km", embeddings="emb")
    monkeypatch.setattr(reduction, "_compiled", {"umap"})
    again = estimate()
    assert "map" not in again.stages and again.seconds < first.seconds / 5 and again.text.startswith("About 1 s")
    assert "map" in estimate_run(resolve_target(blobs.limit(59)), "emb", None, {}).stages


def test_only_missing_vectors_are_counted(images):
    get("compute_embeddings")(images.limit(9), encoder="efficientnet_lite0", embeddings="vec")

    def embedding(samples):
        return estimate_run(resolve_target(samples), "vec", "efficientnet_lite0", {}).stages["embedding"]

    assert embedding(images.limit(9)) < embedding(images) < embedding(images.skip(9)) + 1e-9


def test_the_bar_tells_the_truth_of_a_run_on_images(images):
    seen = []
    done = get("compute_clusters")(
        images,
        run_key="km",
        params={"n_clusters": 2},
        encoder="efficientnet_lite0",
        encoder_params={"image_size": 64},
        progress=lambda f, m: seen.append((f, m)),
    )
    at = {m.split()[1]: f for f, m in seen}
    share = done["seconds"]["embedding"] / sum(done["seconds"].values())
    print(f"after {share:.0%} of the time the bar is at {at['embedding']:.0%}")
    assert at["embedding"] > 0.5 and at["writing"] == pytest.approx(1.0)
