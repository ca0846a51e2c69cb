"""A working day on one dataset, one thing after the other, and nothing is loaded by hand in between."""

import re

from axe import findings
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
        self.panel.press("Undo the last edit")
        expect(self.content.get_by_text(re.compile(f"^{before} clusters of 60 images"))).to_be_visible()

    def review_five(self):
        """Judges five borderline images."""
        self.tab("Review")
        for place in range(1, 6):
            expect(self.content.get_by_text(re.compile(f"^{place} of "))).to_be_visible()
            verb = "Move to" if place == 2 else "Keep in"
            self.content.get_by_role("button", name=re.compile(f"^{verb} ")).first.click()
        expect(self.content.get_by_text(re.compile("^6 of |^Reviewed"))).to_be_visible()


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
