"""A second process for cells that are looked at after a reload, and which cells run."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from matrix_cells import SecondProcess


@pytest.fixture(scope="session")
def second_process():
    """A process that has never seen the datasets that it is asked about."""
    running = SecondProcess()
    yield running
    running.stop()


def pytest_collection_modifyitems(config, items):
    if os.environ.get("CONSTELLATION_MATRIX") != "all":
        left_out = [item for item in items if item.get_closest_marker("rest_of_the_matrix")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("rest_of_the_matrix")]
