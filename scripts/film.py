"""A film of a page: an animated WebP, with the pointer that headless browsers do not draw."""

import io
from pathlib import Path

STEPS = 6  # frames of a movement
MILLISECONDS = 90  # of a frame
WIDTH = 960  # pixels
QUALITY = 50
POINTER = """() => {
const pointer = document.createElement("div");
pointer.style.cssText = "position:fixed;left:0;top:0;width:14px;height:14px;margin:-7px;border-radius:50%;"
    + "z-index:99999;background:rgba(255,109,4,.75);border:2px solid white;pointer-events:none";
document.body.append(pointer);
addEventListener("mousemove", event => {
    pointer.style.transform = `translate(${event.clientX}px, ${event.clientY}px)`;
}, true);
}"""


class Film:
    """Frames of a page while somebody uses it.

    Args:
        page: Playwright's page
    """

    def __init__(self, page):
        self.page = page
        self.frames: list = []
        self.durations: list[int] = []
        self.at = (0.0, 0.0)
        page.evaluate(POINTER)

    def frame(self, milliseconds: int = MILLISECONDS):
        """Take a frame, which is shown so long."""
        from PIL import Image

        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.LANCZOS))
        self.durations.append(milliseconds)

    def hold(self, milliseconds: int):
        """Let the page come to rest and show that."""
        self.page.wait_for_timeout(700)
        self.frame(milliseconds)

    def move(self, x: float, y: float):
        """Move the pointer there in small steps."""
        (left, top), self.at = self.at, (x, y)
        for step in range(1, STEPS + 1):
            self.page.mouse.move(left + (x - left) * step / STEPS, top + (y - top) * step / STEPS)
            self.frame()

    def click(self, target):
        """Move the pointer to the middle of a locator and click."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        self.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.up()
        self.hold(300)

    def save(self, path: Path):
        """Write the film; it begins anew when it ends."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=QUALITY,
            method=6,
            minimize_size=True,
        )
