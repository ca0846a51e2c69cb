"""The Map tab at four sizes: how soon a map is drawn, how soon a lasso of a quarter filters the grid, what is kept.

The images are a few hundred crops of scikit-learn's two photographs that all samples share. Each vector begins with
its place on the map, so that the map costs nothing to make; the run, its labels, positions and indexes are real.

    python tests/benchmarks/map.py [--sizes 1000 20000 200000 1000000] [--clusters 100] [--lassos 3]
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "benchmarks")]

from panel import PICTURES, pictures
from stack import Mongod, fiftyone_environment
from verdict import claim, finish

RUN = "mapped"
DIMENSIONS = 4
DRAWN, FILTERED = 5.0, 3.0  # seconds, up to SMALL images; LARGER times of that above
SMALL, LARGER = 20_000, 1.5
CONTENT = '[data-cy="panel-content-clusters_panel"]'


def main():
    """Fills the datasets, drives the App, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 20_000, 200_000, 1_000_000])
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--lassos", type=int, default=3)
    options = parser.parse_args()
    mongod = Mongod()
    with tempfile.TemporaryDirectory(prefix="constellation-map-") as folder:
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            paths = pictures(Path(folder) / "pictures")
            for n in options.sizes:
                started = time.perf_counter()
                fill(n, options.clusters, paths)
                print(f"{n:,} images filled and clustered in {time.perf_counter() - started:.0f} s", flush=True)
            drive(options.sizes, options.lassos, Path(folder))
        finally:
            mongod.stop()
    finish()


def fill(n: int, k: int, paths: list[str]):
    """Makes a dataset of ``n`` images with a run of ``k`` clusters and its map."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np
    from bson import ObjectId

    compute = foo.get_operator("@constellation/clusters/compute_clusters")  # loads the plugin
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors import reduction

    rng = np.random.default_rng(0)
    centers = rng.uniform(-10, 10, size=(k, DIMENSIONS))
    X = centers[rng.integers(k, size=n)] + 0.6 * rng.normal(size=(n, DIMENSIONS))
    dataset = fo.Dataset(f"map-{n}", persistent=True)
    dataset.add_sample(fo.Sample(filepath=paths[0], emb=X[0].tolist()))
    # a million samples by FiftyOne's own way take longer than all that is measured
    collection = dataset._sample_collection
    (model,) = list(collection.find())
    for start in range(1, n, 10_000):
        rows = range(start, min(start + 10_000, n))
        changed = [
            {"_id": ObjectId(), "_rand": rng.random(), "emb": X[i].tolist(), "filepath": paths[i % PICTURES]}
            for i in rows
        ]
        collection.insert_many([{**model, **one} for one in changed], ordered=False)
    dataset.reload()
    reduction.project_2d = lambda X, **_: X[:, :2]
    compute(
        dataset,
        run_key=RUN,
        method="minibatch_kmeans",
        params={"n_clusters": k},
        embeddings="emb",
        reduce="none",
        normalize=False,
    )


def drive(sizes: list[int], lassos: int, folder: Path):
    """Measures in the App."""
    import psutil
    from app import AppServer, launch
    from playwright.sync_api import sync_playwright

    server = AppServer(folder / "server.log")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            for n in sizes:
                page = browser.new_context(viewport={"width": 1600, "height": 1100}).new_page()
                page.set_default_timeout(120_000)
                drawn = open_map(page, server.url, n)
                seconds = [lasso(page, n) for _ in range(lassos)]
                kept = psutil.Process(server.process.pid).memory_info().rss
                report(n, drawn, seconds, kept, renderer(psutil))
                page.context.close()
            browser.close()
    finally:
        server.stop()


def open_map(page, url: str, n: int) -> float:
    """Opens the panel of a dataset that the App shows; returns the seconds until its map has names and points."""
    page.goto(f"{url}/datasets/map-{n}")
    page.locator('[data-cy="looker"]').first.wait_for()
    page.wait_for_timeout(3000)
    for text in ("Dismiss", "Got it"):
        while page.get_by_role("button", name=text, exact=True).count():
            page.get_by_role("button", name=text, exact=True).first.click()
    icon = page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]').locator("*").last
    started = time.perf_counter()
    icon.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    page.locator(f"{CONTENT} .annotation-text").first.wait_for()
    page.locator(f"{CONTENT} canvas.gl-canvas").first.wait_for()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - started


def lasso(page, n: int) -> float:
    """Drags around a quarter of the map and shows what is in it; returns the seconds from its end to the grid."""
    content = page.locator(CONTENT)
    page.wait_for_timeout(2000)
    box = content.locator(".nsewdrag").first.bounding_box()
    left, top = box["x"] + 2, box["y"] + 2
    right, bottom = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 1)):
        page.mouse.move(x, y, steps=8)
    started = time.perf_counter()
    page.mouse.up()
    chosen = content.get_by_text(re.compile("chosen$"))
    chosen.wait_for()
    count = re.match(r"[\d,]+", chosen.inner_text()).group()
    content.get_by_role("button", name="Only these", exact=True).click()
    page.locator('[data-cy="entry-counts"]', has_text=re.compile(f"^{count} ")).wait_for()
    page.locator('[data-cy="looker"]').first.wait_for()
    seconds = time.perf_counter() - started
    page.mouse.move(10, 10)  # away from the words at the pointer, which cover the next button
    page.wait_for_timeout(1000)
    content.get_by_role("button", name="Choose nothing", exact=True).click()
    page.wait_for_timeout(1000)
    content.get_by_role("button", name="All", exact=True).click()
    page.locator('[data-cy="entry-counts"]', has_text=re.compile(f"^{n:,} ")).wait_for()
    return seconds


def renderer(psutil) -> int:
    """Return the memory of the page, in bytes: the largest process of the browser that draws."""
    sizes = [0]
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                sizes.append(process.memory_info().rss)
        except psutil.Error:  # it has ended
            continue
    return max(sizes)


def report(n: int, drawn: float, seconds: list[float], server: int, page: int):
    """Prints the figures of a size, and whether they hold."""
    room = 1 if n <= SMALL else LARGER
    filtered = statistics.median(seconds)
    print(f"\n{n:,} images: server {server / 1e6:,.0f} MB, page {page / 1e6:,.0f} MB")
    claim(f"drawn in {drawn:.1f} s, at most {DRAWN * room:.1f}", drawn <= DRAWN * room)
    claim(
        f"lasso to grid in {filtered:.1f} s ({min(seconds):.1f} to {max(seconds):.1f}), at most {FILTERED * room:.1f}",
        filtered <= FILTERED * room,
    )


if __name__ == "__main__":
    main()
