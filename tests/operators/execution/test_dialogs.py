"""Dialogs of the App: every one ends, with what was done or with the sentence that refuses it."""

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from ..app_stream import app_messages
from ..conftest import get, group_vectors
from .test_delegation_checks import NAMES, RIGHT

GENERATORS = [name for name in NAMES if get(name).config.execute_as_generator]
FORMS = {  # as the App enters them
    "check_neighbors": {"sample_size": 2, "n_neighbors": 3},
    "compute_clusters": {"source": "emb", "visualize": False},
    "edit_clusters": {"run_key": "km", "action": "merge", "clusters": ["0", "1"]},
    "propagate_labels": {"run_key": "km", "ground_truth": "ground_truth", "min_labeled": 1},
    "train_encoder": {"kind": "simclr", "name": "mine", "epochs": 1, "train_simclr": {"batch_size": 4}},
}


@pytest.fixture
def pictures(dataset, compute, tmp_path):
    """Twelve small images in two groups, with vectors in ``emb`` and a run ``km`` of four clusters."""
    X, which = group_vectors(12, groups=2)
    for i, (x, w) in enumerate(zip(X, which, strict=True)):
        noise = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
        truth = fo.Classification(label="ab"[w]) if i < 8 else None
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png"), emb=x, ground_truth=truth))
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 4})
    return dataset


def params_of(name, tmp_path):
    own = {"path": str(tmp_path / "report.html")} if name == "export_clusters" else {}
    return {**RIGHT, **FORMS}[name] | own


@pytest.mark.parametrize("name", GENERATORS)
def test_a_job_ends_with_an_output(pictures, name, tmp_path):
    messages = app_messages(pictures, name, params_of(name, tmp_path))
    assert not [text for told, text in messages if told == "raised"]
    # what the dialog shows last; a bar would stay where it is
    assert [told for told, _ in messages if told in ("set_progress", "show_output")][-1] == "show_output"
