"""Folders of vectors that an encoder fills: whole files or none, gone on with after a kill, used as fields are."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import get_encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.rows import Rows
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_fields import field_encoder
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import read_vectors
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding import filling, shards
from fiftyone.plugins.orgs.constellation.clusters.operators.embedding.share import Share
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.locks import write_lock
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from PIL import Image

from ..conftest import get

SMALL = {"image_size": 32, "precision": "float32", "device": "cpu"}
N = 24


@pytest.fixture
def pictures(dataset, tmp_path):
    """24 samples with pictures of noise of three colors."""
    rng = np.random.default_rng(51)
    (tmp_path / "pictures").mkdir()
    paths = []
    for i in range(N):
        picture = rng.integers(0, 80, (32, 32, 3)) + 170 * (np.arange(3) == i % 3)
        paths.append(str(tmp_path / "pictures" / f"{i:02d}.png"))
        Image.fromarray(picture.astype(np.uint8)).save(paths[-1])
    dataset.add_samples([fo.Sample(filepath=path) for path in paths], progress=False)
    return dataset


@pytest.fixture
def embed():
    def call(samples, **given):
        operator = get("compute_embeddings")
        return operator(samples, encoder="efficientnet_lite0", encoder_params=SMALL, batch_size=4, **given)

    return call


@pytest.fixture
def slices(monkeypatch):
    monkeypatch.setattr(filling, "_SLICE", 8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_has_the_vectors_of_a_field(pictures, embed, tmp_path, slices):
    embed(pictures, embeddings="emb")
    done = embed(pictures, path=str(tmp_path / "of/all"))
    assert done["embeddings"] == str(tmp_path / "of/all") and done["computed"] == N and done["failed"] == {}
    assert len(list((tmp_path / "of/all").glob("*.npy"))) == 3
    field = read_vectors(pictures, "emb")
    table = read_vectors(pictures, done["embeddings"])
    assert table.ids == field.ids and (table.X == field.X).all()
    assert field_encoder(pictures, done["embeddings"]) == field_encoder(pictures, "emb") == done["encoder"]
    embed(pictures, path=str(tmp_path / "half"), dtype="float16")
    half = read_vectors(pictures, str(tmp_path / "half"))
    assert np.abs(half.X - field.X).max() < 1e-3 and half.X.dtype == np.float32
    size = {name: sum(path.stat().st_size for path in (tmp_path / name).glob("*.npy")) for name in ("of/all", "half")}
    assert size["half"] < 0.55 * size["of/all"]
    again = embed(pictures, path=str(tmp_path / "half"))
    assert (again["computed"], again["existing"]) == (0, N)


def test_a_run_on_a_folder_knows_the_encoder_and_assigns_new_samples_by_it(pictures, embed, compute, tmp_path):
    folder = str(tmp_path / "vectors")
    embed(pictures.limit(18), path=folder)
    compute(pictures.limit(18), run_key="km", embeddings=folder)
    assert Run.open(pictures, "km").config.encoder["name"] == "efficientnet_lite0"
    assert get("assign_clusters")(pictures, run_key="km")["n_assigned"] == 6
    assert len(read_vectors(pictures, folder).ids) == N
    embed(pictures.limit(18), embeddings="emb")
    compute(pictures.limit(18), run_key="of_field", embeddings="emb")
    get("assign_clusters")(pictures, run_key="of_field")
    assert pictures.values("km.cluster") == pictures.values("of_field.cluster")
    assert np.array_equal(read_vectors(pictures, folder).X, read_vectors(pictures, "emb").X)


def test_a_clustering_fills_a_folder_as_it_fills_a_field(pictures, embed, compute, tmp_path):
    folder = str(tmp_path / "vectors")
    embed(pictures.limit(5), path=folder)
    compute(pictures, run_key="km", embeddings=folder, encoder="efficientnet_lite0", encoder_params=SMALL)
    assert len(read_vectors(pictures, folder).ids) == N and None not in pictures.values("km.cluster")


def test_a_full_disk_keeps_finished_files_and_the_next_call_goes_on(pictures, embed, tmp_path, slices, monkeypatch):
    folder, save, written = tmp_path / "vectors", np.save, []

    def full(file, X):
        if len(written) == 2:
            file.write(b"the first bytes")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(len(X))
        save(file, X)

    monkeypatch.setattr(shards.np, "save", full)
    with pytest.raises(ValueError, match="the disk with .*vectors is full; its finished files stay") as no:
        embed(pictures, path=str(folder))
    assert "\n" not in str(no.value)
    assert sorted(name.partition(".")[2] for name in names(folder)) == ["ids.txt", "ids.txt", "json", "npy", "npy"]
    assert len(read_vectors(pictures, str(folder)).ids) == 16
    monkeypatch.setattr(shards.np, "save", save)
    done = embed(pictures, path=str(folder))
    assert (done["computed"], done["existing"]) == (8, 16)
    assert len(read_vectors(pictures, str(folder)).ids) == N


def test_a_disk_that_is_full_at_once_leaves_no_folder(pictures, embed, tmp_path, monkeypatch):
    def full(file, X):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shards.np, "save", full)
    with pytest.raises(ValueError, match="is full"):
        embed(pictures, path=str(tmp_path / "vectors"))
    assert not (tmp_path / "vectors").exists()


KILLED = """
import os, signal, sys
import fiftyone as fo
import fiftyone.operators as foo
dataset = fo.load_dataset({name!r})
operator = foo.get_operator("@constellation/clusters/compute_embeddings")
module = sys.modules[type(operator).__module__.rsplit(".", 1)[0] + ".embedding.filling"]
module._SLICE = {slice}
embedded = []
embed_files = module.embed_files
def counted(encoder, items, *more):
    for positions, vectors, failures in embed_files(encoder, items, *more):
        with open({log!r}, "a") as log:
            log.writelines(items[i][0] + "\\n" for i in positions)
        embedded.extend(positions)
        yield positions, vectors, failures
        if {kill} and len(embedded) >= {kill}:
            os.kill(os.getpid(), signal.SIGKILL)
