"""Additions as CONTRIBUTING prints them: each is one file, and all the rest follows."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def example(heading: str) -> str:
    """The code printed below a heading of CONTRIBUTING."""
    return re.search(rf"## {heading}.*?```python\n(.*?)```", TEXT, re.DOTALL)[1]


@pytest.fixture
def plugin(tmp_path):
    """A copy of the plugin with the five examples added, in a plugins folder of its own."""
    copy = tmp_path / "plugins" / "clusters"
    copy.mkdir(parents=True)
    for name in ("fiftyone.yml", "__init__.py"):
        shutil.copy(ROOT / name, copy)
    for name in ("operators", "models", "assets"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "models/clusterers/spectral.py").write_text(example("Add a method"))
    (copy / "models/encoders/color_grid.py").write_text(example("Add an encoder"))
    (copy / "models/training/noisy_simclr.py").write_text(example("Add a way of training"))
    (copy / "operators/editing/actions/confirm.py").write_text(example("Add an edit"))
    (copy / "operators/show_noise.py").write_text(example("Add an operator"))
    listed = copy / "operators/__init__.py"
    text = listed.read_text().replace("UNLISTED = [\n", "UNLISTED = [\n    ShowNoise,\n")
    listed.write_text(text.replace("from .stop_clustering", "from .show_noise import ShowNoise\nfrom .stop_clustering"))
    menus = copy / "operators/panel/menus.py"
    menus.write_text(
        menus.read_text().replace("RUN_ACTIONS = {\n", "RUN_ACTIONS = {\n    'show_noise': 'Show noise',\n")
    )
    manifest = copy / "fiftyone.yml"
    manifest.write_text(manifest.read_text().replace("operators:\n", "operators:\n  - show_noise\n"))
    return copy


CODE = """
import os, sys
import fiftyone as fo, fiftyone.operators as foo, numpy as np
from PIL import Image

def op(name):
    return foo.get_operator("@constellation/clusters/" + name)

def form(name, **params):
    ctx = foo.ExecutionContext({"dataset_name": ds.name, "params": params}, operator_uri=op(name).uri)
    return str(op(name).resolve_type(ctx, "inputs").to_json())

folder, ds = sys.argv[1], fo.Dataset()
rng = np.random.default_rng(0)
for i in range(24):
    pixels = np.clip(np.full((32, 32, 3), 80 * (i % 3) + 40) + rng.integers(-9, 9, (32, 32, 3)), 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(f"{folder}/{i}.png")
    ds.add_sample(fo.Sample(filepath=f"{folder}/{i}.png"))
done = op("compute_clusters")(
    ds, run_key="s", method="spectral", params={"n_clusters": 3, "n_neighbors": 5}, encoder="color_grid",
    encoder_params={"cells": 2}, visualize=False,
)
assert done["n_clusters"] == 3 and set(done["sizes"].values()) == {8}, done
assert len(ds.first()[done["embeddings"]]) == 12
text = form("compute_clusters", method="spectral", source="compute new vectors", encoder="color_grid")
assert "Neighbors of each sample in the graph" in text and "Cells per side" in text, text
ds.reload()
edited = op("edit_clusters")(ds, run_key="s", action="confirm", clusters=[0, 1])
assert edited["n_changed"] > 0 and ds.match({"s.cluster": 0}).distinct("s.confidence") == [1.0]
assert op("edit_clusters")(ds, run_key="s", action="undo")["text"] == "Undone: Confirmed 2 clusters"
text = form("edit_clusters", run_key="s", action="confirm")
assert "Confirm clusters" in text and "Choose a cluster" in text
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.menus import RUN_ACTIONS, card_actions
assert card_actions(0)["confirm"] == "Confirm\\u2026"
assert "Show noise" in form("show_noise") and op("show_noise").config.unlisted and "show_noise" in RUN_ACTIONS
params = {"batch_size": 8, "image_size": 16, "noise": 0.1, "hidden": 8, "projection": 8, "precision": "float32"}
trained = op("train_encoder")(ds, name="noisy", kind="noisy_simclr", epochs=1, params=params)
from fiftyone.plugins.orgs.constellation.clusters.models.training import store
kept = store.record_of("noisy")
assert kept["epoch"] == 1 and [kept["params"][key] for key in ("noise", "rotation", "crop")] == [0.1, 180.0, 0.2]
text = form("train_encoder", kind="noisy_simclr", train_noisy_simclr={"all_parameters": True})
assert "Standard deviation of the noise" in text and "SimCLR with noise" in text, text
print("ok")
"""


def test_a_method_an_encoder_a_recipe_an_edit_and_an_operator_are_one_file_each(plugin, tmp_path):
    import os

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(plugin.parent), "PYTHONIOENCODING": "utf-8"}
    environment["CONSTELLATION_MODEL_DIR"] = str(tmp_path / "models")
    command = [sys.executable, "-W", "ignore", "-c", CODE, str(pictures)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.strip().endswith("ok"), done.stderr[-3000:]
