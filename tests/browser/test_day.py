"""A working day on one dataset, from the first run to a second tab, as one person has it; also behind a base path and
in a frame, as notebooks show the App.

Nothing is loaded by hand in between, but for the reload that is a step of its own, and no dialog needs a second click.
"""

import re

import pytest
from app import User
from axe import findings
from base_path import BASE, BasePath
from fiftyone import ViewField as F
from framed import Framed
from playwright.sync_api import expect
from test_map import Map
from test_map_widget import WidgetMap
from test_panel import CONTENT, Panel

NAMES = ("zeros", "ones", "twos")
VIEWPORT = {"width": 1500, "height": 1400}


class Day:
    """The steps of the day, each by what a user does and sees."""

    map = Map

    def __init__(self, user, dataset):
        self.user, self.page, self.dataset = user, user.page, dataset
        self.panel = Panel(user)
        self.content = self.panel.content

    def config(self, run_key: str):
        """The run as it is stored now."""
        self.dataset.reload()
        return self.dataset.get_run_info(run_key).config

    def labels(self) -> dict[str, str]:
        """The label of each image in the first run, by id."""
        self.dataset.reload()
        return dict(zip(*self.dataset.values(["id", "kmeans_1.label"]), strict=True))

    def tab(self, name: str):
        """Opens a tab of the panel, and asks whether everybody can use it."""
        self.panel.press(name)
        self.page.wait_for_timeout(1500)  # it is drawn when the server has answered
        assert findings(self.page, CONTENT) == [], name

    def first_run(self):
        """Computes clusters; the map of the new run is in front, with the names of its clusters."""
        form = self.user.open_form("compute_clusters")
        self.user.fill(form, "Number of clusters", "6")
        self.user.execute(form)
        self.user.made("6 clusters of 60 images")
        on_map = self.map(self.panel)
        on_map.wait()
        assert sorted(on_map.names()) == [f"cluster {i:02d}" for i in range(6)]
        expect(self.content).to_contain_text("kmeans_1 · ")

    def look(self):
        """Clicks a card."""
        self.tab("Clusters")
        self.panel.wait_for_pictures()
        largest = max(self.config("kmeans_1").clusters, key=lambda entry: entry["size"])
        self.panel.card(largest["label"]).click()
        self.panel.shows(largest["size"])
        self.panel.press("All")
        self.panel.shows(60)

    def name_three(self):
        """Types names on the cards, one after the other."""
        fields = self.content.get_by_label(re.compile("^Name of cluster"))
        fields.first.focus()
        for name in NAMES:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.type(name)
            self.page.keyboard.press("Tab")
        for name in NAMES:
            expect(self.panel.card(name)).to_be_visible()

    def merge_and_undo(self):
        """Ticks two cards, merges them, and takes it back."""
        for place in range(2):
            self.content.get_by_role("checkbox", name=re.compile("^Tick cluster")).nth(place).click()
            expect(self.content.get_by_text(f"{place + 1} ticked", exact=True)).to_be_visible()
        self.panel.press("Merge")
        expect(self.content.get_by_text(re.compile("^5 clusters of 60 images"))).to_be_visible()
        self.content.get_by_role("button", name=re.compile("^Undo: Merged ")).click()
        expect(self.content.get_by_text(re.compile("^6 clusters of 60 images"))).to_be_visible()

    def lasso(self):
        """Makes a cluster of a part of the map."""
        self.panel.press("Map")
        on_map = Map(self.panel)
        on_map.wait()
        n = on_map.lasso_left_part(0.2)
        self.panel.press("New cluster")
        expect(self.content.locator(".annotation-text", has_text=re.compile(r"^cluster 0\d$")).last).to_be_visible()
        expect(self.content.get_by_role("button", name=re.compile(f"^Undo: Moved {n} images"))).to_be_visible()

    def review_five(self):
        """Judges five borderline images."""
        self.tab("Review")
        for place in range(1, 6):
            expect(self.content.get_by_text(re.compile(f"^{place} of "))).to_be_visible()
            verb = "Move to" if place == 2 else "Keep in"
            self.content.get_by_role("button", name=re.compile(f"^{verb} ")).first.click()
        expect(self.content.get_by_text(re.compile("^6 of |^Reviewed"))).to_be_visible()

    def second_run(self):
        """Computes clusters with another method; the panel is on the new run."""
        form = self.user.open_form("compute_clusters")
        self.user.tick(form, "More")
        self.user.choose(form, "Method", "Agglomerative")
        self.user.fill(form, "Number of clusters", "6")
        self.user.execute(form)
        expect(self.content.get_by_text(re.compile("agglomerative_1 · ")).first).to_be_visible()
        self.map(self.panel).wait()

    def compare(self):
        """Compares both runs and clicks a square of their table."""
        self.tab("Compare")
        self.content.get_by_role("button", name=re.compile("^Compare with")).click()
        self.panel.press("Run kmeans_1")
        plot = self.content.locator(".js-plotly-plot").last
        # the table is drawn in the place of what was there
        drawn = "s => [...document.querySelectorAll(s)].at(-1)?._fullData?.[0]?.z"
        self.page.wait_for_function(drawn, arg=f"{CONTENT} .js-plotly-plot")
        plot.locator(".nsewdrag").wait_for()
        self.page.wait_for_timeout(1500)
        x, y, count = plot.evaluate(
            """e => { const {xaxis, yaxis} = e._fullLayout, {z, customdata} = e._fullData[0], best = [0, 0];
            z.forEach((row, i) => row.forEach((v, j) => { if (v > z[best[0]][best[1]]) best.splice(0, 2, i, j); }));
            const r = e.getBoundingClientRect();
            return [r.left + xaxis._offset + xaxis.l2p(best[1]), r.top + yaxis._offset + yaxis.l2p(best[0]),
                    customdata[best[0]][best[1]]]; }"""
        )
        self.page.mouse.move(x + 3, y + 3)
        self.page.mouse.move(x, y, steps=3)
        self.page.wait_for_timeout(400)
        self.page.mouse.down()
        self.page.mouse.up()
        self.panel.shows(count)
        self.panel.press("All")
        self.panel.shows(60)

    def group(self):
        """Makes the coarse level."""
        self.tab("Groups")
        self.panel.press("Group the clusters")
        expect(self.content.get_by_text(re.compile(r"^\d groups of 6 clusters$"))).to_be_visible()
        assert findings(self.page, CONTENT) == []

    def export(self, path):
        """Exports the report from the Run tab."""
        self.tab("Run")
        form = self.user.redrawn(lambda: self.panel.press("Export…"))
        self.user.fill(form, "Output path", str(path))
        self.user.execute(form)
        self.user.output("6 clusters of run")
        self.user.done()
        assert path.stat().st_size > 10_000

    def look_inside_a_filter(self, run_key: str):
        """Filters by the sidebar and clicks cards; returns the cluster that is shown and how many it has inside."""
        self.dataset.reload()
        fives = self.dataset.match(F("ground_truth.label") == "5")
        inside = fives.count_values(f"{run_key}.label")
        self.tab("Clusters")
        self.user.filter("ground_truth", "5")
        self.panel.shows(len(fives))
        for name in sorted(inside)[:2]:
            self.panel.card(name).click()
            self.panel.shows(inside[name])
        return name, inside[name], len(fives)

    def reload(self, name: str, count: int):
        """Loads the page again, and finds all as it was."""
        self.page.reload()
        expect(self.content.get_by_text(re.compile(f"^{name} ·")).first).to_be_visible()
        self.panel.shows(count)

    def second_tab(self, user: User, everything: int):
        """Opens the dataset in a second tab, and goes on in the first."""
        user.open(self.dataset)
        Panel(user).wait_for_pictures()
        self.user.tab.bring_to_front()
        self.panel.press("All")
        self.panel.shows(everything)


