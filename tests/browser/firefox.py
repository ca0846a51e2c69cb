"""Firefox through WebDriver BiDi, the protocol that it speaks by itself: enough of it to use the App.

Playwright brings a Firefox of its own that has to be downloaded, and does not drive Debian's. WebGL 2 is drawn in a
window only, here of a screen that nobody sees.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from stack import free_port
from websockets.sync.client import connect

PREFERENCES = {
    "webgl.force-enabled": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "browser.startup.page": 0,
    "remote.active-protocols": 1,
}
ENTER, CONTROL = "\ue007", "\ue009"


class Firefox:
    """A Firefox with one page; ``stop()`` ends it.

    Args:
        folder: an empty folder, for its profile and its log
    """

    def __init__(self, folder: Path):
        for program in ("firefox-esr", "Xvfb"):
            if not shutil.which(program):
                raise RuntimeError(f"no {program} found; run `make test-firefox`, which installs it")
        profile = folder / "profile"
        profile.mkdir()
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        self.log = open(folder / "firefox.log", "w")  # noqa: SIM115 (lives as long as the process)
        display, port = f":{100 + os.getpid() % 30000}", free_port()
        quiet = {"stdout": self.log, "stderr": subprocess.STDOUT}
        self.screen = subprocess.Popen(["Xvfb", display, "-screen", "0", "1600x1300x24", "-nolisten", "tcp"], **quiet)
        command = ["firefox-esr", "--profile", str(profile), "--no-remote", f"--remote-debugging-port={port}"]
        environment = {**os.environ, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(folder)}
        self.process = subprocess.Popen([*command, "--width=1560", "--height=1250"], env=environment, **quiet)
        self.socket, self.count = self._connect(port), 0
        self.send("session.new", capabilities={})
        self.page = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def _connect(self, port: int, seconds: float = 120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return connect(f"ws://127.0.0.1:{port}/session", max_size=None)
            except OSError:
                time.sleep(0.3)
        self.stop()
        raise RuntimeError(f"Firefox did not start within {seconds} s: {Path(self.log.name).read_text()[-1500:]}")

    def send(self, method: str, **params) -> dict:
        """Sends a command and returns its result."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=120))
            if answer.get("id") == self.count:
                assert answer["type"] == "success", answer.get("message")
                return answer["result"]

    def goto(self, url: str):
        """Opens an address."""
        self.send("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def ask(self, expression: str):
        """Evaluates JavaScript that returns plain data."""
        target, text = {"context": self.page}, f"JSON.stringify(({expression}) ?? null)"
        answer = self.send("script.evaluate", expression=text, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def until(self, expression: str, seconds: float = 60):
        """Waits until JavaScript returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        while not (found := self.ask(expression)):
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {expression}"
            time.sleep(0.2)
        return found

    def drag(self, places):
        """Presses the mouse at the first place of the page, moves it to the others, and lets go."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 60} for x, y in places]
        press, let_go = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        self._perform({"type": "pointer", "id": "mouse", "actions": [moves[0], press, *moves[1:], let_go]})

    def click(self, place):
        """Clicks a place of the page."""
        self.drag([place])

    def type(self, text: str, held: str = ""):
        """Types, with a key held down if one is given."""
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        if held:
            keys = [{"type": "keyDown", "value": held}, *keys, {"type": "keyUp", "value": held}]
        self._perform({"type": "key", "id": "keys", "actions": keys})

    def _perform(self, source: dict):
        self.send("input.performActions", context=self.page, actions=[source])

    def shot(self, path: Path):
        """Takes a picture of the page."""
        import base64

        path.write_bytes(base64.b64decode(self.send("browsingContext.captureScreenshot", context=self.page)["data"]))

    def stop(self):
        """Ends both processes."""
        for process in (self.process, self.screen):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()
