"""The real App in a real browser: its server in one process, Chromium through Playwright, and the moves of a user."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import fiftyone.operators as foo
from playwright.sync_api import TimeoutError
from stack import free_port

TEASERS = ("Dismiss", "Got it")
TITLE = "Clusters: "  # every operator's label starts with it


class AppServer:
    """FiftyOne's App server on a free loopback port; ``stop()`` ends it by pid.

    ``fiftyone app launch`` would leave a grandchild behind that the next launch attaches to.
    """

    def __init__(self, log: Path, environment: dict | None = None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = Path(find_spec("fiftyone").submodule_search_locations[0]) / "server"
        command = [sys.executable, "main.py", "--port", str(self.port), "--address", "127.0.0.1"]
        self.log = open(log, "w")  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"the App server did not start: {log.read_text()[-2000:]}")

    def stop(self):
        """Ends the process."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def chromium_binary() -> str:
    """The browser on this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("no Chromium found; run `make test`, which installs one")


def launch(playwright):
    """A headless Chromium that asks nobody on the network for anything."""
    return playwright.chromium.launch(
        executable_path=chromium_binary(),
        args=["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
    )


class User:
    """Actions of a person in the App."""

    def __init__(self, page, url: str):
        self.page = page
        self.url = url

    def open(self, dataset):
        """Opens a dataset and waits for its grid."""
        self.page.goto(f"{self.url}/datasets/{dataset.name}")
        self.settle()

    def settle(self):
        """Waits for the grid of a dataset that is being opened."""
        self.page.locator('[data-cy="fo-grid"]').wait_for(timeout=60_000)
        self.page.locator('[data-cy="looker"]').first.wait_for()
        # an advertisement slides over the grid about a second after it is drawn
        self.page.wait_for_timeout(1500)
        self.dismiss_teasers()

    def dismiss_teasers(self):
        """Closes what advertises other products."""
        for text in TEASERS:
            button = self.page.get_by_role("button", name=text, exact=True)
            while button.count():
                button.first.click()
                self.page.wait_for_timeout(200)

    def switch_theme(self):
        """Turns the App from dark to light, and waits until it is."""
        self.page.get_by_title("Light mode").click()
        self.page.get_by_title("Dark mode").wait_for()

    def count(self) -> str:
        """The count that the grid shows, such as ``60 samples``."""
        return self.page.locator('[data-cy="entry-counts"]').inner_text()

    def search_palette(self, words: str):
        """Backtick and words to search for; returns the entries of ours that the palette lists."""
        search = self.page.locator('[data-cy="operators-browser-search"]')
        if not search.count():
            self.page.keyboard.press("Backquote")
            search.wait_for()
        box = search if search.evaluate("e => e.tagName") == "INPUT" else search.locator("input")
        box.fill(words)
        return self.page.get_by_text(re.compile(f"^{TITLE}"))

    def open_form(self, operator: str):
        """Backtick, the name of an operator that the palette lists, Enter; returns the form."""
        label = foo.get_operator(f"@constellation/clusters/{operator}").config.label
        self.search_palette(operator).filter(has_text=re.compile(f"^{re.escape(label)}$")).first.wait_for()
        return self.redrawn(lambda: self.page.keyboard.press("Enter"))

    def redrawn(self, action):
        """Does something that the server answers with a new form, and waits until it is drawn; returns the form."""
        with self.page.expect_response(lambda response: response.url.endswith("/operators/resolve-type")):
            action()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.wait_for()
        self.page.wait_for_timeout(400)  # the answer is drawn, and a click before that would be lost
        return form

    def field(self, form, label: str):
        """The part of a form that holds the input of this label."""
        return form.locator(".MuiGrid-item").filter(has=self.page.get_by_text(label, exact=True)).last

    def fill(self, form, label: str, text: str):
        """Types into an input."""
        entry = self.field(form, label).locator("input, textarea").first
        self.redrawn(lambda: entry.fill(text))

    def choose(self, form, label: str, option: str):
        """Picks from a drop-down."""
        self.field(form, label).get_by_role("combobox").first.click()
        found = self.page.get_by_role("option").filter(has_text=re.compile(f"^{re.escape(option)}"))
        self.redrawn(found.first.click)

    def options(self, form, label: str) -> list[str]:
        """The choices of a drop-down."""
        self.field(form, label).get_by_role("combobox").first.click()
        self.page.get_by_role("option").first.wait_for()
        texts = self.page.get_by_role("option").all_inner_texts()
        self.page.keyboard.press("Escape")
        return texts

    def captions(self, form, label: str) -> list[str]:
        """The captions of a drop-down's groups."""
        self.field(form, label).get_by_role("combobox").first.click()
        self.page.get_by_role("option").first.wait_for()
        texts = self.page.get_by_role("option").filter(has_text=re.compile("^— .* —$")).all_inner_texts()
        self.page.keyboard.press("Escape")
        return texts

    def tick(self, form, label: str):
        """Ticks a check box, or takes its tick away."""
        box = self.field(form, label).get_by_role("checkbox").first
        self.redrawn(box.click)

    def button(self, form, name: str = "Execute"):
        """A button of a form."""
        return form.get_by_role("button", name=name, exact=True)

    def execute(self, form):
        """Presses the form's button."""
        self.button(form).click()

    def schedule(self, form):
        """Hands a form to a worker; the form's button says Execute or Schedule, the menu beside it changes that."""
        if not self.button(form, "Schedule").count():
            form.get_by_role("button").last.click()
            self.page.get_by_text("Schedule", exact=True).first.click()
        self.button(form, "Schedule").click()
        self.page.get_by_text("successfully scheduled").first.wait_for()

    def output(self, text: str, seconds: float = 120):
        """Waits until the output of a running operator has this text, and returns the dialog."""
        dialog = self.page.locator('[data-cy="operators-prompt-view-modal"]')
        dialog.get_by_text(re.compile(text)).first.wait_for(timeout=1000 * seconds)
        return dialog

    def made(self, text: str, seconds: float = 180):
        """Waits until the Clusters panel shows a run with this text."""
        panel = self.page.locator('[data-cy="panel-content-clusters_panel"]')
        panel.get_by_text(re.compile(f"^{text}")).first.wait_for(timeout=1000 * seconds)

    def job(self, text: str, seconds: float = 180):
        """Waits until a job in the Clusters panel is done with this text, and shows its result; returns the panel."""
        panel = self.page.locator('[data-cy="panel-content-clusters_panel"]')
        panel.get_by_text(re.compile(f"· done · .*{text}")).first.wait_for(timeout=1000 * seconds)
        panel.get_by_role("button", name="Show", exact=True).first.click()
        panel.get_by_role("button", name="Hide", exact=True).first.wait_for()
        return panel

    def done(self):
        """Closes the output of an operator."""
        dialog = self.page.locator('[data-cy="operators-prompt-view-modal"]')
        dialog.get_by_role("button", name="Done", exact=True).click()
        dialog.wait_for(state="detached")

    def filter(self, field: str, value: str):
        """Ticks a class in the sidebar."""
        self.page.locator(f'[data-cy="sidebar-field-arrow-enabled-{field}"]').first.click()
        box = self.page.locator(f'[data-cy="categorical-filter-{field}.label"] input').first
        box.click()
        self.page.wait_for_timeout(800)  # its list of classes comes from the server
        box.fill(value)
        self.page.wait_for_timeout(800)
        self.page.keyboard.press("Enter")

    def front(self, panel: str):
        """Puts a panel that is open in front, ``clusters_panel`` or ``embeddings``."""
        self.page.locator(f'[data-cy="panel-tab-{panel}"]').click()

    def open_map(self, brain_key: str, color_by: str):
        """In the Embeddings panel: opens a map and colours it."""
        self.dismiss_teasers()
        tab = self.page.locator('[data-cy="panel-tab-embeddings"]')
        if not tab.count():  # a run that was made at once has put it behind the Clusters panel
            self.page.locator('[data-cy="new-panel-btn"]').last.click()
            tab = self.page.locator('[data-cy="new-panel-option-Embeddings"]')
        tab.click()
        self.page.get_by_text(brain_key, exact=True).first.click()
        self.color_map(color_by)

    def color_map(self, path: str):
        """Colours the open map; the list of fields is opened again where the App has drawn the page meanwhile."""
        option = self.page.get_by_role("option", name=path, exact=True)
        for _ in range(5):
            self.page.get_by_label("Color by").first.click()
            try:
                self.page.get_by_role("combobox").and_(self.page.locator("input")).last.fill(path, timeout=5000)
                option.click(timeout=5000)
            except TimeoutError:
                continue
            return
        raise AssertionError(f"the list of fields never had {path}")

    def legend(self) -> list[str]:
        """The clusters in the legend of the map."""
        entry = re.compile(r"^(cluster \d+|noise)$")
        panel = self.page.locator('[data-cy="panel-content-Embeddings"]')
        panel.get_by_text(entry).first.wait_for()
        return panel.get_by_text(entry).all_inner_texts()

    def select(self, positions):
        """Ticks samples of the grid."""
        tab = self.page.locator('[data-cy="panel-tab-samples"]')
        for count, position in enumerate(positions, start=1):
            looker = self.page.locator('[data-cy="looker"]').nth(position)
            looker.hover()
            self.page.wait_for_timeout(250)  # the check box fades in
            box = looker.bounding_box()
            self.page.mouse.click(box["x"] + 12, box["y"] + 12)
            tab.get_by_text(str(count), exact=True).wait_for()
