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

from stack import free_port

TEASERS = ("Dismiss", "Got it")


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
    """What a person does in the App."""

    def __init__(self, page, url: str):
        self.page = page
        self.url = url

    def open(self, dataset_name: str):
        """Opens a dataset and waits for its grid."""
        self.page.goto(f"{self.url}/datasets/{dataset_name}")
        self.page.locator('[data-cy="fo-grid"]').wait_for(timeout=60_000)
        self.page.wait_for_timeout(1500)
        for text in TEASERS:
            button = self.page.get_by_text(text, exact=True)
            if button.count():
                button.first.click()

    def open_form(self, operator: str):
        """Backtick, the operator's name, Enter; returns the form."""
        self.page.keyboard.press("Backquote")
        search = self.page.locator('[data-cy="operators-browser-search"]')
        search.wait_for(timeout=20_000)
        box = search if search.evaluate("e => e.tagName") == "INPUT" else search.locator("input")
        box.fill(operator)
        self.page.wait_for_timeout(800)
        self.page.keyboard.press("Enter")
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.wait_for(timeout=30_000)
        self.page.wait_for_timeout(1500)
        return form

    def field(self, form, label: str):
        """The part of a form that holds the input of this label."""
        return form.locator(".MuiGrid-item").filter(has=self.page.get_by_text(label, exact=True)).last

    def fill(self, form, label: str, text: str):
        """Types into an input and waits for the form to be drawn anew."""
        self.field(form, label).locator("input, textarea").first.fill(text)
        self.page.wait_for_timeout(1500)

    def choose(self, form, label: str, option: str):
        """Picks from a drop-down and waits for the form to be drawn anew."""
        self.field(form, label).get_by_role("combobox").first.click()
        self.page.get_by_role("option").filter(has_text=re.compile(f"^{re.escape(option)}")).first.click()
        self.page.wait_for_timeout(1500)

    def execute(self, form, name: str = "Execute"):
        """Presses the form's button."""
        form.get_by_role("button", name=name, exact=True).click()

    def output(self, seconds: float = 120):
        """Waits for an operator's output and returns its text."""
        modal = self.page.locator('[data-cy="operators-prompt-view-modal"]')
        modal.wait_for(timeout=1000 * seconds)
        return modal

    def screenshot(self, path: Path):
        """A picture of the page."""
        self.page.screenshot(path=str(path))
