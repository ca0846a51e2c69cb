"""The Clusters panel for who uses keys or a screen reader, or needs contrast: dark and light."""

import re

import fiftyone.operators as foo
import pytest
from axe import broken_rules, findings
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

PRESS = "Space"  # the App keeps Enter for itself wherever the focus is not in a field
TABS = ("Review", "Charts", "Groups", "Compare", "Run", "Clusters")


@pytest.fixture
def panel(user, digits):
    """The panel at the second of two runs, which is in groups and has two clusters that look alike."""
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    options = {"embeddings": "emb", "visualize": False, "ground_truth": "ground_truth"}
    compute(digits, run_key="first", params={"n_clusters": 5}, **options)
    compute(digits, run_key="second", params={"n_clusters": 4}, **options)
    of_one = digits.match({"second.cluster": 0}).values("id")
    edit(digits, run_key="second", action="move", ids=of_one[::2])
    foo.get_operator("@constellation/clusters/evaluate_clusters")(digits, run_key="second", ground_truth="ground_truth")
    foo.get_operator("@constellation/clusters/build_cluster_hierarchy")(digits, run_key="second", n_coarse=3)
    user.open(digits)
    opened = Panel(user).open()
    user.page.wait_for_timeout(3000)  # it is drawn again when its runs and the view are known
    return opened


def focused(panel) -> str:
    """The name of what has the focus."""
    return panel.page.evaluate("() => document.activeElement.getAttribute('aria-label') || ''")


def opened(panel, tab: str):
    """A tab, once it is drawn."""
    panel.press(tab)
    panel.content.get_by_role("button", name=tab, exact=True).and_(
        panel.page.locator(".MuiButton-contained")
    ).wait_for()
    panel.page.wait_for_timeout(1500)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_tab_is_usable_by_all(panel, theme):
    if theme == "light":
        panel.user.switch_theme()
    for tab in TABS:
        opened(panel, tab)
        if tab == "Compare":
            panel.content.get_by_role("button", name=re.compile("^Compare with")).click()
            panel.press("Run first")
            expect(panel.content.get_by_text(re.compile("agreement over 60 images"))).to_be_visible()
        assert findings(panel.page, CONTENT) == [], tab
    panel.press("Side by side")
    expect(panel.content.get_by_text("These two look alike. Are they one?")).to_be_visible()
    panel.wait_for_pictures()
    panel.content.get_by_role("checkbox").first.click()
    expect(panel.content.get_by_text("1 ticked", exact=True)).to_be_visible()
    assert findings(panel.page, CONTENT) == []


def test_contact_sheets_are_shown_by_keys(panel, digits):
    names = panel.content.get_by_label(re.compile("^Name of cluster"))
    second = names.nth(1).get_attribute("title")
    digits.reload()
    size = digits.count_values("second.label")[second]
    names.first.focus()
    panel.page.keyboard.press("Tab")
    assert focused(panel) == f"Show {second}"
    panel.page.keyboard.press(PRESS)
    panel.shows(size)


FORMS = ("compute_clusters", "label_clusters", "train_encoder", "compute_embeddings")
# What FiftyOne's own inputs break in every form, ours or not, and what that means
OF_FORMS = {
    "aria-dialog-name": "the dialog of a form is called nothing",
    "aria-input-field-name": "a list of choices is called nothing, its label is a text beside it",
    "aria-progressbar-name": "the bar while a form is being drawn is called nothing",
    "button-name": "buttons with an icon only are called nothing",
    "label": "inputs have their label as a text beside them",
}


def test_forms_break_only_the_rules_that_the_apps_own_inputs_break(user, digits):
    user.open(digits)
    broken = set()
    for name in FORMS:
        user.open_form(name)
        broken |= broken_rules(user.page, '[data-cy="operators-prompt-modal"]')
        user.page.keyboard.press("Escape")
        user.page.locator('[data-cy="operators-prompt-modal"]').wait_for(state="detached")
    assert broken <= set(OF_FORMS)  # a bar is there for a moment only
