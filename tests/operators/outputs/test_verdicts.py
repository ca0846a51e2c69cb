"""Words for clusters whose shape is known, and no classes needed."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.cohesion import measure
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.scores import scores_text
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.verdicts import (
    agreement,
    figures,
    isolation,
    shape,
    tightness,
)


def words(X, labels):
    found = measure(X, labels)
    return [(tightness(c), isolation(s, "b")) for c, s in zip(found.cohesion, found.separation, strict=True)]


def test_far_balls_are_tight_and_alone_and_a_cut_ball_is_neither():
    X = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    half = (X[:, 0] > 0).astype(int)
    assert words(X, half) == [("loose", "runs into b")] * 2
    assert words(X + 20 * half[:, None], half) == [("tight", "alone, nearest is b")] * 2


def test_a_run_is_judged_by_what_its_clusters_are_like():
    X = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    half = (X[:, 0] > 0).astype(int)

    def judged(X):
        found = measure(X, half)
        return shape({"cohesion": c, "separation": s} for c, s in zip(found.cohesion, found.separation, strict=True))

    assert judged(X) == "2 loose, 2 without a gap to the next" and judged(X + 20 * half[:, None]) == "2 tight"
    assert shape([]) == "" and shape([{"cohesion": None, "separation": None}]) == ""


@pytest.mark.parametrize(
    ("ari", "words"), [(1, "excellent"), (0.85, "good"), (0.7, "moderate"), (0.3, "poor"), (-0.5, "hardly any")]
)
def test_agreement_has_a_word_for_every_index(ari, words):
    assert agreement(ari) == f"{words} agreement"


def test_figures_stand_with_those_that_they_may_be_compared_with():
    scores = {"silhouette": 0.1234, "acc": 0.5, "ari": 0.25, "nmi": None, "neighbor_agreement": 0.9}
    against, own = figures(scores, "kind")
    assert "Against kind: accuracy 0.500, ARI 0.250." in against and "silhouette" not in against
    assert own == "Only to be compared with runs on the same vectors: silhouette 0.123, neighbor agreement 0.900"
    assert figures({"silhouette": None}, None) == [] and len(figures({"silhouette": 0.1}, None)) == 1


def test_an_evaluation_begins_with_words():
    cluster = {"label": "a_b", "size": 3, "share": 1.0, "confidence": 0.5, "cohesion": 0.6, "separation": 5.0}
    found = {"n": 3, "scores": {"ari": 0.7}, "clusters": [cluster], "ground_truth": "my_kind", "notes": []}
    assert "**Moderate agreement with my\\_kind; 1 tight**" in scores_text(found)
    assert "agreement" not in scores_text({**found, "scores": {}, "clusters": []})
