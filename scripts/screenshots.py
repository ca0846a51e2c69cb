"""Renew the pictures of the README in assets/: the form, the summary, the map, the Clusters panel, and a run.

The App is the real one, in a headless Chromium, with Tux Paint's stamps, which `make screenshots` fetches, and a
private database.
"""

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


def main():
    """Build the data, start the App and take the pictures."""
    from stack import Mongod, fiftyone_environment

    with tempfile.TemporaryDirectory(prefix="constellation-pictures-") as folder:
        mongod = Mongod()
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            take_pictures(build_dataset(), Path(folder))
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


def take_pictures(dataset, folder: Path):
    """Use the App as a person does, and take a picture at every stop."""
    from app import AppServer, User, launch
    from playwright.sync_api import sync_playwright

    server = AppServer(folder / "server.log")
    try:
        with sync_playwright() as playwright:
            page = launch(playwright).new_page(viewport=SIZE)
            visit(User(page, server.url), dataset)
    finally:
        server.stop()


def visit(user, dataset):
    """Visit the form, the run, its summary, its map, its clusters."""
    page = user.page
    user.open(dataset)
    form = user.open_form("compute_clusters")
    user.choose(form, "Ground truth", "ground_truth")
    page.set_viewport_size(TALL)
    page.wait_for_timeout(500)
    save(form, "form")
    page.set_viewport_size(SIZE)
    user.tick(form, "More")
    user.choose(form, "Reduction", "UMAP")
    user.execute(form)
    dialog = user.output("clusters of", seconds=300)
    save(dialog, "summary")
    user.done()
    dataset.reload()
    user.open_map(dataset.list_brain_runs()[0], f"{dataset.list_runs()[0]}.label")
    user.legend()
    zoom_out(page)
    save(page, "app")
    visit_panel(page)


def visit_panel(page):
    """Visit the cards of the clusters, the members of one in the grid, a chart, and the record of the run."""
    page.locator('[data-cy="panel-tab-clusters_panel"]').click()
    panel = page.locator('[data-cy="panel-content-clusters_panel"]')
    card = panel.get_by_alt_text(re.compile("^Typical of cluster")).nth(1)
    card.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)  # the pictures arrive
    card.click()
    panel.get_by_text("Most confident first", exact=True).wait_for()
    page.wait_for_timeout(3000)
    save(page, "panel")
    panel.get_by_role("button", name="Charts", exact=True).click()
    panel.get_by_role("button", name="Ground truth", exact=True).click()
    panel.locator(".js-plotly-plot .heatmaplayer image").first.wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(1500)
    save(panel, "panel_charts")
    panel.get_by_role("button", name="Run", exact=True).click()
    panel.get_by_role("button", name="Run again with…", exact=True).wait_for()
    page.wait_for_timeout(1500)
    save(panel, "run_info")


def zoom_out(page):
    """Make room for the legend beside the points."""
    box = page.locator('[data-cy="panel-content-Embeddings"]').bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(2000)  # the points fly to their places


def save(place, name: str):
    """Save a picture of the page or a part of it."""
    from PIL import Image

    path = ASSETS / f"{name}.png"
    place.screenshot(path=str(path))
    Image.open(path).convert("RGB").save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
