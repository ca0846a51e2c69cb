"""Places of names on a map."""

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.models.analysis.map_layout import Box, anchors, place_boxes


def edges(place, box):
    (x, y), (width, height, _) = place, box
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def test_no_name_covers_another_or_leaves_the_map_and_the_first_has_the_choice():
    rng = np.random.default_rng(0)
    centers, boxes = rng.random((300, 2)), [Box(0.15, 0.04)] * 300
    places = place_boxes(centers, boxes)
    placed = [edges(place, box) for place, box in zip(places, boxes, strict=True) if place]
    assert 20 < len(placed) < 300
    for i, (left, low, right, high) in enumerate(placed):
        assert min(left, low) >= -1e-9 and max(right, high) <= 1 + 1e-9
        assert all(left >= r or right <= x or low >= h or high <= y for x, y, r, h in placed[:i])
    middle = np.full((3, 2), 0.5)
    first, second, third = place_boxes(middle, [Box(0.2, 0.1)] * 3)
    assert first == (0.5, 0.5) and None not in (second, third) and len({first, second, third}) == 3


def test_a_picture_stands_beside_the_points_that_it_would_hide_and_a_name_does_not_move():
    points = np.random.default_rng(0).normal((0.5, 0.5), 0.02, (500, 2))
    ((x, y),) = place_boxes(np.array([[0.5, 0.5]]), [Box(0.1, 0.1, hides=True)], points)
    assert (abs(points - (x, y)) < 0.05).all(axis=1).mean() < 0.05 and np.hypot(x - 0.5, y - 0.5) < 0.2
    assert place_boxes(np.array([[0.5, 0.5]]), [Box(0.1, 0.1)], points) == [(0.5, 0.5)]


def test_a_name_is_at_a_member_even_if_the_middle_is_empty():
    around = np.linspace(0, 2 * np.pi, 100)
    ring = np.column_stack([np.cos(around), np.sin(around)])
    found = anchors(ring, np.zeros(100, int), [0, 7])
    assert list(found) == [0] and np.abs(ring - found[0]).sum(axis=1).min() == 0
