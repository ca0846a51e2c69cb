"""Maps of a sample: who is drawn, and where the others stand."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import reduction, sampled_map
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.samples import draw_rows, drawn_copies

N, SIZE = 400, 100


def cloud():
    """Unit vectors in four groups, the last twenty of them copies of the first, ten twice."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 16))[np.arange(N) % 4] * 5 + rng.normal(size=(N, 16))
    X[-20:-10], X[-10:] = X[:10], X[:10]
    return l2_normalize(X.astype(np.float32))


@pytest.fixture(params=["exact", "approximate"])
def drawn(request, monkeypatch):
    """A sample of 100 whose map is simply two of the dimensions; the others are placed by either search."""
    seen = []
    monkeypatch.setattr(sampled_map, "DRAWN", SIZE)
    monkeypatch.setattr(sampled_map, "_BLOCK", 70)
    monkeypatch.setattr(sampled_map, "EXACT_LIMIT", SIZE if request.param == "exact" else SIZE - 1)
    monkeypatch.setattr(reduction, "project_2d", lambda X, **_: seen.append(len(X)) or X[:, :2].copy())
    return seen


def test_the_sample_is_drawn_and_the_others_stand_between_their_neighbors(drawn):
    X, told = cloud(), []
    places = sampled_map.draw_map(X, random_state=7, progress=lambda f, m: told.append((f, m)))
    assert drawn == [SIZE] and places.shape == (N, 2) and places.dtype == np.float32
    rows = draw_rows(N, SIZE, 7)
    assert (places[rows] == X[rows, :2]).all()
    others = np.setdiff1d(np.arange(N), rows)
    distances = 1 - X[others] @ X[rows].T
    near = np.argsort(distances, axis=1)[:, :5]
    weights = 1 / np.maximum(np.take_along_axis(distances, near, 1), 1e-9)
    expected = (places[rows[near]] * weights[..., None]).sum(1) / weights.sum(1, keepdims=True)
    assert np.median(np.linalg.norm(places[others] - expected, axis=1)) < 0.02
    copies, of_drawn = drawn_copies(X, rows)
    assert (places == places[copies]).all() and (of_drawn >= 0).sum() >= SIZE
    assert told == sorted(told) and told[-1][0] < 1 and "placing the other 300" in told[-1][1]


def test_the_same_seed_draws_the_same_map(drawn):
    first, again = (sampled_map.draw_map(cloud(), random_state=7) for _ in range(2))
    assert (first == again).all()
    assert (first != sampled_map.draw_map(cloud(), random_state=8)).any()


def test_few_are_drawn_as_a_whole_as_before(monkeypatch):
    X = cloud()
    expected = reduction.project_2d(X, random_state=3)
    assert (sampled_map.draw_map(X, random_state=3) == expected).all()
