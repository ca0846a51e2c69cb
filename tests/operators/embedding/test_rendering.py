"""How images become RGB is decided for a set: values of more than 8 bits, and what lies behind transparency."""

import base64
import contextlib
import functools
import io
import re
import urllib.parse

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import NO_VALUES, read_image
from fiftyone.plugins.orgs.constellation.clusters.models.images.rendering import Rendering
from fiftyone.plugins.orgs.constellation.clusters.models.training import store
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding.embeddings import fill_vectors
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.contact_sheets import draw_sheets
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from naming_server import NamingServer, say
from PIL import Image, ImageDraw

from ..conftest import get
from ..videos import SMALL

N, SIDE = 32, 64
TEXTURES = ("rows", "columns", "checks", "noise")


def texture(i):
    """A texture of four kinds, uint8, in its own light."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[:SIDE, :SIDE] + rng.integers(0, 8, 2)[:, None, None]
    rows, columns = y // 4 % 2, x // 4 % 2
    pattern = (rows, columns, rows ^ columns, rng.integers(0, 2, (SIDE, SIDE)))[i % 4]
    low = rng.integers(0, 190) if i % 3 else 0
    high = rng.integers(low + 60, 256) if i % 3 else 255
    return (low + pattern * (high - low)).astype(np.uint8)


def hot(values, i):
    """Floats with one pixel a little above 1 in every other file."""
    found = values / np.float32(255)
    found[5, 5] = 1.02 if i % 2 else found[5, 5]
    return found


CASES = {
    "8 bits": lambda values, i: values,
    "16 bits, 0 to 255": lambda values, i: values.astype(np.uint16),
    "16 bits, 100 to 700": lambda values, i: (100 + values * (600 / 255)).astype(np.uint16),
    "thermal": lambda values, i: values.astype(np.uint16) + 29000,
    "hot pixel": lambda values, i: hot(values, 1),
    "hot pixel in every other file": hot,
}


@pytest.fixture
def textures(dataset, tmp_path):
    """A function that adds 32 textures in four classes to the dataset, their values as a case has them."""

    def make(values_of, n=N, first=0):
        paths = [str(tmp_path / f"{i:02d}.tif") for i in range(first, first + n)]
        for i, path in enumerate(paths, first):
            Image.fromarray(values_of(texture(i), i)).save(path)
        dataset.add_samples(
            [
                fo.Sample(filepath=path, gt=fo.Classification(label=TEXTURES[i % 4]))
                for i, path in enumerate(paths, first)
            ],
            progress=False,
        )
        return dataset

    return make


@pytest.mark.parametrize("case", CASES)
def test_textures_are_found_whatever_their_values(textures, compute, case):
    done = compute(textures(CASES[case]), run_key="km", ground_truth="gt", params={"n_clusters": 4}, **SMALL)
    print(case, done["scores"]["acc"])
    assert done["scores"]["acc"] >= 0.95


def kept(dataset, field="emb"):
    """What is on record of how the images of a field became RGB."""
    return dataset.get_field(field).info["constellation"].get("rendering")


def test_the_range_is_kept_with_the_vectors_and_used_for_later_images(textures, compute):
    dataset, op = textures(CASES["thermal"]), get("compute_embeddings")
    done = op(dataset, embeddings="emb", **SMALL)
    first = kept(dataset)
    assert first["integers"] == pytest.approx([29000, 29255], abs=3) and "integers from 29000" in done["notes"][0]
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 4})
    textures(lambda values, i: 29000 + values.astype(np.uint16) // 8, n=4, first=40)  # dim, in the range of the others
    assert get("assign_clusters")(dataset.skip(N), run_key="km")["n_assigned"] == 4
    encoder = get_encoder(SMALL["encoder"], SMALL["encoder_params"])
    for sample in dataset.skip(N):
        seen = encoder.embed(read_image(sample.filepath, None, Rendering((), first)))
        assert np.abs(seen - sample.emb).max() < 1e-5
    dataset.skip(N).set_field("emb", None).save()
    assert op(dataset, embeddings="emb", **SMALL)["computed"] == 4 and kept(dataset) == first
    again = np.stack(dataset.skip(N).values("emb"))
    assert (
        np.abs(
            again
            - np.stack(
                [encoder.embed(read_image(p, None, Rendering((), first))) for p in dataset.skip(N).values("filepath")]
            )
        ).max()
        < 1e-5
    )


def test_the_range_of_a_run_goes_with_it_to_another_dataset(textures, compute, tmp_path):
    dataset, path = textures(CASES["thermal"]), str(tmp_path / "dim.tif")
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 4}, **SMALL)
    Image.fromarray(29000 + texture(0).astype(np.uint16) // 8).save(path)
    other = fo.Dataset()
    try:
        other.add_sample(fo.Sample(filepath=path))
        fill_vectors(other, embeddings="emb", **SMALL)  # in a range of its own, so that they do not compare
        assign = functools.partial(get("assign_clusters"), other, run_key="km", run_dataset=dataset.name)
        with pytest.raises(
            ValueError, match=r"'emb' holds vectors of images with integers \[29000.* rename that field"
        ):
            assign()
        other.rename_sample_field("emb", "own")
        assert assign()["n_assigned"] == 1 and kept(other) == kept(dataset)
    finally:
        other.delete()


def test_fields_of_older_versions_go_on_image_by_image(textures):
    dataset = textures(CASES["hot pixel in every other file"], n=4)
    fill_vectors(dataset.limit(2), embeddings="emb", **SMALL)
    field = dataset.get_field("emb")
    field.info["constellation"].pop("rendering")
    field.save()
    dataset.reload()
    assert fill_vectors(dataset, embeddings="emb", **SMALL)["computed"] == 2 and kept(dataset) is None
    encoder = get_encoder(SMALL["encoder"], SMALL["encoder_params"])
    sample = dataset.skip(2).first()
    assert np.abs(encoder.embed(read_image(sample.filepath)) - sample.emb).max() < 1e-5


def test_nothing_but_nan_is_a_failure_with_its_reason(textures, compute):
    dataset = textures(lambda values, i: values / np.float32(255) * (np.nan if i == 5 else 1))
    done = compute(dataset, run_key="km", params={"n_clusters": 4}, **SMALL)
    assert done["skipped"] == {NO_VALUES: 1} and done["n_used"] == N - 1


def white_icon(i):
    """A white icon of four kinds on transparency."""
    image = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 0))
    draw, (x, y) = ImageDraw.Draw(image), np.random.default_rng(i).integers(6, 14, 2).tolist()
    box = (x, y, x + 40, y + 40)
    if i % 4 == 0:
        draw.ellipse(box, fill="white")
    elif i % 4 == 1:
        draw.rectangle(box, outline="white", width=4)
    elif i % 4 == 2:
        draw.line(box, fill="white", width=6)
    else:
        for step in range(0, 40, 10):
            draw.rectangle((x, y + step, x + 40, y + step + 4), fill="white")
    return image


@pytest.fixture
def icons(dataset, tmp_path):
    """24 white icons on transparency, of four kinds."""
    for i in range(24):
        path = str(tmp_path / f"{i:02d}.png")
        white_icon(i).save(path)
        dataset.add_sample(fo.Sample(filepath=path, gt=fo.Classification(label=str(i % 4))))
    return dataset


def test_white_icons_on_transparency_are_seen_everywhere(icons, compute, tmp_path):
    done = compute(icons, run_key="km", ground_truth="gt", params={"n_clusters": 4}, **SMALL)
    assert done["scores"]["acc"] == 1 and any("shown on black" in note for note in done["notes"])
    assert kept(icons, SMALL["encoder"]) == {"background": 0}
    get("export_clusters")(icons, run_key="km", format="contact_sheets", path=str(tmp_path / "sheets"))
    sheets = [np.asarray(Image.open(path)) for path in (tmp_path / "sheets").glob("*.png")]
    get("export_clusters")(icons, run_key="km", format="html", path=str(tmp_path / "run.html"))
    shown = re.findall(r"data:image/\w+;base64,([\w+/=]+)", (tmp_path / "run.html").read_text())
    sheets += [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data in shown]
    run = Run.open(icons, "km")
    (address,) = draw_sheets(run.target, [icons.values("id")[:1]], 1, run.config.vector_fields)
    sheets.append(np.asarray(Image.open(urllib.parse.unquote(address.partition("filepath=")[2]))))
    with NamingServer(lambda asked: say("no")) as server:
        for name in ("label_clusters", "group_by_criterion"):
            more = {"criterion": "shape"} if name == "group_by_criterion" else {}
            with contextlib.suppress(ValueError):
                get(name)(icons, run_key="km", model="m", base_url=server.url, image_size=64, **more)
        sheets += [np.asarray(Image.open(io.BytesIO(data))) for asked in server.questions for data in asked.images]
    assert len(sheets) > 30 and all(
        (sheet.max(axis=2) < 40).mean() > 0.2 for sheet in sheets
    )  # black, where it was white


def test_an_encoder_trained_on_a_set_keeps_its_range(textures, monkeypatch, tmp_path):
    monkeypatch.setenv(store.ENVIRONMENT, str(tmp_path / "models"))
    dataset = textures(CASES["thermal"])
    tiny = {"image_size": 16, "batch_size": 16, "layers": "32", "code": 8, "layerwise_epochs": 0, "device": "cpu"}
    get("train_encoder")(dataset, name="mine", kind="autoencoder", epochs=1, params=tiny)
    dim = dataset.skip(1).limit(1)  # alone it would have another range
    fill_vectors(dim, "trained:mine", "emb")
    assert kept(dataset)["integers"] == pytest.approx([29000, 29255], abs=3)
    assert kept(dataset) == store.record_of("mine")["rendering"]
