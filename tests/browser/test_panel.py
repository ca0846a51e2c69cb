"""The Clusters panel as a person uses it: cards with pictures, the grid that follows, edits, charts, reports."""

import re

import fiftyone.operators as foo
import pytest
from app import User
from fiftyone import ViewField as F
from playwright.sync_api import expect

expect.set_options(timeout=60_000)  # the App draws when it can; five seconds are too few on a busy machine

CONTENT = '[data-cy="panel-content-clusters_panel"]'


class Panel:
    """The moves of a user in the panel."""

    def __init__(self, user):
        self.user, self.page = user, user.page
        self.content = user.page.locator(CONTENT)

    def open(self):
        """From the icon in the grid."""
        icon = self.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
        click = "e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))"  # the bar covers it for a real mouse
        icon.locator("*").last.evaluate(click)
        self.wait_for_pictures()
        return self

    def wait_for_pictures(self):
        """Waits until every card shows its contact sheet."""
        self.content.locator("img").first.wait_for()
        drawn = "s => { const all = [...document.querySelectorAll(s)];"
        drawn += " return all.length > 0 && all.every(i => i.complete && i.naturalWidth > 0) }"
        self.page.wait_for_function(drawn, arg=f"{CONTENT} img")

    def card(self, name: str):
        """The contact sheet of a cluster."""
        return self.content.get_by_alt_text(f"Typical of {name}", exact=True)

    def press(self, name: str):
        """A button."""
        self.content.get_by_role("button", name=name, exact=True).click()

    def menu(self, place: int, words: str):
        """Something from the three dots of a card, 0 for those of the run; opens a form."""
        self.content.get_by_role("button", name=re.compile("^Actions of ")).nth(place).click()
        return self.user.redrawn(lambda: self.press(words))

    def run_menu(self, words: str):
        """Something from the three dots of the run; opens a form."""
        return self.menu(0, words)

    def choose(self, label: str, option: str):
        """Picks from a list that a button opens."""
        self.content.get_by_role("button", name=re.compile(f"^{label}")).click()
        self.content.get_by_role("button", name=re.compile(f"^{option}")).click()

    def tick(self, name: str):
        """Ticks the card of a cluster."""
        self.content.get_by_role("checkbox", name=f"Tick {name}", exact=True).click()

    def click_in_chart(self, mark):
        """A bar, once it has stopped growing; the chart library wants to have seen the mouse before."""
        boxes = []
        while len(boxes) < 4 or boxes[-1] is None or any(box != boxes[-1] for box in boxes[-4:]):
            boxes.append(mark.bounding_box())
            self.page.wait_for_timeout(500)
        x, y = boxes[-1]["x"] + boxes[-1]["width"] / 2, boxes[-1]["y"] + boxes[-1]["height"] / 2
        self.page.mouse.move(x, y, steps=3)
        self.page.locator(f"{CONTENT} .hoverlayer .hovertext").first.wait_for()
        self.page.mouse.down()
        self.page.mouse.up()

    def shows(self, count: int, unit: str = "samples?"):
        """Waits until the grid shows so many."""
        expect(self.page.locator('[data-cy="entry-counts"]')).to_have_text(re.compile(f"^{count} {unit}"))


@pytest.fixture
def clustered(digits):
    """60 digits in four clusters, scored against their classes."""
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    options = {"params": {"n_clusters": 4}, "embeddings": "emb", "visualize": False}
    compute(digits, run_key="four", ground_truth="ground_truth", **options)
    return digits


@pytest.fixture
def panel(user, clustered):
    user.open(clustered)
    return Panel(user).open()


def sizes(dataset, run_key="four"):
    dataset.reload()
    return {entry["label"]: entry["size"] for entry in dataset.get_run_info(run_key).config.clusters}


def loads_the_page(request, filtered: bool = False) -> bool:
    """True if the App asks for its page, of a view if ``filtered``."""
    if "query DatasetPageQuery" not in (request.post_data or ""):
        return False
    return bool(request.post_data_json["variables"]["view"]) or not filtered


