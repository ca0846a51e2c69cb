"""Clustering as a person does it in the App: the form, live progress, the summary, the map and the grid."""

import re
import subprocess
import sys

from playwright.sync_api import expect
from test_panel import Panel
from worker import Worker


def test_cluster_and_look_at_the_map(user, digits):
    user.open(digits)
    form = user.open_form("compute_clusters")
    user.choose(form, "Ground truth", "ground_truth")
    user.execute(form)
    form.wait_for(state="detached")  # the page is free while it runs
    panel = Panel(user)
    stage = re.compile(r"running.* \d/5 (reading|clustering|map|scoring|writing)")
    panel.content.get_by_text(stage).first.wait_for(timeout=180_000)
    user.made("10 clusters of 60 images")
    assert not user.page.locator('[data-cy="operators-prompt-view-modal"]').count()  # no dialog covers it

    digits.reload()
    assert digits.list_runs() == ["kmeans_1"]
    (brain_key,) = digits.list_brain_runs()
    clusters = digits.count_values("kmeans_1.label")
    assert sorted(clusters) == [f"cluster {i:02d}" for i in range(10)] and sum(clusters.values()) == 60

    panel.content.locator(".annotation").first.wait_for()  # the names on the map, which is in front
    assert "10 clusters of 60 images" in panel.content.inner_text()
    user.open_map(brain_key, "kmeans_1.label")
    assert set(user.legend()) <= set(clusters)
    grid = user.page.locator('[data-cy="fo-grid"]')
    grid.get_by_text(digits.first()["kmeans_1"].label, exact=True).first.wait_for()


def test_the_panel_follows_the_next_run_and_those_from_elsewhere(user, digits):
    def cluster(count):
        form = user.open_form("compute_clusters")
        user.fill(form, "Number of clusters", str(count))
        user.tick(form, "More")
        user.tick(form, "2-D map")
        user.execute(form)
        user.made(f"{count} clusters of 60 images")

    user.open(digits)
    panel = Panel(user)
    cluster(3)
    panel.wait_for_pictures()
    expect(panel.content).to_contain_text("kmeans_1")
    user.page.locator('[data-cy="looker"]').first.hover()
    cluster(4)
    expect(panel.content).to_contain_text("kmeans_2 · kmeans · 4 clusters")
    assert user.page.locator('[data-cy="fo-grid"]').is_visible()
    code = f"""
import fiftyone as fo, fiftyone.operators as foo
compute = foo.get_operator("@constellation/clusters/compute_clusters")
params = {{"n_clusters": 5}}
compute(fo.load_dataset({digits.name!r}), run_key="elsewhere", embeddings="emb", params=params, visualize=False)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, stdout=subprocess.DEVNULL)
    user.page.get_by_text("Run elsewhere was made").first.wait_for()
    panel.content.get_by_role("button", name=re.compile("^Run: ")).click()
    panel.content.get_by_role("button", name=re.compile("^elsewhere")).click()
    expect(panel.content).to_contain_text("5 clusters of 60 images")


def test_images_without_vectors(user, plain):
    user.open(plain)
    form = user.open_form("compute_clusters")
    user.fill(form, "Number of clusters", "3")
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made("3 clusters of 20 images")
    plain.reload()
    assert len(plain.exists("efficientnet_lite0")) == 20 and len(plain.exists("kmeans_1")) == 20


def test_patches(user, boxes):
    user.open(boxes)
    form = user.open_form("compute_clusters")
    user.choose(form, "Unit", "Patches of things")
    user.fill(form, "Number of clusters", "4")
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made("4 clusters of 60 patches")
    boxes.reload()
    assert sum(boxes.count_values("things.detections.kmeans_1.label").values()) == 60


def test_only_the_selected_samples(user, digits):
    user.open(digits)
    user.select(range(3))
    form = user.open_form("compute_clusters")
    form.get_by_text(re.compile("3 images of dataset")).wait_for()
    form.get_by_text("Current selection", exact=True).wait_for()
    user.fill(form, "Number of clusters", "2")
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made("2 clusters of 3 images")
    digits.reload()
    assert len(digits.exists("kmeans_1")) == 3


def test_a_failing_run_says_why_in_one_sentence(user, digits):
    digits.set_values("emb", [None] * 60)
    user.open(digits)
    form = user.open_form("compute_clusters")
    user.execute(form)
    panel = Panel(user).content
    panel.get_by_text(re.compile("failed · .*0 usable vectors, at least 2 are needed")).wait_for(timeout=180_000)
    assert "Traceback" not in panel.inner_text()
    digits.reload()
    assert digits.list_runs() == [] and "kmeans_1" not in digits.get_field_schema()
    user.open_form("compute_clusters")  # and the App goes on


def test_the_icon_in_the_grid_opens_the_form(user, digits):
    user.open(digits)
    icon = user.page.locator('[data-item-id="@constellation/clusters/compute_clusters"]')
    click = "e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))"  # the bar covers it for a real mouse
    form = user.redrawn(lambda: icon.locator("*").last.evaluate(click))
    assert "60 images of dataset" in form.inner_text()


def test_schedule_and_a_delegated_worker(user, digits, tmp_path):
    user.open(digits)
    form = user.open_form("compute_clusters")
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.schedule(form)
    with Worker(tmp_path / "worker.log") as worker:
        operation, _ = worker.finish(digits, 90)
    assert operation.run_state == "completed", operation.result
    assert operation.status.progress == 1
    assert re.search("writing|10 clusters of 60 images", operation.status.label)
    digits.reload()
    assert digits.list_runs() == ["kmeans_1"] and len(digits.exists("kmeans_1")) == 60
