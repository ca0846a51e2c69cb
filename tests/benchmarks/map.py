"""The Map tab at four sizes: how soon it is drawn, moves, names a point, filters the grid; bytes and memory.

The images are a few hundred crops of scikit-learn's two photographs that all samples share. Each vector begins with
its place on the map, so that the map costs nothing to make; the run, its labels, positions and indexes are real.

    python tests/benchmarks/map.py [--sizes 2000 20000 200000 1000000] [--clusters 100] [--lassos 3]
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
# Seconds from the click that opens the panel to the drawn map, and from the lasso's end to the grid, up to a size
DRAWN = {200_000: 2.0, 1_000_000: 4.0}
FILTERED = {200_000: 1.5, 1_000_000: 6.0}
POINTED = 0.3  # seconds from the pointer's rest to the picture
FRAME = 0.1  # seconds of a frame while the map moves, up to 200,000 images
BYTES = 7  # of a point on the way to the browser, packed as text
BOX = '[data-cy="constellation-map-box"]'
TIP = '[data-cy="constellation-tip"]'
COUNTS = (
    """() => ["draws", "mounts"].map(name => +document.querySelector('[data-cy="constellation-map"]').dataset[name])"""
)
CONTENT = '[data-cy="panel-content-clusters_panel"]'


def main():
    """Fills the datasets, drives the App, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 20_000, 200_000, 1_000_000])
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
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors import sampled_map

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
    sampled_map.draw_map = lambda X, **_: X[:, :2]
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
                sent = []
                page.on("response", lambda response, sent=sent: sent.append(response) if is_read(response) else None)
                found = dict(zip(("drawn", "named"), open_map(page, server.url, n), strict=True))
                found["bytes"] = sum(len(response.body()) for response in sent)
                found |= moves(page) | points(page) | rests(page)
                found["filtered"], found["pictured"] = zip(*(lasso(page, n) for _ in range(lassos)), strict=True)
                found["server"] = psutil.Process(server.process.pid).memory_info().rss
                found["page"] = renderer(psutil)
                report(n, found)
                page.context.close()
            browser.close()
    finally:
        server.stop()


def is_read(response) -> bool:
    """True if this has something of the map in it: what came with the panel, or what was asked for."""
    asked = response.request.post_data or ""
    return response.url.endswith("/operators/execute") and ("read_for_panel" in asked or '"on_load"' in asked)


def open_map(page, url: str, n: int) -> tuple[float, float]:
    """Opens the panel of a dataset that the App shows; returns the seconds until points are drawn, and have names."""
    page.goto(f"{url}/datasets/map-{n}")
    page.locator('[data-cy="looker"]').first.wait_for()
    page.wait_for_timeout(3000)
    for text in ("Dismiss", "Got it"):
        while page.get_by_role("button", name=text, exact=True).count():
            page.get_by_role("button", name=text, exact=True).first.click()
    icon = page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]').locator("*").last
    started = time.perf_counter()
    icon.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    page.locator('[data-cy="constellation-map"][data-draws][data-ready="true"]').wait_for()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    drawn = time.perf_counter() - started
    page.locator(".constellation-name").first.wait_for()
    return drawn, time.perf_counter() - started


def moves(page) -> dict:
    """Drags the map by 40 small steps; returns the seconds of a frame, the middle one."""
    frames = page.evaluate(
        """async box => {
            const map = document.querySelector(box), {left, top} = map.getBoundingClientRect(), frames = [];
            const send = (name, x) => map.dispatchEvent(new PointerEvent(name,
                {clientX: left + 100 + x, clientY: top + 100, pointerId: 1, bubbles: true, isPrimary: true}));
            map.setPointerCapture = () => {};
            send("pointerdown", 0);
            let before = await new Promise(requestAnimationFrame);
            for (let i = 0; i < 40; i++) {
                send("pointermove", i < 20 ? 3 * i : 120 - 3 * i);
                const now = await new Promise(requestAnimationFrame);
                frames.push(now - before);
                before = now;
            }
            send("pointerup", 3);
            delete map.setPointerCapture;
            return frames.slice(3);
        }""",
        BOX,
    )
    page.wait_for_timeout(1000)
    return {"frame": statistics.median(frames) / 1000}


