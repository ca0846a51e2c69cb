"""Renew the pictures of the README in assets/: the form, the panel's widgets in both themes, charts, and a short film.

The App is the real one, in a headless Chromium, with Tux Paint's stamps, which `make screenshots` fetches, and a
private database. ``--look FOLDER`` takes each tab in dark and light, wide and narrow, to be looked at.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "assets"
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

SIZE = {"width": 1600, "height": 1000}
TALL = {"width": 1600, "height": 1500}  # the form need not scroll
NARROW = {"width": 1100, "height": 900}
FILMED = {"width": 1280, "height": 800}
TABS = ("Map", "Clusters", "Review", "Charts", "Groups", "Compare", "Run")
WIDGETS = ("Map", "Clusters", "Review")
FIRST = "kmeans_1"
PANEL = '[data-cy="panel-content-clusters_panel"]'
BOX = '[data-cy="constellation-map-box"]'


def main():
    """Build the data, start the App and take the pictures."""
    from stack import Mongod, fiftyone_environment

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", type=Path, help="a folder for pictures of all tabs, themes and widths")
    look = parser.parse_args().look
    with tempfile.TemporaryDirectory(prefix="constellation-pictures-") as folder:
        mongod = Mongod()
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            take_pictures(build_dataset(), Path(folder), look)
        finally:
            mongod.stop()


def build_dataset():
    """Create a dataset of pictures in random order, with their kind and vectors."""
    import fiftyone.operators as foo
    from demo import load_stamps, stamps_folder

    stamps = stamps_folder()
    if stamps is None:
        sys.exit("error: the pictures are missing; run `sh scripts/system.sh stamps .demo/stamps`")
    dataset = load_stamps(stamps).shuffle(seed=51).clone("pictures", persistent=True)
    foo.get_operator("@constellation/clusters/compute_embeddings")(dataset, encoder="efficientnet_lite0")
    return dataset


def take_pictures(dataset, folder: Path, look: Path | None):
    """Use the App as a person does, and take a picture at every stop."""
    from app import AppServer, launch
    from playwright.sync_api import sync_playwright

    server = AppServer(folder / "server.log")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            user = visitor(browser, server.url, SIZE, "dark")
            visit(user, dataset)
            user.page.context.close()
            for theme in ("dark", "light"):
                for size in (SIZE, NARROW):
                    user = visitor(browser, server.url, size, theme)
                    look_around(user, dataset, f"{theme}_{size['width']}", look)
                    user.page.context.close()
            user = visitor(browser, server.url, FILMED, "dark")
            film(user, dataset)
            browser.close()
    finally:
        server.stop()


def visitor(browser, url: str, size: dict, theme: str):
    """Return somebody at a browser of a size, whose App is dark or light."""
    from app import User

    context = browser.new_context(viewport=size, color_scheme=theme)
    context.set_default_timeout(120_000)
    context.add_init_script(f"localStorage.setItem('mui-mode', '{theme}')")
    return User(context.new_page(), url)


def visit(user, dataset):
    """Visit the form, and what the README shows of the new run besides the widgets."""
    page = user.page
    user.open(dataset)
    form = user.open_form("compute_clusters")
    user.choose(form, "Ground truth", "ground_truth")
    page.set_viewport_size(TALL)
    page.wait_for_timeout(500)
    save(form, "form")
    page.set_viewport_size(SIZE)
    user.execute(form)
    user.made(r"\d+ clusters of", seconds=300)
    name_clusters(dataset)
    panel = page.locator(PANEL)
    panel.get_by_role("button", name=re.compile("^Dismiss ")).first.click()
    drawn(page, panel, "Charts")
    panel.get_by_role("button", name="Ground truth", exact=True).click()
    panel.locator(".js-plotly-plot .heatmaplayer image").first.wait_for(state="attached")
    page.wait_for_timeout(1500)
    save(panel, "panel_charts")


def name_clusters(dataset):
    """Name each cluster as a person would, after what most of its pictures are; make a second run to compare with."""
    import fiftyone.operators as foo

    dataset.reload()
    edit, compute = (
        foo.get_operator(f"@constellation/clusters/{name}") for name in ("edit_clusters", "compute_clusters")
    )
    names = {}
    for cluster in sorted(set(dataset.values(f"{FIRST}.cluster"))):
        kinds = dataset.match({f"{FIRST}.cluster": cluster}).count_values("ground_truth.label")
        names[cluster] = max(kinds, key=kinds.get)
    edit(dataset, run_key=FIRST, action="rename", names=names)
    compute(dataset, run_key="second", method="agglomerative", params={"n_clusters": 10}, visualize=False)


def look_around(user, dataset, name: str, look: Path | None):
    """Take a picture of each widget, and of each tab for the folder to look at."""
    page, panel = user.page, opened(user, dataset)
    for tab in TABS if look else WIDGETS:
        drawn(page, panel, tab)
        if tab in WIDGETS:
            save(page, f"{tab.lower()}_{name}")
        if look:
            look.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(look / f"{tab.lower()}_{name}.png"))


def opened(user, dataset):
    """Open the first run in the Clusters panel; returns the panel."""
    user.open(dataset)
    page, panel = user.page, user.page.locator(PANEL)
    icon = page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    panel.get_by_role("button", name="Clusters", exact=True).wait_for()
    if panel.get_by_text("second", exact=True).count():  # the newest is in front
        panel.get_by_text("second", exact=True).first.click()
        page.get_by_role("option", name=FIRST).click()
        page.wait_for_timeout(2000)
    return panel


def drawn(page, panel, tab: str):
    """Open a tab and wait until its pictures are there."""
    panel.get_by_role("button", name=tab, exact=True).click()
    page.mouse.move(5, 5)
    page.locator('[data-cy="looker"]').first.wait_for()
    page.wait_for_timeout(5000)
    page.wait_for_function("() => [...document.querySelectorAll('img')].every(i => i.complete)")


def film(user, dataset):
    """Film somebody who points at the map, makes a cluster with the lasso, and names two on their cards."""
    from film import Film

    page, panel = user.page, opened(user, dataset)
    drawn(page, panel, "Map")
    box = panel.locator(BOX).bounding_box()

    def place(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    shot = Film(page)
    shot.move(*place(0.5, 0.5))
    for x, y in ((0.35, 0.35), (0.3, 0.7), (0.68, 0.6)):
        shot.move(*place(x, y))
        shot.hold(600)
    for _ in range(6):
        page.mouse.wheel(0, -120)
        shot.frame()
    shot.hold(800)
    for _ in range(6):
        page.mouse.wheel(0, 120)
        shot.frame()
    shot.click(panel.get_by_role("button", name="Lasso", exact=True))
    corners = [place(x, y) for x, y in ((0.42, 0.42), (0.6, 0.36), (0.68, 0.5), (0.56, 0.64), (0.42, 0.56))]
    shot.move(*corners[0])
    page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        shot.move(*corner)
    page.mouse.up()
    panel.get_by_text(re.compile("chosen$")).wait_for()
    shot.hold(1200)
    shot.click(panel.get_by_role("button", name="New cluster", exact=True))
    panel.get_by_role("button", name=re.compile("^Undo: Moved ")).wait_for()
    shot.hold(1500)
    shot.click(panel.get_by_role("button", name="Clusters", exact=True))
    page.wait_for_timeout(3000)
    shot.hold(600)
    shot.click(panel.locator('[data-cy="constellation-card"] input').first)
    page.keyboard.press("Control+a")
    for word in ("creatures", "in the woods"):
        for letter in word:
            page.keyboard.type(letter)
            shot.frame()
        page.keyboard.press("Enter")
        shot.hold(900)
    path = ASSETS / "tour.webp"
    shot.save(path)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


def save(place, name: str):
    """Save a picture of the page or a part of it."""
    import io

    from PIL import Image

    path = ASSETS / f"{name}.webp"
    Image.open(io.BytesIO(place.screenshot())).convert("RGB").save(path, quality=80, method=6)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