module.embed_files = counted
operator(dataset, encoder="efficientnet_lite0", encoder_params={params!r}, batch_size=4, num_workers=0, **{given!r})
"""


def start(dataset, log: Path, kill: int = 0, **given):
    """Starts a process that embeds, which notes the files that it has embedded and kills itself after ``kill``."""
    values = {"name": dataset.name, "slice": 8, "log": str(log), "kill": kill, "params": SMALL}
    code = KILLED.format(**values, given=given)
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])


def kept(dataset):
    dataset.persistent = True  # or the process that ends first takes it along
    return dataset


def test_a_killed_process_is_gone_on_with_after_its_finished_files(pictures, embed, tmp_path):
    folder, log = tmp_path / "vectors", tmp_path / "log"
    process = start(kept(pictures), log, kill=20, path=str(folder))
    assert process.wait() == -signal.SIGKILL
    assert len(read_vectors(pictures, str(folder)).ids) == 16
    (folder / "left.npy.part").write_bytes(b"cut off")
    assert start(pictures, log, path=str(folder)).wait() == 0
    assert len(read_vectors(pictures, str(folder)).ids) == N
    embedded = log.read_text().split()
    assert len(set(embedded)) == N and len(embedded) == N + 4  # the batch that was under way


def test_two_processes_fill_one_field_killed_and_gone_on_with(pictures, tmp_path):
    log, rows = {share: tmp_path / f"log{share}" for share in (1, 2)}, Rows.of(kept(pictures))
    killed = max(log, key=lambda share: len(Share(share, 2).rows(rows).ids))  # at least half, so 12

    def fill(kill):
        both = {
            share: start(
                pictures, log[share], embeddings="emb", shard=f"{share}/2", kill=kill if share == killed else 0
            )
            for share in log
        }
        ended = {share: process.wait() for share, process in both.items()}
        pictures.reload()
        stored = {key: x for key, x in zip(*pictures.values(["id", "emb"]), strict=True) if x is not None}
        return ended, stored

    ended, before = fill(kill=9)
    assert ended == {killed: -signal.SIGKILL, 3 - killed: 0} and 8 <= len(before) < N
    ended, after = fill(kill=0)
    assert ended == {1: 0, 2: 0} and len(after) == N
    assert all((after[key] == x).all() for key, x in before.items())
    files = {share: path.read_text().split() for share, path in log.items()}
    assert sorted(set(files[1]) | set(files[2])) == pictures.values("filepath") and not set(files[1]) & set(files[2])
    assert len(files[3 - killed]) == len(set(files[3 - killed]))
    assert len(files[killed]) == len(set(files[killed])) + 4  # the batch that was under way
    assert pictures.get_field("emb").info["constellation"]["encoder"]["name"] == "efficientnet_lite0"


def test_shares_are_written_by_one_each_and_not_beside_the_whole(pictures, embed):
    with write_lock(pictures, "field 'emb' shard 1/2"):
        with pytest.raises(ValueError, match="field 'emb' shard 1/2 is being written by process"):
            embed(pictures, embeddings="emb", shard="1/2")
        for shard in (None, "1/3"):
            with pytest.raises(ValueError, match="overlaps it; wait until it ends"):
                embed(pictures, embeddings="emb", **({"shard": shard} if shard else {}))
        part = embed(pictures, embeddings="emb", shard="2/2")
    with write_lock(pictures, "field 'emb'"), pytest.raises(ValueError, match="overlaps it"):
        embed(pictures, embeddings="emb", shard="1/2")
    assert 0 < part["computed"] == part["n"] < N
    assert embed(pictures, embeddings="emb", shard="1/2")["computed"] == N - part["n"]


@pytest.mark.parametrize("shard", ["0/8", "9/8", "2", "a/b", "-1/2", "1/0", "1/100000"])
def test_shares_that_are_none_are_refused(pictures, embed, shard):
    with pytest.raises(ValueError, match="is not valid; use '1/8' to '8/8' for eight processes"):
        embed(pictures, embeddings="emb", shard=shard)
    assert not pictures.has_field("emb")


def test_folders_that_are_not_ours_to_fill_are_refused(pictures, embed, compute, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    np.save(folder / "a.npy", np.ones((2, 3)))
    (folder / "a.ids.txt").write_text("a\nb\n")
    (tmp_path / "file").write_text("")
    embed(pictures.limit(4), path=str(tmp_path / "ours"), dtype="float16")
    for given, message in (
        ({"path": str(folder)}, "holds vectors that are not of this plugin, and is not filled"),
        ({"path": str(tmp_path / "file")}, "is a file, and vectors go to a folder"),
        ({"path": "s3://bucket/vectors"}, "is an address"),
        ({"path": str(tmp_path / "ours"), "dtype": "float32"}, "holds vectors of float16, not of float32"),
        ({"path": str(tmp_path / "ours"), "embeddings": "emb"}, "leave one of them out"),
        ({"dtype": "float16"}, "fields are float32; set path"),
        ({"embeddings": str(folder)}, "holds vectors that are not of this plugin"),
    ):
        with pytest.raises(ValueError, match=message):
            embed(pictures, **given)
    other = get_encoder("efficientnet_lite0", {**SMALL, "image_size": 64})
    with pytest.raises(ValueError, match="holds vectors of efficientnet_lite0 .* choose a new folder"):
        get("compute_embeddings")(pictures, encoder=other, path=str(tmp_path / "ours"))
    assert names(folder) == ["a.ids.txt", "a.npy"]


def test_values_that_float16_cannot_hold_are_refused(pictures, tmp_path):
    store = shards.FolderStore(None, str(tmp_path / "vectors"), "float16")
    with pytest.raises(ValueError, match="has the value 70000, and float16 ends at 65504"):
        store.write(["a"], ["a"], [np.array([1, 7e4])])
    assert not (tmp_path / "vectors").exists()
