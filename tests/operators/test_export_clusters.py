import base64
import csv
import json
import os
import re
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionError
from fiftyone.plugins.orgs.constellation.clusters.operators.export import files as export_files
from fiftyone.plugins.orgs.constellation.clusters.operators.export import images
from fiftyone.plugins.orgs.constellation.clusters.operators.export import report as export_report
from fiftyone.plugins.orgs.constellation.clusters.operators.export.tables import csv_cell
from PIL import Image

from .app_stream import app_messages
from .conftest import get, group_vectors
from .handles import read_members, rename_clusters
from .inputs.test_forms import draw, flat

HOSTILE = ["../../etc/passwd", '<script>alert(1)</script>"', '=HYPERLINK("x")']
COLORS = [(220, 40, 40), (40, 200, 60), (40, 60, 220)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """30 images, ten of each colour."""
    folder = tmp_path_factory.mktemp("images")
    for i in range(30):
        Image.new("RGB", (40, 30), COLORS[i % 3]).save(folder / f"{i:02d}.png")
    return sorted(folder.iterdir())


@pytest.fixture
def run(files, dataset, compute):
    """Run ``km`` of them: a cluster per colour."""
    X, _ = group_vectors(30)
    dataset.add_samples([fo.Sample(filepath=str(path), emb=x) for path, x in zip(files, X, strict=True)])
    compute(dataset, run_key="km", embeddings="emb")
    return dataset


@pytest.fixture
def patch_run(files, dataset, compute):
    """Run ``p`` of two boxes on each of 15 images."""
    X, _ = group_vectors(30)
    for i in range(15):
        boxes = [
            fo.Detection(label="x", bounding_box=[0.5 * j, 0.2, 0.5, 0.5], emb=X[2 * i + j].astype(float))
            for j in range(2)
        ]
        dataset.add_sample(fo.Sample(filepath=str(files[i]), things=fo.Detections(detections=boxes)))
    dataset.add_sample_field("things.detections.emb", fo.VectorField)
    compute(dataset, run_key="p", embeddings="emb", patches_field="things")
    return dataset


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_of_all_samples(run, tmp_path):
    done = get("export_clusters")(run, run_key="km", path=str(tmp_path / "deep" / "out.csv"))
    assert done["n"] == 30 and done["n_clusters"] == 3 and done["path"].endswith("/deep/out.csv")
    rows = {row["id"]: row for row in rows_of(done["path"])}
    for sample in run:
        row = rows[sample.id]
        assert (row["filepath"], row["label"]) == (sample.filepath, sample.km.label)
        assert int(row["cluster"]) == sample.km.cluster and float(row["confidence"]) == pytest.approx(
            sample.km.confidence, abs=1e-5
        )


def test_json_has_the_run_and_its_members(run, tmp_path):
    done = get("export_clusters")(run, run_key="km", path=str(tmp_path), format="json")
    assert done["path"] == str(tmp_path / "km.json")
    stored = json.loads((tmp_path / "km.json").read_text())
    assert stored["run"]["method"] == "kmeans" and len(stored["run"]["clusters"]) == 3
    assert [item["id"] for item in stored["items"]] == run.values("id")


def test_a_view_exports_its_own(run, tmp_path):
    done = get("export_clusters")(run.match(F("km.cluster") == 1), run_key="km", path=str(tmp_path / "a.csv"))
    assert done["n"] == 10 and done["n_clusters"] == 1 and {r["cluster"] for r in rows_of(done["path"])} == {"1"}


def test_a_folder_per_cluster(run, files, tmp_path):
    missing = run.first()
    missing["filepath"] = "/nowhere/gone.png"
    missing.save()
    done = get("export_clusters")(run, run_key="km", path=str(tmp_path / "out"), format="folders")
    assert done["skipped"] == {"missing file": 1}
    folders = sorted(path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == ["00", "01", "02"]
    for folder in folders:
        colours = {Image.open(path).getpixel((0, 0)) for path in folder.iterdir()}
        assert len(colours) == 1
    table = rows_of(tmp_path / "out" / "clusters.csv")
    assert len(table) == 29
    for row in table:
        assert (tmp_path / "out" / row["file"]).read_bytes() == Path(row["filepath"]).read_bytes()


def test_images_of_one_name_do_not_replace_each_other(dataset, compute, files, tmp_path):
    X, _ = group_vectors(30)
    for i, x in enumerate(X):
        folder = tmp_path / "in" / str(i)
        folder.mkdir(parents=True)
        (folder / "image.png").write_bytes(files[i].read_bytes())
        dataset.add_sample(fo.Sample(filepath=str(folder / "image.png"), emb=x))
    compute(dataset, run_key="km", embeddings="emb")
    get("export_clusters")(dataset, run_key="km", path=str(tmp_path / "out"), format="folders")
    assert len(list((tmp_path / "out").rglob("*.png"))) == 30


def test_patches_are_cropped(patch_run, tmp_path):
    for samples in (patch_run, patch_run.to_patches("things")):
        to = tmp_path / str(samples._is_patches)
        get("export_clusters")(samples, run_key="p", path=str(to), format="folders")
        images = list(to.rglob("*.png"))
        assert len(images) == 30 and {Image.open(path).size for path in images} == {(20, 15)}
    done = get("export_clusters")(patch_run, run_key="p", path=str(tmp_path / "p.csv"))
    row = rows_of(done["path"])[1]
    assert (row["x"], row["width"]) == ("0.5", "0.5") and row["sample_id"] == patch_run.first().id != row["id"]


def test_a_contact_sheet_per_cluster(run, tmp_path):
    missing = run.first()
    missing["filepath"] = "/nowhere/gone.png"
    missing.save()
    done = get("export_clusters")(run, run_key="km", path=str(tmp_path / "out"), format="contact_sheets")
    assert done["skipped"] == {"missing file": 1}
    sheets = sorted((tmp_path / "out").glob("*.png"))
    assert [sheet.name for sheet in sheets] == ["00.png", "01.png", "02.png"]
    found = []
    for sheet in sheets:
        colours = {colour for _, colour in Image.open(sheet).getcolors(100_000)} & set(COLORS)
        assert len(colours) == 1
        found += colours
    assert set(found) == set(COLORS)


def test_hostile_names_are_never_paths_formulas_or_markup(run, tmp_path):
    rename_clusters(run, "km", dict(enumerate(HOSTILE)))
    out = tmp_path / "inside" / "out"
    get("export_clusters")(run, run_key="km", path=str(out), format="folders")
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == [
        "00_etc_passwd", "01_script_alert_1_script", "02_HYPERLINK_x"
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inside"]
    done = get("export_clusters")(run, run_key="km", path=str(tmp_path / "a.csv"))
    assert {row["label"] for row in rows_of(done["path"])} == {HOSTILE[0], HOSTILE[1], "'" + HOSTILE[2]}
    get("export_clusters")(run, run_key="km", path=str(tmp_path / "a.json"), format="json")
    labels = {item["label"] for item in json.loads((tmp_path / "a.json").read_text())["items"]}
    assert labels == set(HOSTILE)
    get("export_clusters")(run, run_key="km", path=str(tmp_path / "sheets"), format="contact_sheets")
    get("export_clusters")(run, run_key="km", path=str(tmp_path / "a.html"), format="html")
    page = (tmp_path / "a.html").read_text()
    assert "<script>alert" not in page and page.count("</script>") == 2


@pytest.mark.parametrize("name", ["", "x" * 10_000, "a\nb\0c", "😀🙈", "שלום עולם", "CON", "...", "noise"])
def test_any_name_makes_a_short_file_name(name):
    found = export_files.slug(7, name)
    assert found.startswith("07") and len(found.encode()) < 200 and found == os.path.basename(found)
    assert not set(found) & set('/\\\0\n<>:"|?*. ')


def test_nothing_is_overwritten_unasked(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "a.csv").write_text("mine")
    call = get("export_clusters")
    for kwargs in ({"path": "out", "format": "folders"}, {"path": "out", "format": "contact_sheets"}):
        with pytest.raises(ValueError, match=r"out' is not empty; choose another or set overwrite=True"):
            call(run, run_key="km", **{**kwargs, "path": str(tmp_path / "out")})
    with pytest.raises(ValueError, match=r"a.csv' exists; choose another path or set overwrite=True"):
        call(run, run_key="km", path=str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == "mine" and len(list((tmp_path / "out").iterdir())) == 1
    call(run, run_key="km", path=str(tmp_path / "a.csv"), overwrite=True)
    assert len(rows_of(tmp_path / "a.csv")) == 30


def test_a_repeated_export_leaves_no_old_images(run, tmp_path):
    call, out = get("export_clusters"), tmp_path / "out"
    call(run, run_key="km", path=str(out), format="folders")
    (out / "mine.txt").write_text("mine")
    run.delete_samples(run.match(F("km.cluster") == 2).values("id"))
    call(run, run_key="km", path=str(out), format="folders", overwrite=True)
    assert len(list(out.rglob("*.png"))) == 20 and not (out / "02").exists()
    assert (out / "mine.txt").read_text() == "mine"


def test_a_listing_that_was_tampered_with_deletes_nothing_outside(run, tmp_path):
    call, out = get("export_clusters"), tmp_path / "out"
    (tmp_path / "precious").write_text("mine")
    call(run, run_key="km", path=str(out), format="folders")
    listed = json.loads((out / export_files.LISTING).read_text())
    (out / export_files.LISTING).write_text(json.dumps([*listed, "../precious", str(tmp_path / "precious")]))
    call(run, run_key="km", path=str(out), format="folders", overwrite=True)
    assert (tmp_path / "precious").read_text() == "mine"


def test_places_that_cannot_be_written(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    call = get("export_clusters")
    with pytest.raises(ValueError, match=r"cannot be written, '.*/file' is a file; choose another path"):
        call(run, run_key="km", path=str(tmp_path / "file" / "out"), format="folders")
    with pytest.raises(ValueError, match="is a file, not a folder"):
        call(run, run_key="km", path=str(tmp_path / "file"), format="folders")
    for to in ("", "a\0b", None, 7):
        with pytest.raises(ValueError, match="is not a path; give a file or folder"):
            call(run, run_key="km", path=to)
    with monkeypatch.context() as patch:
        patch.setattr(export_files.os, "access", lambda path, mode: False)
        with pytest.raises(ValueError, match=r"cannot be written, no permission in '.*'; choose another path"):
            call(run, run_key="km", path=str(tmp_path / "out"), format="folders")


@pytest.mark.parametrize("format", ["csv", "folders"])
@pytest.mark.parametrize("name", ["x" * 300, "/".join(["y" * 100] * 60)])
def test_a_path_that_is_too_long(run, tmp_path, name, format):
    with pytest.raises(ValueError, match="cannot be written, File name too long; choose another path") as refused:
        get("export_clusters")(run, run_key="km", path=str(tmp_path / name), format=format)
    assert len(str(refused.value)) < 300 and list(tmp_path.iterdir()) == []
    assert flat(draw(run, "export_clusters", format=format, path=str(tmp_path / name)))["path"]["invalid"]


def test_folders_made_for_a_failed_export_go_again(run, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device", str(tmp_path / "x.png"))

    (tmp_path / "mine").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(images.shutil, "copyfile", full)
        with pytest.raises(ValueError, match="No space left on device"):
            get("export_clusters")(run, run_key="km", path=str(tmp_path / "mine" / "a" / "b" / "out"), format="folders")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_overwrite_means_earlier_exports_and_nothing_else(run, tmp_path):
    call, out = get("export_clusters"), tmp_path / "out"
    (out / "00").mkdir(parents=True)
    (out / "clusters.csv").write_text("mine")
    with pytest.raises(ValueError, match=r"'clusters.csv' in '.*/out' is not from an earlier export; choose another"):
        call(run, run_key="km", path=str(out), format="folders", overwrite=True)
    assert (out / "clusters.csv").read_text() == "mine" and len(list(out.rglob("*"))) == 2
    (out / "clusters.csv").unlink()
    for _ in range(2):
        call(run, run_key="km", path=str(out), format="folders", overwrite=True)
    picture = next((out / "00").iterdir())
    (out / export_files.LISTING).unlink()
    with pytest.raises(ValueError, match="is not from an earlier export"):
        call(run, run_key="km", path=str(out), format="folders", overwrite=True)
    assert picture.exists()


@pytest.mark.parametrize("label", ["=1", " =1", "\t@x", "\uff1dcmd", "+1", "-1"])
def test_what_a_spreadsheet_would_run_is_text(label):
    assert csv_cell(label) == f"'{label}"
    assert csv_cell("a=1") == "a=1" and csv_cell(-1) == -1


def test_a_report_of_very_many_clusters_stays_small(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export_report, "REPORT_CARDS", 1)
    get("edit_clusters")(run, run_key="km", action="dissolve", clusters=[2])
    get("export_clusters")(run, run_key="km", path=str(tmp_path / "a.html"), format="html")
    page, data = (tmp_path / "a.html").read_text(), data_of(tmp_path / "a.html")
    assert "2 clusters of 30 images" in page and page.count("<article") == 3
    assert [cluster["id"] for cluster in data["clusters"]] == [0, -1, export_report.REST]
    assert data["clusters"][2]["label"] == "1 smaller cluster" and data["clusters"][2]["size"] == 10


def test_a_full_disk_leaves_nothing(run, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device", str(tmp_path / "x.png"))

    monkeypatch.setattr(images.shutil, "copyfile", full)
    with pytest.raises(ValueError, match="cannot be written, No space left on device at 'x.png'"):
        get("export_clusters")(run, run_key="km", path=str(tmp_path / "out"), format="folders")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["csv", "folders", "html"])
def test_a_stopped_export_leaves_nothing(run, tmp_path, format):
    def stop(fraction, message):
        if "writing" in message:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        get("export_clusters")(run, run_key="km", path=str(tmp_path / "out"), format=format, progress=stop)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"format": "pdf"}, "format='pdf' is not known; choose one of csv, json, folders, contact_sheets, html"),
        ({"run_key": "nope"}, "no clustering run 'nope'"),
    ],
)
def test_what_is_refused(run, tmp_path, kwargs, words):
    for delegate in (False, True):
        with pytest.raises(ValueError, match=words):
            get("export_clusters")(
                run, **{"run_key": "km", "path": str(tmp_path / "a"), "delegate": delegate, **kwargs}
            )


def test_a_field_that_is_gone(run, tmp_path):
    run.delete_sample_field("km")
    with pytest.raises(ValueError, match="label field 'km' of run 'km' was deleted or renamed"):
        get("export_clusters")(run, run_key="km", path=str(tmp_path / "a.csv"))


def test_what_stands_for_a_cluster(run):
    members = read_members(run, "km")
    for cluster, rows in members.by_cluster().items():
        chosen = images.shown_members(members, cluster, rows, 9)
        prototypes = next(c["prototypes"] for c in members.clusters if c["id"] == cluster)
        assert chosen == prototypes and len(set(images.shown_members(members, cluster, rows, 99))) == 10
    assert list(np.diff(members.confidence[members.rows_of(0)]) <= 0) == [True] * 9


def test_the_form_checks_the_path_while_typing(run, tmp_path):
    form = flat(draw(run, "export_clusters"))
    assert form["format"]["default"] == "html" and form["path"]["default"].endswith("km.html")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    prop = flat(draw(run, "export_clusters", run_key="km", format="folders", path=str(tmp_path / "full")))["path"]
    assert prop["invalid"] and "not empty" in prop["error_message"]


def test_from_the_app(run, tmp_path):
    messages = app_messages(run, "export_clusters", {"run_key": "km", "path": str(tmp_path / "o"), "format": "folders"})
    assert messages[-1][0] == "notify" and "3 clusters of run km are in" in messages[-1][1]["message"]
    with pytest.raises(ExecutionError, match="is not empty; choose another"):
        app_messages(run, "export_clusters", {"run_key": "km", "path": str(tmp_path / "o"), "format": "folders"})


def data_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])


