"""Naming in the App: nothing is sent before the box is ticked, then names are in the form, the panel and the legend."""

import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from naming_server import GOOD, NamingServer
from PIL import Image

COLORS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


def by_color(asked):
    """Names a cluster after its first image; the blue one is no cluster at all."""
    name = list(COLORS)[int(np.argmax(asked.color()))]
    return {**GOOD, "name": f"{name} squares", "coherent": name != "blue", "description": f"Squares that are {name}."}


@pytest.fixture
def squares(tmp_path):
    """24 images of three colours, clustered with a map."""
    rng = np.random.default_rng(0)
    dataset = fo.Dataset(persistent=True)
    for c, (name, color) in enumerate(COLORS.items()):
        for i in range(8):
            path = tmp_path / f"{name}_{i}.png"
            pixels = np.clip(rng.integers(-20, 20, (64, 64, 3)) + np.array(color), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
            dataset.add_sample(fo.Sample(filepath=str(path), emb=5 * np.eye(3)[c] + 0.3 * rng.normal(size=3)))
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 3})
    yield dataset
    dataset.delete()


def test_label_a_run(user, squares):
    with NamingServer(by_color, host="0.0.0.0") as server:
        user.open(squares)
        form = user.open_form("label_clusters")
        user.fill(form, "Address", server.url)
        user.fill(form, "Model", "tiny-vl")
        host = f"0.0.0.0:{server.port}"
        form.get_by_text(re.compile(f"Up to 30 images .* in 3 questions to {re.escape(host)}")).wait_for()
        assert user.button(form).is_disabled() and server.connections == 0
        user.tick(form, f"Send these images to {host}")
        user.execute(form)
        told = user.job("3 of 3 named").inner_text()
        assert "1 cluster is mixed" in told and "tiny-vl at " in told
        assert len(server.questions) == 3
    squares.reload()
    assert squares.count_values("km.label") == {f"{name} squares": 8 for name in COLORS}

    user.open(squares)  # the panel is still open
    panel = user.page.locator('[data-cy="panel-content-clusters_panel"]')
    for name in COLORS:
        panel.get_by_text(f"{name} squares", exact=True).first.wait_for()
    panel.get_by_role("button", name="Clusters", exact=True).click()  # where the map was in front
    panel.get_by_text(re.compile("^mixed")).first.wait_for()
    assert panel.get_by_text(re.compile("^mixed")).count() == 1


def test_names_are_in_the_legend_of_the_map(user, squares):
    with NamingServer(by_color) as server:
        label = foo.get_operator("@constellation/clusters/label_clusters")
        label(squares, run_key="km", base_url=server.url, model="tiny-vl")
    user.open(squares)
    user.open_map(squares.list_brain_runs()[0], "km.label")
    panel = user.page.locator('[data-cy="panel-content-Embeddings"]')
    for name in COLORS:
        panel.get_by_text(f"{name} squares", exact=True).first.wait_for()


def test_a_dry_run_shows_the_pictures_and_sends_nothing(user, squares):
    with NamingServer(by_color, host="0.0.0.0") as server:
        user.open(squares)
        form = user.open_form("label_clusters")
        user.fill(form, "Address", server.url)
        user.fill(form, "Model", "tiny-vl")
        user.tick(form, "Dry run")
        user.execute(form)
        dialog = user.output("3 questions with 30 pictures")
        picture = dialog.locator('img[src^="data:image/jpeg"]').first
        picture.wait_for()
        assert picture.evaluate("e => e.naturalWidth") > 500 and "Nothing was sent" in dialog.inner_text()
        assert server.connections == 0
