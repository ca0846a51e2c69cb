import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.duplicates import duplicate_groups


def test_groups_of_near_duplicates_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    vectors = np.repeat(rng.normal(size=(40, 8)), 3, axis=0) + rng.normal(size=(120, 8)) * 0.15
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for threshold in (0.9, 0.97, 0.99):
        near = unit @ unit.T >= threshold
        component = np.arange(120)
        for _ in range(120):
            component = np.array([component[near[i]].min() for i in range(120)])
        expected = [np.flatnonzero(component == c).tolist() for c in np.unique(component)]
        expected = sorted((g for g in expected if len(g) > 1), key=lambda g: (-len(g), g[0]))
        assert duplicate_groups(vectors * 7, threshold) == expected and expected


def test_exact_copies_are_found_at_1_and_across_blocks():
    vectors = np.random.default_rng(2).normal(size=(3000, 4)).astype(np.float32)
    vectors[2999] = vectors[3] * 5
    assert [3, 2999] in duplicate_groups(vectors, 1.0)
    assert duplicate_groups(np.eye(3), 0.5) == [] and duplicate_groups(np.empty((0, 3)), 0.5) == []


def test_the_threshold_is_exact():
    rng = np.random.default_rng(0)
    one, away = np.linalg.qr(rng.normal(size=(512, 2)))[0].T
    for threshold, cosine, linked in ((0.98, 0.98 - 4e-7, 0), (0.98, 0.98 + 4e-7, 1), (1.0, 1 - 4e-7, 0)):
        pair = np.stack([one, cosine * one + np.sqrt(1 - cosine**2) * away])
        assert len(duplicate_groups(pair, threshold)) == linked


def test_thresholds_that_make_no_sense(monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.analysis import duplicates

    for threshold in (0, -1, 1.01):
        with pytest.raises(ValueError, match="is not a cosine above 0 and up to 1"):
            duplicate_groups(np.eye(3), threshold)
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", 100)
    with pytest.raises(ValueError, match="links more than 100 pairs; raise it"):
        duplicate_groups(np.ones((50, 3)), 0.9)
