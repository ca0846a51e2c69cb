"""The record of a deep method's run: health, collapses, prototypes, agreement, scores of many clusters."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters
from fiftyone.plugins.orgs.constellation.clusters.models.placement import place
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.run_info import info_text
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.summary import as_text
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.info import get_clustering_run_info

from ..handles import read_arrays, read_clusters

DEEP = [name for name in list_clusterers() if get_clusterer(name).group.startswith("deep")]
QUICK = {"n_clusters": 3, "steps": 40, "heads": 1, "pretrain_steps": 60, "runs": 2, "base": "kmeans"}


def params_of(name, **params):
    return {key: value for key, value in {**QUICK, **params}.items() if key in parameters(get_clusterer(name))}


@pytest.mark.parametrize("name", DEEP)
def test_a_run_keeps_the_health_of_every_deep_method_and_places_new_samples(name, blobs, compute):
    compute(blobs, run_key="a", method=name, params=params_of(name), ground_truth="ground_truth")
    config = blobs.get_run_info("a").config
    assert {"step", "entropy", "used", "largest", "agreement"} <= set(config.history)
    assert config.history["used"][-1] == 3 and config.collapsed == [] and config.fallback is False
    if name != "consensus":  # which has no loss of its own
        assert set(config.history) - {"step", "loss", "entropy", "used", "largest", "confidence", "agreement"}
    if config.placement["kind"] == "head":
        X = np.stack(blobs.values("emb"))
        labels, confidence = place(config.placement, read_arrays(blobs, "a"), X)
        assert labels.tolist() == blobs.values("a.cluster")
        np.testing.assert_allclose(confidence, blobs.values("a.confidence"), atol=1e-4)


def test_a_collapse_is_in_the_run_and_in_what_the_user_reads(blobs, compute, monkeypatch):
    train = get_clusterer("scan")._train

    def collapsing(self, *args):
        head = train(self, *args)
        weight, bias = head.layers[-1]
        return head._replace(layers=[*head.layers[:-1], (0 * weight, 0 * bias - np.arange(3))])

    monkeypatch.setattr(get_clusterer("scan"), "_train", collapsing)
    summary = compute(blobs, run_key="a", method="scan", params=params_of("scan"))
    again, instead = (note for note in summary["notes"] if "n_neighbors" not in note)  # fewer than asked for, of so few
    assert (
        again == "scan collapsed: 1 of 3 clusters were used; it was trained again from k-means, with twice the balance"
    )
    assert instead.endswith("these clusters are those of k-means instead")
    config = blobs.get_run_info("a").config
    assert config.fallback is True and config.collapsed == ["1 of 3 clusters were used"] * 2
    assert config.notes == summary["notes"] and summary["n_clusters"] == 3
    for text in (as_text(summary), info_text(get_clustering_run_info(blobs, run_key="a"))):
        assert again in text and instead in text


def test_a_run_that_did_not_collapse_says_nothing(blobs, compute):
    assert compute(blobs, run_key="a")["notes"] == []
    config = blobs.get_run_info("a").config
    assert config.collapsed == [] and config.fallback is False and config.prototypes_by == "center"


@pytest.mark.parametrize(("name", "surest"), [("scan", 10), ("spice", None), ("dec", 0)])
def test_prototypes_are_those_of_the_paper(name, surest, blobs, compute):
    compute(blobs, run_key="a", method=name, params=params_of(name))
    ids, clusters, confidence = blobs.values(["id", "a.cluster", "a.confidence"])
    X = l2_normalize(np.stack(blobs.values("emb")))
    for entry in read_clusters(blobs, "a"):
        members = [i for i in range(60) if clusters[i] == entry["id"]]
        ranked = sorted(members, key=lambda i: -confidence[i])
        if surest == 0:  # DEC: the best scores themselves
            best = max(confidence[i] for i in members)
            assert confidence[ids.index(entry["prototypes"][0])] == pytest.approx(best, abs=1e-6)
            continue
        count = len(members) // 2 if surest is None else surest
        assert confidence[ranked[count - 1]] > confidence[ranked[count]]
        mean = sum(X[i] for i in ranked[:count]) / count
        nearest = min(members, key=lambda i: float(np.linalg.norm(X[i] - mean)))
        assert entry["prototypes"][0] == ids[nearest]


def test_more_clusters_than_classes_are_scored_many_to_one_too(blobs, compute):
    summary = compute(blobs, run_key="a", params={"n_clusters": 6}, ground_truth="ground_truth")
    scores = summary["scores"]
    assert scores["n_clusters"] == 6 and scores["purity"] == 1 > scores["acc"]
    assert "6 clusters for 3 classes: acc pairs them one to one" in as_text(summary)
    assert "many clusters to one class give 1.000 (purity)" in as_text(summary)


def test_the_confidence_of_a_consensus_is_how_far_its_runs_agree(blobs, compute):
    compute(blobs, run_key="a", method="consensus", params={"n_clusters": 3, "base": "kmeans", "runs": 3})
    assert blobs.values("a.confidence") == [1.0] * 60
    assert blobs.get_run_info("a").config.history["step"] == [1, 2, 3]
