"""A working day on one dataset, from the first run to the report, as one person has it in one tab and then in two.

Nothing is loaded by hand in between, but for the reload that is a step of its own.
"""

import re

import fiftyone.operators as foo
from app import User
from axe import findings
from fiftyone import ViewField as F
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

NAMES = ("zeros", "ones", "twos")


class Day:
    """The steps of the day, each by what a user does and sees."""

    def __init__(self, user, dataset):
        self.user, self.page, self.dataset = user, user.page, dataset
        self.panel = Panel(user)
        self.content = self.panel.content

    def config(self, run_key: str):
        """The run as it is stored now."""
        self.dataset.reload()
        return self.dataset.get_run_info(run_key).config

    def tab(self, name: str):
        """Opens a tab of the panel, and asks whether everybody can use it."""
        self.panel.press(name)
        self.page.wait_for_timeout(1500)  # it is drawn when the server has answered
        assert findings(self.page, CONTENT) == [], name

    def run(self, run_key: str):
        """Computes clusters."""
        form = self.user.open_form("compute_clusters")
        self.user.fill(form, "Number of clusters", "5")
        self.user.execute(form)
        self.user.made("5 clusters of 60 images")
        expect(self.content).to_contain_text(f"{run_key} · ")
        self.content.locator(".annotation").first.wait_for()  # the map is in front of a new run
        self.panel.press("Clusters")
        self.panel.wait_for_pictures()

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
        """Merges two clusters and takes it back."""
        before = self.config("kmeans_1").n_clusters
        self.user.execute(self.panel.menu(1, "Merge with…"))
        self.user.output("labels changed")
        self.user.done()
        expect(self.content.get_by_text(re.compile(f"^{before - 1} clusters of 60 images"))).to_be_visible()
        self.content.get_by_role("button", name=re.compile("^Undo: Merged ")).click()
        expect(self.content.get_by_text(re.compile(f"^{before} clusters of 60 images"))).to_be_visible()

    def review_five(self):
        """Judges five borderline images."""
        self.tab("Review")
        for place in range(1, 6):
            expect(self.content.get_by_text(re.compile(f"^{place} of "))).to_be_visible()
            verb = "Move to" if place == 2 else "Keep in"
            self.content.get_by_role("button", name=re.compile(f"^{verb} ")).first.click()
        expect(self.content.get_by_text(re.compile("^6 of |^Reviewed"))).to_be_visible()

    def export(self, path):
        """Exports the report from the Run tab."""
        self.tab("Run")
        form = self.user.redrawn(lambda: self.panel.press("Export…"))
        self.user.fill(form, "Output path", str(path))
        self.user.execute(form)
        self.user.output("5 clusters of run")
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


def test_a_working_day(user, digits):
    user.open(digits)
    day = Day(user, digits)
    day.run("kmeans_1")
    day.tab("Clusters")
    day.name_three()
    day.merge_and_undo()
    day.review_five()
    day.tab("Charts")
    assert set(NAMES) <= {entry["label"] for entry in day.config("kmeans_1").clusters}


def test_a_report_and_a_look_inside_a_filter_that_lasts(user, digits, tmp_path):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    for key, method in (("kmeans_1", "kmeans"), ("agglomerative_1", "agglomerative")):
        compute(digits, run_key=key, method=method, params={"n_clusters": 5}, embeddings="emb", visualize=False)
    day = Day(user, digits)
    user.open(digits)
    day.panel.open()
    day.export(tmp_path / "report.html")
    name, count, everything = day.look_inside_a_filter("agglomerative_1")
    day.page.reload()
    expect(day.content.get_by_text(re.compile(f"^{name} ·")).first).to_be_visible()
    day.panel.shows(count)
    second = Panel(User(day.page.context.new_page(), user.url))
    second.user.open(digits)
    second.wait_for_pictures()
    day.page.bring_to_front()
    day.panel.press("All")
    day.panel.shows(everything)
