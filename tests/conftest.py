"""Loads the plugin the way FiftyOne does, so tests import it under its real module path.

The environment is set before anyone imports FiftyOne: a private MongoDB, plugins folder and model store,
so that a developer's own datasets are out of reach.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from queries import watched
from stack import Mongod, fiftyone_environment

# At import, not in a hook: the conftest files of subfolders import FiftyOne before any hook runs.
if "fiftyone" in sys.modules:
    raise RuntimeError("FiftyOne was imported before the tests could give it a database of its own")
SCRATCH = Path(tempfile.mkdtemp(prefix="constellation-tests-"))
MONGOD = Mongod(quick=True)
FEW_IDS = 50  # in one query, where a test lowers the bound
os.environ.update(fiftyone_environment(MONGOD.uri, SCRATCH, ROOT))


def pytest_configure(config):
    from fiftyone.plugins.context import PluginContext
    from fiftyone.plugins.definitions import PluginDefinition

    plugin = PluginContext(PluginDefinition.from_disk(str(ROOT / "fiftyone.yml")))
    plugin.register_all()
    if plugin.errors:
        raise RuntimeError(plugin.errors[0])


def pytest_collection_modifyitems(items):
    # Playwright keeps an event loop running in the main thread, so what calls asyncio.run() comes first
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_unconfigure(config):
    MONGOD.stop()
    shutil.rmtree(SCRATCH, ignore_errors=True)


@pytest.fixture
def dataset():
    """An empty dataset that is deleted after the test."""
    import fiftyone as fo

    empty = fo.Dataset()
    yield empty
    empty.delete()


@pytest.fixture
def few_ids(monkeypatch):
    """Lowers the bounds on ids in one query; the test fails if any command to the database has more."""
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import selections

    bounds = {"MOST_IDS": FEW_IDS, "PER_QUERY": FEW_IDS // 2, "LISTED": FEW_IDS}
    for name, value in bounds.items():
        monkeypatch.setattr(selections, name, value)
    with watched() as seen:
        yield seen
    assert seen.commands and seen.most <= FEW_IDS, seen.command
