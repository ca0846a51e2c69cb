"""Training as a person does it in the App: scheduled, watched, and then used to cluster."""

import re

import pytest
from worker import Worker

pytestmark = pytest.mark.slow
EPOCHS = 3
FLAG = "FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS"


def test_train_in_a_worker_and_cluster_with_the_encoder(user, digits, tmp_path):
    user.open(digits)
    form = user.open_form("train_encoder")
    user.fill(form, "Name", "browser_digits")
    user.fill(form, "Epochs", str(EPOCHS))
    user.fill(form, "batch_size", "20")
    user.choose(form, "flip", "none")
    user.schedule(form)
    with Worker(tmp_path / "worker.log") as worker:
        operation, labels = worker.finish(digits, 300)
    assert operation.run_state == "completed", operation.result
    assert any("training epoch" in label and "images/s" in label for label in labels), labels

    form = user.open_form("list_encoders")
    user.execute(form)
    form.locator(".js-plotly-plot").wait_for()  # the curve
    assert "browser_digits" in form.inner_text() and f"{EPOCHS} epochs" in form.inner_text()
    user.page.keyboard.press("Escape")
    form.wait_for(state="detached")
    form = user.open_form("compute_clusters")
    user.tick(form, "More")
    user.choose(form, "Vectors", "Compute new vectors")
    user.choose(form, "Encoder", "trained:browser_digits")
    user.fill(form, "Number of clusters", "5")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made("5 clusters of 60 images")
    digits.reload()
    (key,) = digits.list_runs()
    assert digits.get_run_info(key).config.encoder["name"] == "trained:browser_digits"


def test_train_without_a_worker(plain_user, digits):
    user = plain_user
    user.open(digits)
    form = user.open_form("train_encoder")
    user.fill(form, "Name", "browser_plain")
    user.choose(form, "Kind", "Autoencoder")
    user.fill(form, "Epochs", str(EPOCHS))
    user.fill(form, "batch_size", "20")
    assert FLAG in form.inner_text()  # what Schedule needs
    assert not user.button(form, "Schedule").count()
    user.execute(form)
    assert f"{EPOCHS} of {EPOCHS} epochs" in user.job("").inner_text()
    form = user.open_form("list_encoders")
    user.choose(form, "Encoder", "browser_plain")
    form = user.redrawn(user.button(form, "Delete…").click)
    form.get_by_text(re.compile("Deletes 'browser_plain'")).first.wait_for()
    user.execute(form)
    user.page.get_by_text("Encoder browser_plain is deleted").first.wait_for()
