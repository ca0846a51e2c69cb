"""Operations x shapes of data x what became of it meanwhile: counts and labels by id against a model without our code.

A slice of the cells, with every pair of shape and state, is part of ``make test``; ``make test-matrix`` runs them all.
"""

from itertools import product

import fiftyone as fo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import selections
from matrix_cells import STATES, make
from matrix_operations import OPERATIONS
from matrix_shapes import SHAPES


def cells():
    """All cells; those that are not in the slice are marked."""
    for (s, shape), (t, state), (o, operation) in product(*map(enumerate, (SHAPES, STATES, OPERATIONS))):
        sliced = (s + 2 * t) % len(OPERATIONS) == o
        marks = () if sliced else pytest.mark.rest_of_the_matrix
        yield pytest.param(shape, state, operation, marks=marks, id=f"{shape}-{state}-{operation}")


@pytest.fixture
def swept(monkeypatch):
    """Deletes the datasets of a cell, where values are read and written in several slices."""
    monkeypatch.setattr(selections, "PER_QUERY", 7)
    before = set(fo.list_datasets())
    yield
    for name in set(fo.list_datasets()) - before:
        fo.delete_dataset(name)


def assert_untouched(original):
    """Checks that what is done to a clone leaves the run of the original alone."""
    original.reload()
    assert original.list_runs() == ["km"] and original.count_values("km.cluster") == {0: 10, 1: 10, 2: 10}
    assert set(original.values("km.label")) == {"cluster 00", "cluster 01", "cluster 02"}


@pytest.mark.parametrize(("shape", "state", "operation"), cells())
def test_cell(shape, state, operation, swept, second_process):
    cell = make(shape)
    STATES[state](cell)
    if state == "new process":
        second_process.perform(shape, operation, cell)
    else:
        OPERATIONS[operation](cell)
    if shape == "clone":
        assert_untouched(cell.original)
