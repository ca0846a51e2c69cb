"""Finished runs in the App: information, the view, a new name, deletion."""

import fiftyone.operators as foo
import pytest


@pytest.fixture
def clustered(digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits.limit(40), run_key="first", params={"n_clusters": 4}, embeddings="emb", visualize=False)
    return digits


def test_information_readable_and_as_json(user, clustered):
    user.open(clustered)
    form = user.open_form("get_clustering_run_info")
    user.execute(form)
    form.get_by_text("4 clusters", exact=True).wait_for()
    text = form.inner_text()
    assert "of 40 images" in text and "n_clusters=4" in text and "cluster 03" in text
    assert "Everything, as JSON" in text and "run_key" in text


def test_load_the_view(user, clustered):
    user.open(clustered)
    user.execute(user.open_form("load_clustering_view"))
    user.page.get_by_text("40 samples", exact=True).first.wait_for()


def test_rename(user, clustered):
    user.open(clustered)
    form = user.open_form("rename_clustering_run")
    user.fill(form, "New run key", "second")
    user.execute(form)
    form.wait_for(state="detached")
    user.page.locator('[data-cy="sidebar-field-second"]').first.wait_for()
    clustered.reload()
    assert clustered.list_runs() == ["second"] and len(clustered.exists("second")) == 40


def test_delete(user, clustered):
    user.open(clustered)
    form = user.open_form("delete_clustering_run")
    assert "The vectors stay" in form.inner_text()
    user.execute(form)
    form.wait_for(state="detached")
    user.page.locator('[data-cy="sidebar-field-first"]').first.wait_for(state="detached")
    clustered.reload()
    assert clustered.list_runs() == [] and "first" not in clustered.get_field_schema()
    assert len(clustered.exists("emb")) == 60
