"""The Clusters panel with 200,000 images in 500 clusters: how soon it opens, what a click costs, what it keeps.

The vectors are synthetic, the images a few hundred crops of scikit-learn's two photographs that all samples share. A
click on a card is compared with the same filter and order set by a panel that does nothing else.

    python tests/benchmarks/panel.py [--n 200000] [--clusters 500] [--clicks 8]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from stack import Mongod, fiftyone_environment
from verdict import claim, finish

RUN = "many"
PICTURES = 300
DIMENSIONS = 64
OPENINGS = 3
# Sets the filter and the order of a card, and nothing else
BARE = """
import fiftyone.operators as foo
import fiftyone.operators.types as types


class Bare(foo.Panel):
    @property
    def config(self):
        return foo.PanelConfig(name="bare", label="Bare")

    def on_click(self, ctx):
        cluster = ctx.params["cluster"]
        view = ctx.dataset.match({"RUN.cluster": cluster})
        ctx.ops.set_view(view=view.sort_by("RUN.confidence", reverse=True, create_index=False))

    def render(self, ctx):
        panel = types.Object()
        for cluster in CLUSTERS:
            panel.btn(f"b{cluster}", label=f"bare {cluster}", on_click=self.on_click, params={"cluster": cluster})
        return types.Property(panel)


def register(plugin):
    plugin.register(Bare)
"""
SIMPLE = {"CONSTELLATION_SIMPLE_VIEW": "1"}  # of the panel without its widgets


def main():
    """Fills a dataset, drives the App, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--clusters", type=int, default=500)
    parser.add_argument("--clicks", type=int, default=8)
    options = parser.parse_args()
    mongod = Mongod()
    with tempfile.TemporaryDirectory(prefix="constellation-panel-") as folder:
        try:
            os.environ.update(fiftyone_environment(mongod.uri, Path(folder), ROOT))
            dataset, seconds = fill(options.n, options.clusters, Path(folder))
            print(f"{options.n:,} images, {options.clusters} clusters, clustered in {seconds:.0f} s", flush=True)
            drive(dataset, options.clicks, Path(folder))
        finally:
            mongod.stop()
    finish()


def fill(n: int, k: int, folder: Path):
    """A dataset with a run, and the seconds that the run took."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np

    rng = np.random.default_rng(0)
    centers = rng.normal(size=(k, DIMENSIONS)).astype(np.float32)
    weights = rng.gamma(2.0, size=k)
    which = rng.choice(k, n, p=weights / weights.sum())
    X = centers[which] + 0.35 * rng.normal(size=(n, DIMENSIONS)).astype(np.float32)
    paths = pictures(folder / "pictures")
    dataset = fo.Dataset("panel", persistent=True)
    dataset.add_sample_field("emb", fo.VectorField)
    for start in range(0, n, 20_000):
        rows = range(start, min(start + 20_000, n))
        dataset.add_samples([fo.Sample(filepath=paths[i % PICTURES], emb=X[i]) for i in rows])
    fo.Dataset("another", persistent=True).add_sample(fo.Sample(filepath=paths[0]))
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    started = time.perf_counter()
    params = {"n_clusters": k}
    compute(dataset, run_key=RUN, method="minibatch_kmeans", params=params, reduce="none", visualize=False)
    return dataset, time.perf_counter() - started


def pictures(folder: Path) -> list[str]:
    """Small crops of two photographs."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    folder.mkdir()
    photographs, rng, paths = load_sample_images().images, np.random.default_rng(0), []
    for i in range(PICTURES):
        photograph = photographs[i % 2]
        y, x = (rng.integers(side - 128) for side in photograph.shape[:2])
        paths.append(str(folder / f"{i:03d}.jpg"))
        Image.fromarray(photograph[y : y + 128, x : x + 128]).save(paths[-1])
    return paths


