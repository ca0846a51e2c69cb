"""Lloyd's passes that look only at the samples that may change."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import lloyd as module
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.lloyd import Lloyd

ROOM = module.__name__.rpartition(".")[0]


def groups(n=600, k=12, d=20, spread=0.6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(k, d))[rng.integers(k, size=n)] + spread * rng.normal(size=(n, d))).astype(np.float32)


def plain(X, centers, passes, unit=False, fixed=None):
    """Centers after so many passes over all samples, in float64."""
    X, centers = X.astype(np.float64), centers.astype(np.float64)
    for _ in range(passes):
        labels = ((X[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        labels = labels if fixed is None else np.where(fixed >= 0, fixed, labels)
        centers = np.stack([X[labels == one].mean(axis=0) for one in range(len(centers))])
        centers = centers / np.linalg.norm(centers, axis=1, keepdims=True) if unit else centers
    return centers


@pytest.mark.parametrize("kind", ["plain", "unit", "fixed"])
def test_passes_are_those_over_all_samples(kind):
    X = groups()
    X = X / np.linalg.norm(X, axis=1, keepdims=True) if kind == "unit" else X
    fixed = np.where(np.arange(len(X)) < 30, np.arange(len(X)) % 3, -1) if kind == "fixed" else None
    found = Lloyd(X, X[:12], kind == "unit", fixed)
    for passes in range(1, 15):
        found.move()
        np.testing.assert_allclose(found.centers, plain(X, X[:12], passes, kind == "unit", fixed), atol=1e-5)
        found.assign()
    if kind == "fixed":
        assert (found.labels[:30] == fixed[:30]).all()


def test_most_samples_are_not_looked_at(monkeypatch):
    X, looked = groups(spread=0.3), []
    found = Lloyd(X, X[:12])
    measured = found._measure
    monkeypatch.setattr(found, "_measure", lambda rows: (looked.append(len(rows)), measured(rows))[1])
    passes = found.run(100)
    assert passes > 4 and sum(looked) < 0.5 * passes * len(X)


def test_it_stops_when_the_inertia_falls_by_less_than_the_share():
    X = groups(spread=1.5)
    assert Lloyd(X, X[:12]).run(100, tol=0.5) < Lloyd(X, X[:12]).run(100, tol=1e-3) < Lloyd(X, X[:12]).run(100)
    assert Lloyd(X, X[:12]).run(3) == 3


def test_the_inertia_is_that_of_the_first_centers():
    X = groups()
    squares = ((X[:, None].astype(np.float64) - X[:12]) ** 2).sum(axis=2)
    assert Lloyd(X, X[:12]).inertia == pytest.approx(squares.min(axis=1).sum(), rel=1e-5)


def test_a_center_without_samples_goes_where_they_are_far():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(90, 4)), 50 + rng.normal(size=(10, 4))]).astype(np.float32)
    found = Lloyd(X, np.array([[0.0] * 4, [500.0] * 4], np.float32))
    assert set(found.labels) == {0}
    found.run(10)
    assert set(found.labels[:90]) == {0} and set(found.labels[90:]) == {1}


def test_fewer_vectors_than_centers_leave_some_without_samples_and_end():
    X = np.repeat(groups(5, 5, 8, 0.1), 20, axis=0)
    found = Lloyd(X, np.concatenate([X[::20], X[::20] + 0.1]))
    assert found.run(50) < 50 and len(set(found.labels)) == 5
    ends = found.centers[np.unique(found.labels)]
    np.testing.assert_allclose(np.sort(ends, axis=0), np.sort(X[::20], axis=0), atol=1e-5)


@pytest.mark.parametrize("format", ["torch", "bfloat16"])
def test_another_format_finds_nearly_the_same(format, monkeypatch):
    X = groups(spread=0.2)
    usual = Lloyd(X, X[:12])
    monkeypatch.setenv("CONSTELLATION_PRODUCTS", format)
    other = Lloyd(X, X[:12])
    usual.run(20)
    other.run(20)
    # ties of two centers in one group fall otherwise in bfloat16
    assert np.mean(usual.labels == other.labels) > 0.95
    squares = [((X - one.centers[one.labels]) ** 2).sum() for one in (usual, other)]
    assert squares[1] == pytest.approx(squares[0], rel=5e-3)
    # the means are float64 in any case
    means = np.stack([X[other.labels == one].mean(axis=0, dtype=np.float64) for one in range(12)])
    np.testing.assert_allclose(other.centers, means, atol=1e-5)
