"""Finished runs in the App: information, the view, a new name, deletion."""

import re

import fiftyone.operators as foo
import pytest
from playwright.sync_api import expect
from test_panel import Panel


@pytest.fixture
def clustered(digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits.limit(40), run_key="first", params={"n_clusters": 4}, embeddings="emb", visualize=False)
    return digits


def test_information_readable_and_as_json(user, clustered):
    user.open(clustered)
    panel = Panel(user).open()
    panel.press("Run")
    expect(panel.content).to_contain_text("n_clusters=4")
    form = user.redrawn(lambda: panel.press("As JSON…"))
    user.execute(form)
    form.get_by_text("4 clusters", exact=True).wait_for()
    text = form.inner_text()
    assert "of 40 images" in text and "n_clusters=4" in text and "cluster 03" in text
    assert "Everything, as JSON" in text and "cluster_field" in text  # it folds what comes late in the alphabet


def test_load_the_view(user, clustered):
    user.open(clustered)
    panel = Panel(user).open()
    user.execute(panel.run_menu("Show in the grid…"))
    panel.shows(40)


def test_rename(user, clustered):
    user.open(clustered)
    panel = Panel(user).open()
    form = panel.run_menu("Rename this run…")
    user.fill(form, "New run key", "second")
    user.execute(form)
    form.wait_for(state="detached")
    user.page.locator('[data-cy="sidebar-field-second"]').first.wait_for()
    expect(panel.content).to_contain_text("second · kmeans")
    clustered.reload()
    assert clustered.list_runs() == ["second"] and len(clustered.exists("second")) == 40


def test_delete(user, clustered):
    user.open(clustered)
    panel = Panel(user).open()
    form = panel.run_menu("Delete this run…")
    form.get_by_text(re.compile("The vectors stay")).first.wait_for()
    user.execute(form)
    form.wait_for(state="detached")
    user.page.locator('[data-cy="sidebar-field-first"]').first.wait_for(state="detached")
    expect(panel.content).to_contain_text("This dataset has no clustering run yet.")
    clustered.reload()
    assert clustered.list_runs() == [] and "first" not in clustered.get_field_schema()
    assert len(clustered.exists("emb")) == 60
