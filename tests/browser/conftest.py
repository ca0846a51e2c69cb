"""One App server and one Chromium for all browser tests; a fresh browser profile and a dataset of its own for each.

The App keeps its state in the server, so a dataset that two tests shared would carry panels and views across.
"""

import sys
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from app import AppServer, User, launch

VIEWPORT = {"width": 1500, "height": 1400}
# Open-source FiftyOne offers "Schedule" only with this
LEGACY = {"FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS": "true"}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The App's server, with this plugin."""
    running = AppServer(tmp_path_factory.mktemp("app") / "server.log", LEGACY)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def simple_server(tmp_path_factory):
    """The App's server, whose Clusters panel is drawn without widgets of its own."""
    environment = {**LEGACY, "CONSTELLATION_SIMPLE_VIEW": "1"}
    running = AppServer(tmp_path_factory.mktemp("simple_app") / "server.log", environment)
    yield running
    running.stop()


@pytest.fixture
def user(request, chromium):
    """Somebody at a fresh browser, who has the panel's widgets in the tests of these, the simple view in all others."""
    server = request.getfixturevalue("server" if request.module.__name__.endswith("_widget") else "simple_server")
    context = chromium.new_context(viewport=VIEWPORT)
    context.set_default_timeout(30_000)
    yield User(context.new_page(), server.url)
    context.close()


@pytest.fixture
def plain_user(chromium, tmp_path):
    """Somebody at an App as FiftyOne comes, which offers no worker."""
    server = AppServer(tmp_path / "server.log", dict.fromkeys(LEGACY, "false"))
    context = chromium.new_context(viewport=VIEWPORT)
    context.set_default_timeout(30_000)
    yield User(context.new_page(), server.url)
    context.close()
    server.stop()


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Paths, classes and ``(n, 64)`` vectors of 60 handwritten digits."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    folder = tmp_path_factory.mktemp("digits")
    paths = []
    for i, pixels in enumerate(digits.images[:60]):
        paths.append(folder / f"{i:02d}.png")
        Image.fromarray((pixels * 15).astype("uint8")).resize((64, 64)).save(paths[-1])
    return paths, [str(t) for t in digits.target[:60]], digits.data[:60].astype(np.float32)


@pytest.fixture
def digits(images):
    """60 images with classes in ``ground_truth`` and vectors in ``emb``."""
    dataset = fo.Dataset(persistent=True)
    dataset.add_samples(
        [
            fo.Sample(filepath=str(path), ground_truth=fo.Classification(label=label), emb=vector)
            for path, label, vector in zip(*images, strict=True)
        ]
    )
    yield dataset
    dataset.delete()


@pytest.fixture
def plain(images):
    """20 images and nothing else."""
    dataset = fo.Dataset(persistent=True)
    dataset.add_samples([fo.Sample(filepath=str(path)) for path in images[0][:20]])
    yield dataset
    dataset.delete()


@pytest.fixture
def boxes(images):
    """20 images with three boxes each in ``things``, whose vectors are on the boxes."""
    paths, _, X = images
    dataset = fo.Dataset(persistent=True)
    for i in range(20):
        found = [
            fo.Detection(label="digit", bounding_box=[0.1 * j, 0.1, 0.5, 0.8], emb=X[3 * i + j].astype(float))
            for j in range(3)
        ]
        dataset.add_sample(fo.Sample(filepath=str(paths[i]), things=fo.Detections(detections=found)))
    dataset.add_sample_field("things.detections.emb", fo.VectorField)
    yield dataset
    dataset.delete()
