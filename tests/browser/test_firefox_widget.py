"""The job in Firefox: a run by its form, the map and a lasso on it, two names, three images reviewed."""

import json
import time

import pytest
from firefox import CONTROL, ENTER, Firefox

pytestmark = pytest.mark.firefox

PANEL = '[data-cy="panel-content-clusters_panel"]'
MAP = '[data-cy="constellation-map"]'
BOX = '[data-cy="constellation-map-box"]'
CARD = '[data-cy="constellation-card"]'


@pytest.fixture
def firefox(tmp_path, request):
    running = Firefox(tmp_path)
    yield running
    running.stop()


class Person:
    """Somebody at Firefox."""

    def __init__(self, firefox):
        self.firefox = firefox

    def place(self, selector: str, text: str = ""):
        """The middle of an element, that with this text if one is given, once it is there."""
        found = f"""(() => {{
            const all = [...document.querySelectorAll({json.dumps(selector)})];
            const one = all.find(e => !{json.dumps(text)} || (e.innerText ?? "").trim() === {json.dumps(text)});
            if (!one) return null;
            one.scrollIntoView({{block: "nearest"}});
            const {{left, top, width, height}} = one.getBoundingClientRect();
            return width && height ? [left + width / 2, top + height / 2] : null;
        }})()"""
        return self.firefox.until(found)

    def click(self, selector: str, text: str = ""):
        """Clicks the middle of an element."""
        self.firefox.click(self.place(selector, text))

    def sees(self, text: str, seconds: float = 120):
        """Waits until a text is on the page."""
        self.firefox.until(f"document.body.innerText.includes({json.dumps(text)})", seconds)


def test_a_run_a_lasso_names_and_a_review(firefox, server, digits, tmp_path):
    me = Person(firefox)
    firefox.goto(f"{server.url}/datasets/{digits.name}")
    firefox.until("document.querySelector('[data-cy=\"looker\"]')?.tagName")
    icon = '[data-item-id="@constellation/clusters/compute_clusters"]'
    firefox.until(f"document.querySelector('{icon} *')?.tagName")
    press = "new MouseEvent('click', {bubbles: true})"  # the App's bar covers the icon for a real mouse
    firefox.ask(f"[...document.querySelectorAll('{icon} *')].pop().dispatchEvent({press})")
    form = '[data-cy="operators-prompt-modal"]'
    firefox.until(f"document.querySelector('{form}')?.innerText.includes('Number of clusters')")
    firefox.until(
        f"[...document.querySelectorAll('{form} button')].some(e => e.innerText === 'Execute' && !e.disabled)"
    )
    me.click(f"{form} button", "Execute")
    firefox.until(f"document.querySelector('{MAP}')?.dataset.ready === 'true'", 180)
    firefox.until("document.querySelectorAll('.constellation-name').length > 1")

    pressed = f"document.querySelector('{MAP} button[aria-pressed=true]')?.innerText === 'Lasso'"
    while not firefox.ask(pressed):  # the line of the job may come above it in between
        me.click(f"{MAP} button", "Lasso")
        time.sleep(1)
    box = firefox.ask(
        f"(r => [r.left, r.top, r.width, r.height])(document.querySelector('{BOX}').getBoundingClientRect())"
    )
    left, top, right, bottom = box[0] + 3, box[1] + 3, box[0] + box[2] / 2, box[1] + box[3] - 3
    firefox.drag([(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 1)])
    n = int(firefox.until(f"+document.querySelector('{MAP}').dataset.marked"))
    assert 0 < n < 60
    me.click(f"{MAP} button", "Only these")
    me.sees(f"{n} samples")

    me.click(f"{PANEL} button", "Clusters")
    me.click(f"{CARD} input:not([type=checkbox])")
    firefox.type("a", CONTROL)
    firefox.type("first" + ENTER)
    firefox.type("second" + ENTER)

    def names():
        digits.reload()
        (key,) = digits.list_runs()
        return {entry["label"] for entry in digits.get_run_info(key).config.clusters}

    for _ in range(60):
        if {"first", "second"} <= names():
            break
        time.sleep(0.3)
    assert {"first", "second"} <= names()

    me.click(f"{PANEL} button", "Review")
    review = '[data-cy="constellation-review"]'
    firefox.until(f"document.querySelector('{review} img')?.naturalWidth > 0")
    me.click(f"{review} img")
    for at in range(3):
        firefox.until(f"[...document.querySelectorAll('{review} img')].every(e => e.naturalWidth > 0)")
        time.sleep(1)  # a key before the picture is ignored
        firefox.type("1")
        me.sees(f"{at + 2} of ")
    firefox.shot(tmp_path / "firefox.png")
