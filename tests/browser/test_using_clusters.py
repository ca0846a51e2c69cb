"""Uses of runs in the App: compare two, ask for a number and run with it, export a report and open it."""

import re

import fiftyone.operators as foo
import pytest
from test_panel import Panel


@pytest.fixture
def clustered(digits):
    """Runs ``first`` of four clusters and ``second`` of six."""
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    for key, k in (("first", 4), ("second", 6)):
        compute(digits, run_key=key, params={"n_clusters": k}, embeddings="emb", visualize=False)
    return digits


def test_compare_two_runs_and_show_who_moved(user, clustered):
    compared = foo.get_operator("@constellation/clusters/compare_clusterings")(
        clustered, run_key="second", other_run_key="first"
    )
    user.open(clustered)
    panel = Panel(user).open()
    panel.press("Compare")
    panel.choose("Compare with", "Run first")
    panel.content.locator(".js-plotly-plot .heatmaplayer image").first.wait_for(state="attached")
    assert panel.content.get_by_title(f"(ARI) {compared['ari']:.3f}").count()
    panel.press(f"Show the {compared['n_moved']} images that moved")
    panel.shows(compared["n_moved"])


def test_ask_for_a_number_and_run_with_it(user, digits):
    user.open(digits)
    form = user.open_form("compute_clusters")
    user.execute(user.redrawn(user.button(form, "Suggest a number…").click))
    panel = Panel(user)
    button = panel.content.get_by_role("button", name=re.compile(r"^Cluster into \d+ \(natural\)$"))
    button.wait_for(timeout=120_000)
    panel.press("Show")
    panel.content.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for()
    k = int("".join(c for c in button.inner_text() if c.isdigit()))
    form = user.redrawn(button.click)
    assert user.page.get_by_role("dialog").count() == 1  # no other lies below it
    assert user.field(form, "Number of clusters").locator("input").first.input_value() == str(k)
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made(f"{k} clusters")
    digits.reload()
    assert digits.get_run_info(digits.list_runs()[0]).config.n_clusters == k


NAME = "<img src=x onerror=alert(1)> 😀 שלום"


def test_export_a_report_and_open_it(user, clustered, tmp_path):
    path = tmp_path / "report.html"
    foo.get_operator("@constellation/clusters/edit_clusters")(
        clustered, run_key="second", action="rename", names={0: NAME}
    )
    user.open(clustered)
    form = Panel(user).open().run_menu("Export…")
    user.fill(form, "Output path", str(path))
    user.execute(form)
    user.page.get_by_text("6 clusters of run second are in").first.wait_for()
    page = user.page.context.new_page()  # that of the App goes on asking its server
    page.context.set_offline(True)
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
    page.goto(f"file://{path}")
    cards = page.locator(".card")
    assert cards.count() == 6 and page.title() == "second"
    for image in page.locator(".thumbs img").all():
        image.scroll_into_view_if_needed()
    loaded = "images => images.every(i => i.complete && i.naturalWidth > 0)"
    assert page.locator(".thumbs img").evaluate_all(loaded) and page.locator(".thumbs img").count() > 30
    sizes = cards.evaluate_all("cards => cards.map(card => +card.dataset.size)")
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) == 60
    assert page.locator("#c0 h3").inner_text() == NAME and not page.locator("h3 img").count()
    page.get_by_label("Find a cluster").fill("cluster 03")
    assert page.locator(".card:visible").count() == 1
    assert not problems and not [url for url in asked if not url.startswith(("file:", "data:"))]


def test_a_balanced_subset_to_annotate(user, clustered):
    user.open(clustered)
    form = Panel(user).open().run_menu("Sample from every cluster…")
    user.fill(form, "Samples per cluster", "2")
    user.fill(form, "Tag", "annotate")
    user.execute(form)
    user.page.get_by_text("12 samples", exact=True).first.wait_for()
    clustered.reload()
    assert sorted(clustered.match_tags("annotate").count_values("second.cluster").values()) == [2] * 6


def test_new_images_join_the_clusters_of_a_run(user, digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits.limit(50), run_key="first", params={"n_clusters": 4}, embeddings="emb", visualize=False)
    user.open(digits)
    user.execute(user.open_form("assign_clusters"))
    user.output("Assigned 10 images to")
    digits.reload()
    assert digits.count("first.label") == 60