def test_the_report_has_map_names_thumbnails_and_scores(run, tmp_path):
    view = run.limit(15)  # so few that their map needs no UMAP
    get("compute_clusters")(view, run_key="drawn", embeddings="emb", params={"n_clusters": 3})
    rename_clusters(run, "drawn", {1: "the <b>green</b> ones"}, about={1: {"description": "All of one colour."}})
    done = get("export_clusters")(run, run_key="drawn", path=str(tmp_path / "deep"), format="html")
    assert done["path"] == str(tmp_path / "deep" / "drawn.html")
    page, data = (tmp_path / "deep" / "drawn.html").read_text(), data_of(tmp_path / "deep" / "drawn.html")
    assert data["map"]["n"] == 15 and page.count("data:image/png;base64,") == 15
    assert "the &lt;b&gt;green&lt;/b&gt; ones" in page and "All of one colour." in page and "silhouette" in page
    places = np.frombuffer(base64.b64decode(data["map"]["cluster"]), "<u2")
    shown = [data["clusters"][place]["id"] for place in places]
    results = run.load_brain_results(run.get_run_info("drawn").config.visualization)
    of_sample = dict(zip(run.values("id"), run.values("drawn.cluster"), strict=True))
    assert sorted(shown) == sorted(of_sample[str(i)] for i in results.sample_ids)
    run.delete_brain_run(run.get_run_info("drawn").config.visualization)
    get("export_clusters")(run, run_key="drawn", path=str(tmp_path / "b.html"), format="html")
    assert data_of(tmp_path / "b.html")["map"] is None and "map was deleted" in (tmp_path / "b.html").read_text()


def test_the_report_of_patches_shows_crops(patch_run, tmp_path):
    get("export_clusters")(patch_run, run_key="p", path=str(tmp_path / "p.html"), format="html")
    page = (tmp_path / "p.html").read_text()
    assert "3 clusters of 30 patches" in page and page.count("<img") == 27 and "was not made" in page


@pytest.mark.parametrize("path", ["s3://b/x.csv", "gs://bucket/folder", "https://host/x.csv"])
def test_an_address_is_no_folder_here(path, blobs, compute, tmp_path, monkeypatch):
    compute(blobs, run_key="km", embeddings="emb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is an address; give a path on this machine"):
        get("export_clusters")(blobs, run_key="km", path=path)
    assert not list(tmp_path.iterdir())