class Visitor(User):
    """Somebody who reaches the App behind a base path, or in a frame of another page."""

    def __init__(self, context, url: str, query: str = "", framed: bool = False):
        self.tab, self.query = context.new_page(), query
        super().__init__(Framed(self.tab) if framed else self.tab, url)

    def open(self, dataset):
        """Opens a dataset and waits for its grid."""
        self.page.goto(f"{self.url}/datasets/{dataset.name}{self.query}")
        self.settle()


@pytest.fixture
def visitors(request, chromium):
    """A function that makes users who come the same way, with the panel's widgets or its simple view."""
    server = request.getfixturevalue("server" if request.param == "widgets" else "simple_server")
    proxy = BasePath(server.port) if request.param == "base path" else None
    options = {"framed": request.param == "frame", "query": f"?proxy={BASE}/" if proxy else ""}
    context = chromium.new_context(viewport=VIEWPORT)
    context.set_default_timeout(60_000)
    yield lambda: Visitor(context, proxy.url if proxy else server.url, **options)
    context.close()
    if proxy:
        proxy.stop()


class WidgetDay(Day):
    """The same steps with the widgets: Enter after each name, the map's own lasso, keys for the review."""

    map = WidgetMap

    def name_three(self):
        """Types names on the cards, a word and Enter each."""
        self.content.get_by_label(re.compile("^Name of cluster")).first.click()
        self.page.keyboard.press("Control+a")
        for name in NAMES:
            self.page.keyboard.type(name)
            self.page.keyboard.press("Enter")
        for name in NAMES:
            expect(self.content.get_by_label(f"Name of {name}", exact=True)).to_be_visible()

    def lasso(self):
        """Makes a cluster of a part of the map."""
        self.panel.press("Map")
        on_map = WidgetMap(self.panel).wait()
        n = on_map.lasso((0.01, 0.01), (0.4, 0.99))
        self.panel.press("New cluster")
        expect(self.content.get_by_role("button", name=re.compile(f"^Undo: Moved {n} images"))).to_be_visible()

    def review_five(self):
        """Judges five borderline images by keys."""
        self.tab("Review")
        root = self.content.locator('[data-cy="constellation-review"]')
        root.get_by_alt_text(re.compile("^Which cluster is this")).wait_for()
        for place in range(1, 6):
            expect(root.get_by_role("status")).to_have_text(re.compile(f"^{place} of "))
            self.panel.wait_for_pictures()  # nobody judges what is not to be seen yet
            self.page.wait_for_timeout(500)
            self.page.keyboard.press("2" if place == 2 else "1")
        expect(self.content.get_by_text(re.compile("^6 of |^Reviewed")).first).to_be_visible()


WAYS = ["directly", "widgets", *(pytest.param(way, marks=pytest.mark.slow) for way in ("base path", "frame"))]


@pytest.mark.parametrize("visitors", WAYS, indirect=True)
def test_a_working_day(visitors, digits, tmp_path, request):
    user = visitors()
    user.open(digits)
    day = (WidgetDay if "widgets" in request.node.name else Day)(user, digits)
    day.first_run()
    day.look()
    day.name_three()
    day.merge_and_undo()
    before = day.labels()
    day.lasso()
    after = day.labels()
    stay = {label for image, label in before.items() if after[image] == label}  # the lasso may be around all of one
    day.review_five()
    day.tab("Charts")
    assert set(NAMES) & stay == set(NAMES) & {entry["label"] for entry in day.config("kmeans_1").clusters}
    day.second_run()
    day.compare()
    day.group()
    day.export(tmp_path / "report.html")
    name, count, everything = day.look_inside_a_filter("agglomerative_1")
    day.reload(name, count)
    day.second_tab(visitors(), everything)
