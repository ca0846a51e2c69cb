"""Clicks, keys and seconds of the most frequent jobs in the App, with 1,000 images that have vectors.

python tests/benchmarks/app_clicks.py [--n 1000]
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("", "browser", "benchmarks")]

from panel import PICTURES, pictures
from stack import Mongod, fiftyone_environment
from verdict import claim, finish

CLUSTERS = 10
SIMPLE = {"CONSTELLATION_SIMPLE_VIEW": "1"}  # what is counted is the panel without its widgets
OPENINGS = 3  # by people at a fresh browser and a fresh server


def main():
    """Fills a dataset, drives the App, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    options = parser.parse_args()
    mongod = Mongod()
    with tempfile.TemporaryDirectory(prefix="constellation-clicks-") as folder:
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            print(f"{platform.machine()}, {os.cpu_count()} processors, Chromium without a graphics card")
            drive(fill(options.n, Path(folder)), Path(folder))
        finally:
            mongod.stop()
    finish()


def fill(n: int, folder: Path):
    """A dataset of ``n`` images with vectors."""
    import fiftyone as fo
    import numpy as np

    rng = np.random.default_rng(0)
    X = 3 * rng.normal(size=(CLUSTERS, 64))[rng.integers(CLUSTERS, size=n)] + rng.normal(size=(n, 64))
    paths = pictures(folder / "pictures")
    dataset = fo.Dataset("clicks", persistent=True)
    dataset.add_samples([fo.Sample(filepath=paths[i % PICTURES], emb=X[i].astype(np.float32)) for i in range(n)])
    return dataset


def drive(dataset, folder: Path):
    """Measures in the App."""
    from app import AppServer, User, launch
    from clicks import Effort
    from playwright.sync_api import sync_playwright

    server = AppServer(folder / "server.log", SIMPLE)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            effort = opened(browser, User, Effort, server.url, dataset)
            drawn = effort.of(effort.map_by_defaults)
            effort.panel.press("Clusters")
            effort.panel.wait_for_pictures()
            named = effort.of(effort.rename, "sevens")
            merged = effort.of(effort.merge_three)
            effort.page.context.close()
            server.stop()
            pictures = []
            for _ in range(OPENINGS):
                server = AppServer(folder / "openings.log")  # which knows of no open panel
                effort = opened(browser, User, Effort, server.url, dataset)
                pictures.append(effort.of(effort.first_picture)["seconds"])
                effort.page.context.close()
                server.stop()
            browser.close()
    finally:
        server.stop()
    for what, found in (("map", drawn), ("a name", named), ("merge of three", merged)):
        print(f"{what}: {found['clicks']:.0f} clicks, {found['keys']:.0f} keys, {found['seconds']:.1f} s")
    picture = statistics.median(pictures)
    print(f"first picture on a card: {picture:.1f} s ({min(pictures):.1f} to {max(pictures):.1f}, {OPENINGS} openings)")
    claim("a named, colored map costs at most 2 clicks and 2 keys", drawn["clicks"] <= 2 and drawn["keys"] <= 2)
    claim("a name costs one click and a word", named["clicks"] == 1)
    claim("a merge of three costs at most 5 clicks", merged["clicks"] <= 5)
    claim("the first picture is there in at most 2 s", picture <= 2)


def opened(browser, user_class, effort_class, url: str, dataset):
    """Somebody at a fresh browser who has opened the dataset."""
    context = browser.new_context(viewport={"width": 1600, "height": 1100})
    context.set_default_timeout(120_000)
    user = user_class(context.new_page(), url)
    user.open(dataset)
    return effort_class(user)


if __name__ == "__main__":
    main()
