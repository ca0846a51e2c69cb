"""Words for clusters whose shape is known, and no classes needed."""

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.cohesion import measure
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.verdicts import isolation, tightness


def words(X, labels):
    found = measure(X, labels)
    return [(tightness(c), isolation(s, "b")) for c, s in zip(found.cohesion, found.separation, strict=True)]


def test_far_balls_are_tight_and_alone_and_a_cut_ball_is_neither():
    X = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    half = (X[:, 0] > 0).astype(int)
    assert words(X, half) == [("loose", "runs into b")] * 2
    assert words(X + 20 * half[:, None], half) == [("tight", "alone, nearest is b")] * 2