def test_cards_fill_the_grid_with_their_members(panel, clustered):
    text = panel.content.inner_text()
    assert "4 clusters of 60 images" in text and "tight" in text and "nearest is" in text
    by_size = sorted(sizes(clustered).items(), key=lambda item: (-item[1], item[0]))
    first, second = by_size[0], by_size[1]
    panel.card(first[0]).click()
    panel.shows(first[1])
    panel.press("Next cluster")
    panel.shows(second[1])
    panel.press("Previous cluster")
    panel.shows(first[1])
    panel.press("Borderline")
    expect(panel.content.get_by_text(re.compile("^or cluster")).first).to_be_visible()
    panel.press("All")
    panel.shows(60)


def test_cards_are_shown_inside_what_the_sidebar_filters(panel, clustered):
    fives = clustered.match(F("ground_truth.label") == "5")
    inside = fives.count_values("four.label")
    panel.user.filter("ground_truth", "5")
    panel.shows(len(fives))
    first, second = sorted(inside)[:2]
    panel.card(first).click()
    panel.shows(inside[first])
    panel.page.reload()
    expect(panel.content.get_by_text(re.compile(f"^{first} ·")).first).to_be_visible()
    panel.shows(inside[first])
    panel.wait_for_pictures()
    panel.card(second).click()
    panel.shows(inside[second])
    panel.press("All")
    panel.shows(len(fives))


def test_a_click_loads_the_page_once_and_a_reload_goes_on_where_it_was(panel, clustered):
    (other, others), (name, size) = sorted(sizes(clustered).items(), key=lambda item: item[1])[-2:]
    # opening the panel loads the page as well, and before this
    with panel.page.expect_request(lambda request: loads_the_page(request, filtered=True)):
        panel.card(other).click()
    panel.shows(others)
    loads = []
    panel.page.on("request", lambda request: loads.append(loads_the_page(request)))
    panel.card(name).click()
    panel.shows(size)
    expect(panel.content.get_by_text(f"{name} · {size} images", exact=True)).to_be_visible()
    panel.page.wait_for_timeout(1000)
    assert sum(loads) == 1
    panel.page.reload()
    expect(panel.content.get_by_text(f"{name} · {size} images", exact=True)).to_be_visible()
    panel.shows(size)


def test_opening_it_loads_the_page_once(user, clustered):
    user.open(clustered)
    loads = []
    user.page.on("request", lambda request: loads.append(loads_the_page(request)))
    Panel(user).open()
    user.page.wait_for_timeout(2000)
    assert sum(loads) == 1


def test_two_clusters_are_merged_and_the_merger_is_undone(panel, clustered):
    before, labels = sizes(clustered), clustered.values("four.cluster")
    for name in sorted(before)[:2]:
        panel.tick(name)
    expect(panel.content.get_by_text("2 ticked", exact=True)).to_be_visible()
    panel.press("Merge")
    expect(panel.content.get_by_text(re.compile("^3 clusters of 60 images"))).to_be_visible()
    after = sizes(clustered)
    assert len(after) == 3 and sum(after.values()) == 60
    largest = max(after, key=after.get)
    panel.wait_for_pictures()
    panel.card(largest).click()
    panel.shows(after[largest])
    panel.content.get_by_role("button", name=re.compile("^Undo: Merged ")).click()
    expect(panel.content.get_by_text(re.compile("^4 clusters of 60 images"))).to_be_visible()
    assert sizes(clustered) == before and clustered.values("four.cluster") == labels