def points(page) -> dict:
    """Rests the pointer on five points; returns the seconds until the picture is seen, the middle ones."""
    box, seconds = page.locator(BOX).bounding_box(), []
    for place in range(400):
        x, y = box["x"] + box["width"] * (0.1 + 0.8 * (place % 20) / 20), box["y"] + box["height"] * (0.1 + place / 500)
        page.mouse.move(10, 10)
        page.mouse.move(x, y)
        started = time.perf_counter()
        try:
            page.locator(f"{TIP} img").wait_for(timeout=700)
        except Exception:  # there is no point at this place
            continue
        page.wait_for_function(f"() => document.querySelector('{TIP} img')?.naturalWidth > 0")
        seconds.append(time.perf_counter() - started)
        if len(seconds) == 5:
            break
    page.mouse.move(10, 10)
    return {"pointed": statistics.median(seconds)}


def rests(page) -> dict:
    """Has the panel drawn again by its button; returns how often the map was drawn and mounted for that."""
    page.wait_for_timeout(1000)
    before = page.evaluate(COUNTS)
    page.locator(CONTENT).get_by_role("button", name="Read the run again", exact=True).click()
    page.wait_for_timeout(4000)
    return {"draws": page.evaluate(COUNTS)[0] - before[0], "mounts": page.evaluate(COUNTS)[1] - before[1]}


def lasso(page, n: int) -> tuple[float, float]:
    """Drags around a quarter of the map, and asks for what is in it.

    Returns:
        the seconds until the grid is filtered, and until its first picture is there: from the lasso's end until it is
        said what is in it, and from the click on *Only these* on
    """
    content = page.locator(CONTENT)
    page.wait_for_timeout(1000)
    content.get_by_role("button", name="Lasso", exact=True).click()
    box = page.locator(BOX).bounding_box()
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
    said = time.perf_counter() - started
    count = re.match(r"[\d,]+", chosen.inner_text()).group()
    only = content.get_by_role("button", name="Only these", exact=True)
    only.hover()
    started = time.perf_counter()
    page.mouse.down()
    page.mouse.up()
    page.locator('[data-cy="entry-counts"]', has_text=re.compile(f"^{count} ")).wait_for()
    filtered = said + time.perf_counter() - started
    page.locator('[data-cy="looker"]').first.wait_for()
    pictured = said + time.perf_counter() - started
    content.get_by_role("button", name="Choose nothing", exact=True).click()
    content.get_by_role("button", name="Lasso", exact=True).click()
    content.get_by_role("button", name="All", exact=True).click()
    page.locator('[data-cy="entry-counts"]', has_text=re.compile(f"^{n:,} ")).wait_for()
    return filtered, pictured


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


def report(n: int, found: dict):
    """Prints the figures of a size, and whether they hold."""
    print(f"\n{n:,} images: server {found['server'] / 1e6:,.0f} MB, page {found['page'] / 1e6:,.0f} MB")
    drawn, filtered = (next(most for size, most in bound.items() if n <= size) for bound in (DRAWN, FILTERED))
    seconds = statistics.median(found["filtered"])
    spread = f"{min(found['filtered']):.2f} to {max(found['filtered']):.2f}"
    claim(f"drawn in {found['drawn']:.2f} s, at most {drawn}, with names {found['named']:.2f}", found["drawn"] <= drawn)
    pictured = statistics.median(found["pictured"])
    claim(
        f"lasso to filtered grid in {seconds:.2f} s ({spread}), at most {filtered}; its first picture {pictured:.2f} s",
        seconds <= filtered,
    )
    claim(f"picture at the pointer in {found['pointed']:.2f} s, at most {POINTED}", found["pointed"] <= POINTED)
    if n <= 200_000:
        claim(
            f"a frame while it moves in {found['frame'] * 1000:.0f} ms, at most {FRAME * 1000:.0f}",
            found["frame"] <= FRAME,
        )
    else:
        print(f"a frame while it moves in {found['frame'] * 1000:.0f} ms")
    each = found["bytes"] / n
    claim(
        f"{found['bytes']:,} bytes, {each:.1f} a point, at most {BYTES} and the names",
        found["bytes"] <= BYTES * n + 1e5,
    )
    claim(
        f"{found['draws']} draws and {found['mounts']} mounts when the panel is drawn again",
        not found["draws"] + found["mounts"],
    )


if __name__ == "__main__":
    main()
