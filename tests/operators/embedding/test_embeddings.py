"""Filling and reading vector fields: by id, only what is missing, and unharmed by damaged files."""

import shutil

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.batches import embed_files, pace
from fiftyone.plugins.orgs.constellation.clusters.models.images.rendering import Rendering
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_fields import field_encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_paths import vector_fields
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import read_vectors
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding import filling as module
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding.embeddings import fill_vectors
from PIL import Image

# Small and exact, so that vectors of one image are the same in any batch
SMALL = {"image_size": 64, "precision": "float32", "device": "cpu"}


@pytest.fixture(scope="module")
def lite0():
    return get_encoder("efficientnet_lite0", SMALL).load()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve photographs as JPEG files."""
    from skimage import data

    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for i, image in enumerate([data.astronaut(), data.coffee(), data.chelsea(), data.rocket()] * 3):
        paths.append(str(folder / f"{i:02d}.jpg"))
        Image.fromarray(image[i * 10 :, i * 10 :]).save(paths[-1])
    return paths


@pytest.fixture
def unloadable(monkeypatch):
    """Makes any attempt to load an encoder a failure of the test."""

    def load(self):
        raise AssertionError("an encoder was loaded")

    monkeypatch.setattr(type(get_encoder("efficientnet_lite0")), "load", load)


def _fill(dataset, paths):
    dataset.add_samples([fo.Sample(filepath=path) for path in paths], progress=False)
    return dataset


def _damaged(folder):
    """Usable and unusable files of every kind, with the reason of failure or None."""
    noise = np.random.default_rng(51).integers(0, 255, (80, 90, 3), np.uint8)
    rgb = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(folder / "whole.jpg")
    rgb.save(folder / "rotated.jpg", exif=exif)
    rgb.convert("L").save(folder / "grey.png")
    rgb.convert("P").save(folder / "palette.png", transparency=3)
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("RGBA").save(folder / "alpha.png")
    Image.new("RGB", (1, 1), "red").save(folder / "pixel.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 256).save(folder / "deep.png")
    Image.fromarray(noise[..., 0] / np.float32(255)).save(folder / "float.tif")
    rgb.save(folder / "moving.gif", save_all=True, append_images=[Image.new("RGB", rgb.size)])
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:2000])
    (folder / "text.jpg").write_text("no image")
    (folder / "empty.png").write_bytes(b"")
    reasons = dict.fromkeys((p.name for p in folder.iterdir()), None)
    reasons.update({"cut.jpg": "truncated image", "text.jpg": "unreadable image", "empty.png": "unreadable image"})
    return {**reasons, "gone.jpg": "missing file"}


def test_damaged_files_cost_only_their_own_vector(dataset, lite0, tmp_path):
    reasons = _damaged(tmp_path)
    _fill(dataset, [str(tmp_path / name) for name in sorted(reasons)])
    summary = fill_vectors(dataset, lite0, "emb", batch_size=4)
    assert summary["n"] == len(reasons)
    assert summary["failed"] == {"truncated image": 1, "unreadable image": 2, "missing file": 1}
    assert summary["computed"] == len(reasons) - 4
    rendering = Rendering((), dataset.get_field("emb").info["constellation"]["rendering"])
    for sample in dataset:
        reason = reasons[sample.filename]
        assert (sample.emb is None) == (reason is not None), sample.filename
        assert ("embedding_failed" in sample.tags) == (reason is not None)
        if reason:
            assert sample.id in summary["failed_ids"][reason]
        else:
            alone = next(iter(embed_files(lite0, [(sample.filepath, None)], rendering=rendering)))[1][0]
            assert np.abs(sample.emb - alone).max() < 1e-5, sample.filename


def test_p3_missing_first_file_shifts_nothing(dataset, lite0, photos):
    _fill(dataset, ["/nowhere/first.jpg", *photos])
    fill_vectors(dataset, lite0, "emb", batch_size=5)
    expected = {path: lite0.embed(Image.open(path)) for path in photos}
    table = read_vectors(dataset, "emb")
    assert table.skipped == {"no vector": [dataset.first().id]}
    path_of = dict(zip(*dataset.values(["id", "filepath"]), strict=True))
    assert len(table.ids) == 12
    for sample_id, vector in zip(table.ids, table.X, strict=True):
        assert np.abs(vector - expected[path_of[sample_id]]).max() < 1e-5


def test_p2_missing_vectors_shift_nothing(dataset, tmp_path):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(60)])
    ids = dataset.values("id")
    vectors = np.arange(240, dtype=np.float32).reshape(60, 4) + 1
    dataset.add_sample_field("emb", fo.VectorField)
    dataset.set_values("emb", dict(zip(ids[5:], vectors[5:], strict=True)), key_field="id")
    table = read_vectors(dataset, "emb")
    assert table.ids == table.sample_ids == ids[5:]
    assert (vectors[5:] == table.X).all()
    assert table.X.dtype == np.float64  # up to 16 dimensions may be coordinates
    assert table.skipped == {"no vector": ids[:5]}


def test_p1_existing_vectors_never_load_a_model(dataset, unloadable):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(6)])
    dataset.set_values("emb", [np.full(3, i + 1.0) for i in range(6)])
    summary = fill_vectors(dataset, "efficientnet_lite0", "emb")
    assert (summary["existing"], summary["computed"], summary["encoder"]) == (6, 0, None)
    assert (read_vectors(dataset, "emb").X[:, 0] == np.arange(1, 7)).all()


def test_a_second_call_computes_nothing_and_loads_nothing(dataset, lite0, photos, monkeypatch):
    _fill(dataset, photos)
    fill_vectors(dataset, "efficientnet_lite0", "emb", encoder_params=SMALL)
    before = read_vectors(dataset, "emb").X

    def load(self):
        raise AssertionError("an encoder was loaded")

    monkeypatch.setattr(type(lite0), "load", load)
    again = fill_vectors(dataset, "efficientnet_lite0", "emb", encoder_params=SMALL)
    assert (again["existing"], again["computed"]) == (12, 0)
    assert again["encoder"]["name"] == "efficientnet_lite0"
    assert (before == read_vectors(dataset, "emb").X).all()


def test_only_missing_vectors_are_computed(dataset, lite0, photos, monkeypatch):
    _fill(dataset, photos)
    fill_vectors(dataset[:7], lite0, "emb")
    before = read_vectors(dataset, "emb")
    seen = []
    monkeypatch.setattr(lite0, "encode", lambda images, encode=lite0.encode: seen.append(len(images)) or encode(images))
    summary = fill_vectors(dataset, lite0, "emb")
    assert (summary["existing"], summary["computed"], sum(seen)) == (7, 5, 5)
    assert (read_vectors(dataset, "emb").X[:7] == before.X).all()


def test_p9_batch_size_and_num_workers_are_obeyed(dataset, lite0, photos, monkeypatch):
    import threading

    sizes, threads = [], set()
    encode, prepare = lite0.encode, lite0.prepare
    monkeypatch.setattr(lite0, "encode", lambda images: sizes.append(len(images)) or encode(images))
    monkeypatch.setattr(lite0, "prepare", lambda image: threads.add(threading.current_thread().name) or prepare(image))
    _fill(dataset, photos)
    fill_vectors(dataset, lite0, "a", batch_size=5, num_workers=0)
    assert sizes == [5, 5, 2]
    assert threads == {threading.current_thread().name}
    threads.clear()
    fill_vectors(dataset, lite0, "b", batch_size=5, num_workers=1)
    assert len(threads) == 1 and threads != {threading.current_thread().name}
    for words, wrong in (("batch_size=0", {"batch_size": 0}), ("num_workers=-1", {"num_workers": -1})):
        with pytest.raises(ValueError, match=words):
            fill_vectors(dataset, lite0, "c", **wrong)


def test_a_failed_sample_that_is_repaired_loses_its_tag(dataset, lite0, photos, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("x")
    _fill(dataset, [photos[0], str(broken)])
    assert fill_vectors(dataset, lite0, "emb")["failed"] == {"unreadable image": 1}
    assert dataset.match_tags("embedding_failed").values("filepath") == [str(broken)]
    shutil.copy(photos[1], broken)
    assert fill_vectors(dataset, lite0, "emb")["computed"] == 1
    assert dataset.match_tags("embedding_failed").count() == 0


class Stopped(Exception):
    pass


def test_a_stopped_call_keeps_its_work_and_the_next_continues(dataset, lite0, photos):
    _fill(dataset, photos)
    seen = []

    def progress(fraction, message):
        seen.append((fraction, message))
        if fraction >= 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        fill_vectors(dataset, lite0, "emb", batch_size=3, progress=progress)
    assert seen[0] == (0.0, "loading efficientnet_lite0")
    assert seen[-1][1].startswith("50 %, ") and "images/s" in seen[-1][1] and seen[-1][1].endswith(" left")
    assert len(read_vectors(dataset, "emb").ids) == 6
    assert field_encoder(dataset, "emb") == lite0.identity
    assert fill_vectors(dataset, lite0, "emb")["computed"] == 6
    assert len(read_vectors(dataset, "emb").ids) == 12


def test_work_is_written_in_slices(dataset, lite0, photos, monkeypatch):
    """The leftovers of a killed process: everything up to its last slice."""
    monkeypatch.setattr(module, "_SLICE", 4)
    written = []
    write = module.Filling.write
    monkeypatch.setattr(module.Filling, "write", lambda self: written.append(len(self._vectors)) or write(self))
    _fill(dataset, photos)
    fill_vectors(dataset, lite0, "emb", batch_size=2)
    assert written == [4, 4, 4, 0]


def test_an_encoder_that_cannot_load_changes_nothing(dataset, photos):
    _fill(dataset, photos)
    before = dataset.get_field_schema()
    with pytest.raises(ValueError, match="no architecture"):
        fill_vectors(dataset, "clip:nope/nope", "emb")
    assert dataset.get_field_schema() == before
    assert dataset.count_sample_tags() == {}


def test_identity_is_recorded_with_the_field(dataset, lite0, photos):
    _fill(dataset, photos[:2])
    summary = fill_vectors(dataset, lite0, "emb")
    dataset.reload()
    assert isinstance(dataset.get_field("emb"), fo.VectorField)
    assert field_encoder(dataset, "emb") == lite0.identity == summary["encoder"]
    assert field_encoder(dataset, "filepath") is None
    assert field_encoder(dataset, "nothing") is None


def test_vectors_of_two_encoders_never_share_a_field(dataset, lite0, photos):
    _fill(dataset, photos)
    fill_vectors(dataset[:6], lite0, "emb")
    other = get_encoder("efficientnet_lite0", {**SMALL, "image_size": 96})
    for view in (dataset, dataset[:6]):  # with and without vectors missing
        with pytest.raises(ValueError, match=r"emb holds vectors of efficientnet_lite0 .* with these settings"):
            fill_vectors(view, other, "emb")
    assert len(read_vectors(dataset, "emb").ids) == 6
    faster = get_encoder("efficientnet_lite0", {**SMALL, "precision": "bfloat16"})
    assert fill_vectors(dataset, faster, "emb")["computed"] == 6


def test_vectors_of_unrecorded_origin_are_not_added_to(dataset, lite0, photos):
    _fill(dataset, photos[:4])
    dataset.set_values("emb", [np.ones(1280, np.float32), None, None, None])
    with pytest.raises(ValueError, match="unrecorded origin"):
        fill_vectors(dataset, lite0, "emb")
    dataset.set_values("lists", [[1.0, 2.0], None, None, None])
    with pytest.raises(ValueError, match="list field"):
        fill_vectors(dataset, lite0, "lists")


def test_an_emptied_field_may_take_another_encoder(dataset, lite0, photos):
    _fill(dataset, photos[:2])
    fill_vectors(dataset, get_encoder("efficientnet_lite0", {**SMALL, "image_size": 96}), "emb")
    dataset.clear_sample_field("emb")
    fill_vectors(dataset, lite0, "emb")
    assert field_encoder(dataset, "emb") == lite0.identity


@pytest.mark.parametrize("name", ["filepath", "tags", "id", "label", "number", "gt"])
def test_fields_with_other_data_are_refused(dataset, unloadable, name):
    dataset.add_sample(fo.Sample(filepath="/a.jpg", label="x", number=3, gt=fo.Classification(label="x")))
    before = dataset.first().to_dict()
    with pytest.raises(ValueError, match=f"embeddings='{name}' is a field of type"):
        fill_vectors(dataset, "efficientnet_lite0", name)
    assert dataset.first().to_dict() == before


@pytest.mark.parametrize("name", ["", "a b", "a.b", "1a", "é-"])
def test_names_that_are_no_fields_are_refused(dataset, unloadable, name):
    dataset.add_sample(fo.Sample(filepath="/a.jpg"))
    with pytest.raises(ValueError, match="is not a field name"):
        fill_vectors(dataset, "efficientnet_lite0", name)


def test_a_view_that_hides_the_field_is_refused(dataset, lite0, photos):
    _fill(dataset, photos[:2])
    fill_vectors(dataset, lite0, "emb")
    with pytest.raises(ValueError, match="hides the field 'emb'"):
        fill_vectors(dataset.select_fields("filepath"), lite0, "emb")


def test_empty_view_and_videos_are_refused(dataset, unloadable):
    with pytest.raises(ValueError, match="nothing to embed"):
        fill_vectors(dataset)
    dataset.add_sample(fo.Sample(filepath="/a.mp4"))
    with pytest.raises(ValueError, match=r"to_frames\(\)"):
        fill_vectors(dataset)


def test_p15_of_groups_the_active_slice_is_filled(dataset, lite0, photos):
    dataset.add_group_field("group", default="left")
    for left, right in zip(photos[:4:2], photos[1:4:2], strict=True):
        group = fo.Group()
        dataset.add_sample(fo.Sample(filepath=left, group=group.element("left")))
        dataset.add_sample(fo.Sample(filepath=right, group=group.element("right")))
    assert fill_vectors(dataset, lite0, "emb")["computed"] == 2
    assert dataset.select_group_slices("left").count("emb") == 2 and not dataset.select_group_slices("right").count(
        "emb"
    )
    assert fill_vectors(dataset.select_group_slices("right"), lite0, "emb")["computed"] == 2
    assert fill_vectors(dataset.select_group_slices(), lite0, "emb")["existing"] == 4
    assert read_vectors(dataset.select_group_slices(), "emb").X.shape == (4, 1280)


def test_frames_views_are_filled_like_images(dataset, lite0, photos):
    sample = fo.Sample(filepath="/video.mp4")
    for number, path in enumerate(photos[:3], 1):
        sample.frames[number] = fo.Frame(filepath=path)
    dataset.add_sample(sample)
    frames = dataset.to_frames(sample_frames=False)
    assert fill_vectors(frames, lite0, "emb")["computed"] == 3
    assert read_vectors(frames, "emb").X.shape == (3, 1280)
    assert len(dataset.first().frames[2]["emb"]) == 1280
    again = dataset.to_frames(sample_frames=False)
    assert fill_vectors(again, lite0, "emb")["existing"] == 3


def test_large_progress_messages_are_readable():
    assert pace(37, 100, 0.9, "images") == "37 %, 41 images/s, 2 s left"
    assert pace(370, 10000, 9.0, "patches") == "3 %, 41 patches/s, 4 min left"
    assert pace(1, 100000, 1.0) == "0 %, 1.0 images/s, 27.8 h left"
    assert pace(100, 100, 10.0) == "100 %, 10 images/s"


def test_one_image_that_breaks_the_encoder_fails_alone(lite0, photos, monkeypatch):
    encode = lite0.encode

    def fragile(images):
        if any((image == 255).all() for image in images):
            raise RuntimeError("out of luck\nat length")
        return encode(images)

    monkeypatch.setattr(lite0, "encode", fragile)
    monkeypatch.setattr(lite0, "prepare", lambda image, prepare=lite0.prepare: prepare(image))
    white = photos[0].replace("00.jpg", "white.png")
    Image.new("RGB", (50, 50), "white").save(white)
    items = [(path, None) for path in [*photos[:3], white, *photos[3:6]]]
    positions, vectors, failures = next(iter(embed_files(lite0, items)))
    assert positions == [0, 1, 2, 4, 5, 6] and len(vectors) == 6
    assert failures == [(3, "the encoder failed: RuntimeError, out of luck")]
    with pytest.raises(ValueError, match="out of luck"):
        list(embed_files(lite0, [(white, None)]))


def test_vectors_that_are_not_finite_are_failures(lite0, photos, monkeypatch):
    encode = lite0.encode

    def overflowing(images):
        vectors = encode(images)
        vectors[1, 7] = np.inf
        return vectors

    monkeypatch.setattr(lite0, "encode", overflowing)
    positions, _, failures = next(iter(embed_files(lite0, [(path, None) for path in photos[:3]])))
    assert positions == [0, 2]
    assert failures == [(1, "vector not finite")]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_reads_arrays_of_any_precision(dataset, dtype):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(3)])
    dataset.set_values("emb", list(np.eye(3, 5).astype(dtype) * 0.1))
    X = read_vectors(dataset, "emb").X
    assert X.dtype == np.float64  # up to 16 dimensions may be coordinates
    assert np.allclose(X, np.eye(3, 5) * 0.1, atol=1e-4)


def test_reads_lists_and_array_fields(dataset):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(3)])
    dataset.set_values("lists", [[1.0, 2.0], None, [3.0, 4.0]])
    dataset.add_sample_field("arrays", fo.ArrayField)
    dataset.set_values("arrays", [np.array([1.0, 2]), None, np.array([3.0, 4])])
    for name in ("lists", "arrays"):
        assert read_vectors(dataset, name).X.tolist() == [[1, 2], [3, 4]]
    assert vector_fields(dataset) == ["lists", "arrays"]


def test_unusable_vectors_are_skipped_by_reason(dataset):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(5)])
    ids = dataset.values("id")
    dataset.set_values("emb", [None, np.array([1, np.nan]), np.zeros(2), np.array([np.inf, 0]), np.ones(2)])
    table = read_vectors(dataset, "emb")
    assert table.ids == [ids[4]]
    assert table.skipped == {"no vector": [ids[0]], "not finite": [ids[1], ids[3]], "zero vector": [ids[2]]}


def test_mixed_lengths_are_named_and_counted(dataset):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(20)])
    dataset.set_values("emb", [np.ones(8)] * 15 + [np.ones(12)] * 5)
    with pytest.raises(ValueError, match=r"emb holds vectors of 8 and 12 dimensions \(15 and 5 of them\)"):
        read_vectors(dataset, "emb")


def test_fields_without_vectors_are_refused(dataset):
    _fill(dataset, ["/a.jpg"])
    dataset.set_values("emb", [np.ones(2)])
    dataset.add_sample_field("matrix", fo.ArrayField)
    dataset.set_values("matrix", [np.ones((2, 2))])
    for name, words in (
        ("filepath", "'filepath' is a StringField and holds no vectors; the vector fields are emb, matrix"),
        (
            "none",
            "there is no field 'none'; the vector fields are emb, matrix; choose one, or compute one with an encoder",
        ),
        ("matrix", r"\(2, 2\)"),
    ):
        with pytest.raises(ValueError, match=words):
            read_vectors(dataset, name)


def test_views_are_read_in_their_order(dataset):
    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(50)])
    dataset.set_values("emb", [np.array([i, 1.0]) for i in range(50)])
    view = dataset.shuffle(seed=51).skip(7).limit(20)
    table = read_vectors(view, "emb")
    assert table.ids == view.values("id")
    assert table.X[:, 0].tolist() == [vector[0] for vector in view.values("emb")]
    assert read_vectors(dataset[:0], "emb").X.shape == (0, 0)


def test_reading_agrees_across_slices(dataset, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import selections

    _fill(dataset, [f"/nowhere/{i}.jpg" for i in range(23)])
    dataset.set_values("emb", [np.array([i, 1.0]) for i in range(23)])
    whole = read_vectors(dataset, "emb")
    monkeypatch.setattr(selections, "PER_QUERY", 5)
    assert (read_vectors(dataset, "emb").X == whole.X).all()
    assert read_vectors(dataset, "emb").ids == whole.ids
