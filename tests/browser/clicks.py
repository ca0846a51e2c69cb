"""How many clicks and keys the most frequent jobs cost in the App, and how many seconds."""

import re
import time

from test_map import Map
from test_panel import CONTENT, Panel

COUNTED = """() => { window.counted = {clicks: 0, keys: 0};
addEventListener('pointerdown', e => { window.counted.clicks += e.isTrusted }, true);
addEventListener('keydown', e => { window.counted.keys += e.isTrusted }, true); }"""


class Effort:
    """What a user does, counted by the page: clicks and keys, and the seconds until the result is there."""

    def __init__(self, user):
        self.user, self.page = user, user.page
        self.page.evaluate(COUNTED)
        self.panel = Panel(user)
        self.content = self.panel.content

    def of(self, job, *args) -> dict[str, float]:
        """Does a job; returns its ``clicks``, ``keys`` and ``seconds``."""
        self.page.evaluate("() => Object.assign(window.counted, {clicks: 0, keys: 0})")
        started = time.perf_counter()
        job(*args)
        seconds = time.perf_counter() - started
        return {**self.page.evaluate("window.counted"), "seconds": seconds}

    def map_by_defaults(self):
        """From the grid to the map of a new run, all of the form left as it is."""
        self.page.keyboard.press("Backquote")
        self.page.get_by_text("Clusters: find clusters", exact=True).first.click()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.get_by_role("button", name="Execute", exact=True).click()
        Map(self.panel).wait()

    def rename(self, word: str):
        """A name for the first card."""
        self.content.get_by_label(re.compile("^Name of cluster")).first.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(word)
        self.page.keyboard.press("Tab")
        self.panel.card(word).wait_for()

    def merge_three(self):
        """One cluster of the first three cards."""
        for place in range(3):
            self.content.get_by_role("checkbox", name=re.compile("^Tick ")).nth(place).click()
            self.content.get_by_text(f"{place + 1} ticked", exact=True).wait_for()
        self.panel.press("Merge")
        self.content.get_by_role("button", name=re.compile("^Undo: Merged ")).wait_for()

    def first_picture(self):
        """The Clusters panel is opened where it was left, at the cards, up to the first picture on one."""
        assert not self.content.count()
        icon = self.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
        icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        self.page.wait_for_function(
            "s => [...document.querySelectorAll(s)].some(i => i.complete && i.naturalWidth)", arg=f"{CONTENT} img"
        )
