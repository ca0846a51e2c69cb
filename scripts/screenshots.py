"""Renew the pictures of the README in assets/: the form, the map of a new run, and tabs of the Clusters panel.

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
TABS = ("Map", "Clusters", "Review", "Charts", "Groups", "Compare", "Run")
FIRST = "kmeans_1"
SIMPLE = {"CONSTELLATION_SIMPLE_VIEW": "1"}  # of the panel without its widgets


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

    server = AppServer(folder / "server.log", SIMPLE)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            user = visitor(browser, server.url, SIZE, "dark")
            visit(user, dataset)
            user.page.context.close()
            for theme in ("dark", "light") if look else ():
                for size in (SIZE, NARROW):
                    look_around(visitor(browser, server.url, size, theme), dataset, look, f"{theme}_{size['width']}")
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
    """Visit the form, the map of the new run, and what the README shows of its clusters."""
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
    panel = page.locator('[data-cy="panel-content-clusters_panel"]')
    panel.get_by_role("button", name=re.compile("^Dismiss ")).first.click()
    drawn(page, panel, "Map")
    save(page, "app")
    drawn(page, panel, "Clusters")
    save(page, "panel")
    drawn(page, panel, "Review")
    save(panel, "panel_review")
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


def look_around(user, dataset, folder: Path, name: str):
    """Take a picture of each tab."""
    folder.mkdir(parents=True, exist_ok=True)
    page = user.page
    user.open(dataset)
    icon = page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    panel = page.locator('[data-cy="panel-content-clusters_panel"]')
    for tab in TABS:
        drawn(page, panel, tab)
        page.screenshot(path=str(folder / f"{tab.lower()}_{name}.png"))
    page.context.close()


def drawn(page, panel, tab: str):
    """Open a tab and wait until its pictures are there."""
    panel.get_by_role("button", name=tab, exact=True).click()
    page.mouse.move(5, 5)
    page.locator('[data-cy="looker"]').first.wait_for()
    page.wait_for_timeout(5000)
    page.wait_for_function("() => [...document.querySelectorAll('img')].every(i => i.complete)")


def save(place, name: str):
    """Save a picture of the page or a part of it."""
    from PIL import Image

    path = ASSETS / f"{name}.png"
    place.screenshot(path=str(path))
    picture = Image.open(path).convert("RGB")
    # 256 colors are enough to see what is meant, in a third of the bytes
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