def drive(dataset, clicks: int, folder: Path):
    """Measures in the App."""
    import psutil
    from app import AppServer, launch
    from playwright.sync_api import sync_playwright

    entries = sorted(dataset.get_run_info(RUN).config.clusters, key=lambda entry: -entry["size"])[: clicks + 1]
    write_bare(folder / "plugins" / "bare", [entry["id"] for entry in entries])
    server = AppServer(folder / "server.log", SIMPLE)
    process = psutil.Process(server.process.pid)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            bare = session(browser, server.url, dataset, entries, "bare")
            before = process.memory_info().rss
            ours = [session(browser, server.url, dataset, entries, "clusters_panel") for _ in range(OPENINGS)]
            grown = (process.memory_info().rss - before) / 1e6
            bare["clicks"] += session(browser, server.url, dataset, entries, "bare")["clicks"]
    finally:
        server.stop()
    opened = [found["opened"] for found in ours]
    card = statistics.median([second for found in ours for second in found["clicks"]])
    plain = statistics.median(bare["clicks"])
    times = ", ".join(f"{second:.2f}" for second in opened)
    print(f"the panel opened in {times} s, the bare one in {bare['opened']:.2f} s")
    print(
        f"a click on a card took {card:.2f} s, the same filter alone {plain:.2f} s, medians; ratio {card / plain:.2f}"
    )
    print(f"the App's server grew by {grown:.0f} MB while the panel was opened {OPENINGS} times")
    claim("the panel opens in under 3 s", statistics.median(opened) < 3)
    claim("a click on a card costs at most 1.5 times the bare filter", card <= 1.5 * plain)
    claim("the server grows by less than 300 MB", grown < 300)


def write_bare(folder: Path, clusters: list[int]):
    """Installs the panel that does nothing but filter."""
    folder.mkdir(parents=True)
    (folder / "fiftyone.yml").write_text('name: "@bench/bare"\ntype: plugin\npanels:\n  - bare\n')
    (folder / "__init__.py").write_text(BARE.replace("RUN", RUN).replace("CLUSTERS", repr(clusters)))


def session(browser, url, dataset, entries, panel: str) -> dict:
    """Opens a panel and clicks through clusters in a fresh browser; seconds until all is there."""
    import fiftyone as fo
    from app import User

    label, first = ("Bare", "button") if panel == "bare" else ("Clusters", "img")
    context = browser.new_context(viewport={"width": 1600, "height": 1400})
    context.set_default_timeout(120_000)
    user = User(context.new_page(), url)
    page = user.page
    user.open(fo.load_dataset("another"))  # the App forgets panels and views when another dataset is opened
    user.open(dataset)
    page.locator('[data-cy="new-panel-btn"]').first.click()
    option = page.locator(f'[data-cy="new-panel-option-{panel}"]')
    option = option if option.count() else page.get_by_text(label, exact=True)
    option.first.wait_for()
    started = time.perf_counter()
    option.first.click()
    content = page.locator(f'[data-cy="panel-content-{panel}"]')
    content.locator(first).first.wait_for()
    if first == "img":
        drawn = "() => { const all = [...document.querySelectorAll('[data-cy=panel-content-clusters_panel] img')];"
        page.wait_for_function(f"{drawn} return all.length && all.every(i => i.complete && i.naturalWidth) }}")
    opened = time.perf_counter() - started
    seconds = []
    for entry in entries:
        target = content.get_by_role("button", name=f"bare {entry['id']}", exact=True)
        target = target if panel == "bare" else content.get_by_alt_text(f"Typical of {entry['label']}", exact=True)
        target.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        started = time.perf_counter()
        target.click()
        shown = "n => document.querySelector('[data-cy=entry-counts]')?.innerText.startsWith(n)"
        page.wait_for_function(shown, arg=f"{entry['size']:,} samples")
        seconds.append(time.perf_counter() - started)
        if panel != "bare":  # a click while the cards are drawn anew would be lost
            content.get_by_text(f"{entry['label']} · {entry['size']:,} images", exact=True).first.wait_for()
    context.close()
    return {"opened": opened, "clicks": seconds[1:]}  # the first also loads code


if __name__ == "__main__":
    main()
