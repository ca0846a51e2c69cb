"""The review in the browser as a person uses it: one image after the other by keys."""

import re

import fiftyone.operators as foo
import pytest
from axe import findings
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

ROOT = '[data-cy="constellation-review"]'
OF = re.compile(r"^(\d+) of (\d+)")


class Review:
    """The moves of a user in the review."""

    def __init__(self, panel: Panel, dataset):
        self.panel, self.page, self.content, self.dataset = panel, panel.page, panel.content, dataset
        self.root = self.content.locator(ROOT)

    def open(self):
        """Opens the tab, and waits for the picture."""
        self.panel.press("Review")
        self.root.get_by_alt_text(re.compile("^Which cluster is this")).wait_for()
        self.page.wait_for_timeout(1000)
        return self

    def at(self) -> int:
        """The place that is said to be asked about."""
        return int(OF.match(self.root.get_by_role("status").inner_text())[1])

    def wait_at(self, place: int):
        """Waits until that one is asked about."""
        expect(self.root.get_by_role("status")).to_have_text(re.compile(f"^{place} of "))

    def log(self) -> list[str]:
        """What was done to the run."""
        self.dataset.reload()
        return [one["action"] for one in Run.open(self.dataset, "four").log]

    def wait_for_log(self, *actions: str):
        """Waits until this was done to the run."""
        for _ in range(60):
            if self.log() == list(actions):
                return
            self.page.wait_for_timeout(500)
        assert self.log() == list(actions)


@pytest.fixture
def review(user, digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits, run_key="four", params={"n_clusters": 4}, embeddings="emb", visualize=False)
    user.open(digits)
    return Review(Panel(user).open(), digits).open()


def test_ten_by_keys_with_back_and_undo(review):
    assert review.page.evaluate("document.activeElement.dataset.cy") == "constellation-review"
    for place, key in enumerate("1121n1s111"):
        review.page.keyboard.press(key)
        assert review.at() == place + 2  # the next one is there at once
        expect(review.root.get_by_alt_text(re.compile("^Which cluster is this"))).to_be_visible()
    done = ["confirm", "confirm", "move", "confirm", "move", "confirm", "confirm", "confirm", "confirm"]
    review.wait_for_log(*done)
    changed = review.content.locator('[data-cy="constellation-review-changed"]')
    expect(changed).to_contain_text("Verdicts 1 to 10: 7 kept, 1 moved, 1 in new clusters, 1 skipped")
    review.wait_at(11)
    review.page.keyboard.press("b")
    review.wait_at(10)
    expect(review.root.get_by_text("You have answered: kept")).to_be_visible()
    review.page.keyboard.press("n")
    review.wait_at(11)
    review.wait_for_log(*done, "move")
    review.page.keyboard.press("u")
    review.wait_for_log(*done, "move", "undo")


def test_beside_an_opened_sample_it_is_in_front_and_its_keys_are_its_own(user, digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits, run_key="four", params={"n_clusters": 4}, embeddings="emb", visualize=False)
    user.open(digits)
    user.page.locator('[data-cy="looker"]').first.click()
    modal = user.page.locator('[data-cy="modal"], #modal').first
    modal.get_by_text("Clusters", exact=True).last.click()
    review = Review(Panel(user), digits)
    review.root.get_by_alt_text(re.compile("^Which cluster is this")).wait_for()
    review.root.focus()
    for place, key in enumerate("1s2"):
        user.page.keyboard.press(key)
        review.wait_at(place + 2)
    review.wait_for_log("confirm", "move")
    expect(modal).to_be_visible()
    user.page.mouse.click(8, 500)  # outside
    expect(review.root).to_have_count(0)
    review.panel.open()
    review.panel.press("Clusters")
    review.content.get_by_role("button", name=re.compile("^Undo: ")).click()
    review.wait_for_log("confirm", "move", "undo")


def test_keys_are_the_apps_where_the_review_has_not_the_focus(review):
    review.page.evaluate("document.activeElement.blur()")
    for key in "1nsb":
        review.page.keyboard.press(key)
    review.page.wait_for_timeout(1500)
    assert review.at() == 1 and review.log() == []
    review.page.locator('[data-cy="panel-tab-samples"]').click()
    review.page.keyboard.press("1")
    review.page.wait_for_timeout(1500)
    assert review.log() == []
    review.root.get_by_alt_text(re.compile("^Which cluster is this")).click()
    review.page.keyboard.press("Control+1")
    review.page.keyboard.press("1")
    review.wait_for_log("confirm")


def test_buttons_do_what_their_keys_do(review):
    review.root.get_by_role("button", name=re.compile("^Move to ")).click()
    review.wait_at(2)
    review.root.get_by_role("button", name="Skip", exact=True).click()
    review.wait_at(3)
    review.root.get_by_role("button", name="Back", exact=True).click()
    review.wait_at(2)
    review.wait_for_log("move")


def test_a_refusal_goes_back_and_says_why(review):
    foo.get_operator("@constellation/clusters/edit_clusters")(
        review.dataset, run_key="four", action="rename", names={0: "theirs"}
    )
    for key in "111":
        review.page.keyboard.press(key)
    expect(review.root.get_by_role("alert")).to_contain_text("edited by somebody else")
    review.wait_at(1)
    assert review.log() == ["rename"]


def test_a_run_that_is_deleted_takes_no_answers(review):
    foo.get_operator("@constellation/clusters/delete_clustering_run")(review.dataset, run_key="four")
    review.page.keyboard.press("1")
    expect(review.content.get_by_text("This dataset has no clustering run yet.")).to_be_visible()


def test_the_next_pictures_are_loaded_ahead(review):
    asked = []
    review.page.on("request", lambda request: asked.append(request.url) if "/media?" in request.url else None)
    large = review.root.get_by_alt_text(re.compile("^Which cluster is this"))
    for _ in range(3):
        review.page.keyboard.press("s")
        review.page.wait_for_timeout(1500)
        source = large.evaluate("e => e.src")
        assert large.evaluate("e => e.complete && e.naturalWidth > 0")
        assert source not in asked[-1:]  # the last one asked for is one that comes later


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_review_is_usable_by_all(review, theme):
    if theme == "light":
        review.panel.user.switch_theme()
    assert findings(review.page, CONTENT) == []
    review.root.focus()
    review.page.keyboard.press("1")
    review.wait_at(2)
    assert findings(review.page, CONTENT) == []