def test_names_are_shown_as_text_and_found(panel, clustered):
    second = Panel(User(panel.page.context.new_page(), panel.user.url))
    second.user.open(clustered)
    second.wait_for_pictures()
    panel.page.bring_to_front()
    form = panel.menu(1, "Rename…")
    name = "<img src=x onerror=alert(1)> **bold** 🐈"
    second.page.wait_for_timeout(4000)  # it asks every three seconds
    expect(second.page.get_by_text("Rename a cluster")).to_have_count(0)
    panel.user.fill(form, "Name", name)
    panel.user.execute(form)
    panel.user.output("labels changed")
    panel.user.done()
    for tab in (panel, second):
        tab.page.bring_to_front()
        expect(tab.content.get_by_text(name, exact=True).first).to_be_visible()
    panel.page.bring_to_front()
    panel.content.get_by_label(re.compile("^Name of cluster")).first.focus()
    for typed in ("zeros", "ones"):  # from one card's name to the next
        panel.page.keyboard.press("Control+a")
        panel.page.keyboard.type(typed)
        panel.page.keyboard.press("Tab")
    for typed in ("zeros", "ones"):
        expect(panel.card(typed)).to_be_visible()
    assert {"zeros", "ones", name} < set(sizes(clustered))
    panel.content.get_by_placeholder("Search names").fill("bold")
    expect(panel.content.get_by_alt_text(re.compile("^Typical of "))).to_have_count(1)
    panel.content.get_by_placeholder("Search names").fill("nothing like it")
    expect(panel.content.get_by_text("No cluster has such a name.")).to_be_visible()


def test_charts_are_drawn_and_a_bar_fills_the_grid(panel, clustered):
    panel.press("Charts")
    bars = panel.content.locator(".js-plotly-plot .bars .point")
    expect(bars).to_have_count(4, timeout=60_000)
    for chart in ("Confidence", "Silhouette", "Similarity", "Ground truth"):
        panel.press(chart)
        place = ".heatmaplayer image" if chart in ("Similarity", "Ground truth") else ".bars .point"
        panel.content.locator(f".js-plotly-plot {place}").first.wait_for(state="attached")
        panel.page.wait_for_timeout(400)  # the panel is drawn again, and a click before that would be lost
    panel.press("Sizes")
    expect(bars).to_have_count(4)
    rename = foo.get_operator("@constellation/clusters/edit_clusters")
    rename(clustered, run_key="four", action="rename", names={i: f"a rather long name {i}" for i in range(4)})
    panel.content.get_by_role("button", name="Read the run again").first.click()
    expect(panel.content.locator(".xtick text").filter(has_text="a rather")).to_have_count(4)
    shown = "names => names.filter(name => getComputedStyle(name).display !== 'none').length"
    assert panel.content.locator(".xtick text").evaluate_all(shown) == 4  # the first reached beyond the paper
    left = panel.content.locator(".xtick text").first.bounding_box()["x"]
    assert left >= panel.content.locator(".js-plotly-plot").bounding_box()["x"]
    panel.click_in_chart(bars.first)
    panel.shows(max(sizes(clustered).values()))


def test_patches_have_pictures_and_fill_the_grid_with_patches(user, boxes):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    options = {"patches_field": "things", "embeddings": "emb", "params": {"n_clusters": 3}, "visualize": False}
    compute(boxes, run_key="parts", **options)
    user.open(boxes)
    panel = Panel(user).open()
    (name, size), *_ = sizes(boxes, "parts").items()
    panel.card(name).click()
    panel.shows(size, "patches")


def test_the_panel_comes_with_a_run_and_without_one_offers_it(user, digits):
    user.open(digits)
    icon = user.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    panel = Panel(user)
    expect(panel.content.get_by_text("This dataset has no clustering run yet.")).to_be_visible()
    form = user.redrawn(lambda: panel.press("Compute clusters"))
    user.tick(form, "More")
    user.tick(form, "2-D map")
    user.execute(form)
    user.made("10 clusters of 60 images")
    panel.wait_for_pictures()
    expect(panel.content.get_by_text(re.compile("^10 clusters of 60 images"))).to_be_visible()


def test_a_deleted_label_field_is_said(user, clustered):
    clustered.delete_sample_field("four")
    user.open(clustered)
    icon = user.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    expect(Panel(user).content.get_by_text(re.compile("was deleted or renamed")).first).to_be_visible()
