"""Images per second of our ``compute_embeddings`` beside FiftyOne's own, same network, same files, one run.

    python tests/benchmarks/embedding.py [--images 256] [--repeats 5] [--threads 2] [--data folder]

The network is EfficientNet-Lite0. FiftyOne gets it as a user would wrap it: timm's model in float32 with torchvision's
transforms, ``dataset.compute_embeddings(model, batch_size=32)``. Ours is ``fill_vectors(dataset)`` as it comes,
and once more in float32, to part what the number format gives from what the rest gives. Repeats are interleaved; both
networks are loaded beforehand; each call writes into a new field. Images are random crops of scikit-learn's and
scikit-image's photographs, 500 x 375 JPEG, or the JPEG files in ``--data``.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from verdict import claim, finish

FASTER, LEAST_COSINE = 1.5, 0.999


def photographs(folder: Path, n: int, size: tuple[int, int] = (500, 375)) -> list[str]:
    """Writes ``n`` random crops of real photographs as JPEG files and returns their paths."""
    from PIL import Image
    from skimage import data
    from sklearn.datasets import load_sample_images

    sources = [*load_sample_images().images, data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    rng = np.random.default_rng(51)
    paths = []
    for i in range(n):
        image = Image.fromarray(sources[i % len(sources)])
        scale = rng.uniform(0.5, 1)
        width, height = int(image.width * scale), int(image.height * scale)
        left, top = rng.integers(0, image.width - width + 1), rng.integers(0, image.height - height + 1)
        paths.append(str(folder / f"{i:04d}.jpg"))
        image.crop((left, top, left + width, top + height)).resize(size).save(paths[-1], quality=90)
    return paths


def plain_model(encoder):
    """The same network as a user would hand it to FiftyOne."""
    import fiftyone.core.models as fom
    import torch
    import torchvision.transforms as T

    network, preprocessing = encoder.build()

    class Plain(fom.Model, fom.EmbeddingsMixin, fom.TorchModelMixin):
        media_type, has_embeddings, ragged_batches, preprocess = "image", True, False, True
        transforms = T.Compose(
            [
                T.Resize(224, T.InterpolationMode.BICUBIC),
                T.CenterCrop(224),
                T.ToTensor(),
                T.Normalize(preprocessing.mean, preprocessing.std),
            ]
        )

        def embed_all(self, batch):
            with torch.inference_mode():
                return torch.nn.functional.normalize(network.eval()(batch)).numpy()

    return Plain()


def measure(paths: list[str], repeats: int) -> tuple[dict, dict]:
    """Images per second and CPU seconds per image, by way and repeat; and the vectors of the last repeat by way."""
    import fiftyone as fo
    from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
    from fiftyone.plugins.orgs.constellation.clusters.operators.embedding.embeddings import fill_vectors

    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=path) for path in paths], progress=False)
    ours, exact = get_encoder("efficientnet_lite0").load(), get_encoder("efficientnet_lite0", {"precision": "float32"})
    plain = plain_model(exact.load())
    ways = {
        "FiftyOne, float32": lambda view, name: view.compute_embeddings(
            plain, embeddings_field=name, batch_size=32, progress=False
        ),
        "ours, float32": lambda view, name: fill_vectors(view, exact, name, batch_size=32),
        f"ours, auto ({ours.identity['precision']})": lambda view, name: fill_vectors(view, ours, name),
    }
    rates, vectors = {way: [] for way in ways}, {}
    for i, run in enumerate(ways.values()):
        run(dataset.limit(32), f"warm_up_{i}")
    for repeat in range(repeats):
        for i, (way, run) in enumerate(ways.items()):
            start, cpu = time.perf_counter(), sum(os.times()[:4])
            run(dataset.view(), f"v{repeat}_{i}")
            seconds, cpu = time.perf_counter() - start, sum(os.times()[:4]) - cpu
            rates[way].append((len(paths) / seconds, cpu / len(paths)))
            vectors[way] = np.stack(dataset.values(f"v{repeat}_{i}"))
    dataset.delete()
    return rates, vectors


def report(rates: dict, vectors: dict):
    """Prints the table; CPU time, of workers as well, is what other load on the machine disturbs least."""
    base = next(iter(rates))
    titles = ("images/s", "ratio to FiftyOne", "CPU ms/image", "CPU ratio", "cosine, mean (min)")
    print(f"{'':24}" + "".join(f"{title:>26}" for title in titles))
    for way, values in rates.items():
        speed, cpu = np.array(values).T
        base_speed, base_cpu = np.array(rates[base]).T
        cosine = (vectors[way] * vectors[base]).sum(1)
        cells = [_spread(speed, 1), _spread(speed / base_speed), _spread(1000 * cpu, 1), _spread(base_cpu / cpu)]
        print(f"{way:24}" + "".join(f"{cell:>26}" for cell in [*cells, f"{cosine.mean():.5f} ({cosine.min():.5f})"]))
    ways = list(rates)
    base_speed, speed = (np.array(rates[way]).T[0] for way in (base, ways[-1]))
    ratio, cosine = (speed / base_speed).mean(), (vectors[ways[-1]] * vectors[base]).sum(1).mean()
    claim(f"\n{ways[-1]}: {ratio:.2f} times FiftyOne's images/s, at least {FASTER}", ratio >= FASTER)
    claim(f"mean cosine to FiftyOne's vectors {cosine:.4f}, at least {LEAST_COSINE}", cosine >= LEAST_COSINE)


def _spread(values: np.ndarray, digits: int = 2) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f} (min {values.min():.{digits}f})"


def main():
    """Runs the benchmark in a database and folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="a folder of JPEG files to use instead of the sample photographs")
    args = parser.parse_args()
    from stack import Mongod, fiftyone_environment

    mongod, scratch = Mongod(), tempfile.TemporaryDirectory(prefix="constellation-bench-")
    try:
        os.environ.update(fiftyone_environment(mongod.uri, Path(scratch.name), ROOT))
        import torch
        from fiftyone.plugins.context import PluginContext
        from fiftyone.plugins.definitions import PluginDefinition

        torch.set_num_threads(args.threads)
        PluginContext(PluginDefinition.from_disk(str(ROOT / "fiftyone.yml"))).register_all()
        found = sorted(map(str, Path(args.data).rglob("*.jpg")))[: args.images] if args.data else None
        paths = found or photographs(Path(scratch.name), args.images)
        print(f"{len(paths)} images, {args.repeats} repeats, {args.threads} threads, torch {torch.__version__}")
        report(*measure(paths, args.repeats))
    finally:
        mongod.stop()
        scratch.cleanup()
    finish()


if __name__ == "__main__":
    main()
