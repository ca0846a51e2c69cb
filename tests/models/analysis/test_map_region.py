"""Outlines between the chosen and the other points of a map."""

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.map_region import region_of, unit_square


def test_the_region_has_what_was_chosen_and_leaves_the_others_out():
    rng = np.random.default_rng(0)
    xy = unit_square(rng.normal(size=(20_000, 2)))
    for chosen in (np.hypot(*(xy - 0.4).T) < 0.15, xy[:, 0] < 0.5, (abs(xy - (0.2, 0.7)) < 0.2).all(axis=1)):
        found = region_of(xy, chosen).contains(xy)
        assert (found != chosen).mean() < 0.005 and chosen.sum() > 100


def test_a_ring_has_a_hole_and_two_parts_are_two():
    xy = np.random.default_rng(0).random((30_000, 2))
    away = np.hypot(*(xy - 0.5).T)
    ring = region_of(xy, (away > 0.2) & (away < 0.4))
    assert (len(ring.outer), len(ring.holes)) == (1, 1)
    assert not ring.contains(np.array([[0.5, 0.5]])).any() and ring.contains(np.array([[0.5, 0.8]])).all()
    corners = region_of(xy, (xy < 0.2).all(axis=1) | (xy > 0.8).all(axis=1))
    assert len(corners.outer) == 2 and corners.contains(np.array([[0.0, 0.0], [1.0, 1.0]])).all()


def test_all_and_none():
    xy = np.random.default_rng(0).random((100, 2))
    assert region_of(xy, np.ones(100, bool)).contains(xy).all()
    assert not region_of(xy, np.zeros(100, bool)).contains(xy).any()
    assert unit_square(np.zeros((3, 2))).tolist() == [[0, 0]] * 3
