"""Vectors from files and Brain runs: joined by id or file in whatever order, and used by all that use fields."""

import builtins
import shutil
from pathlib import Path

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import vector_files
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.rows import Rows
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vector_paths import resolve_vectors
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import (
    missing_vectors,
    read_spaces,
    read_vectors,
)
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get, group_vectors
from ..handles import split_cluster

X, WHICH = group_vectors()
KINDS = ("npy", "parquet", "folder", "lists")


def write_array(path: Path, names, vectors):
    np.save(path, vectors)
    path.with_suffix(".ids.txt").write_text("".join(f"{name}\n" for name in names))


def write_table(path: Path, names, vectors, column="id", lists=False, rows=7, **more):
    pa = pytest.importorskip("pyarrow", reason="no pyarrow here; pip install -r requirements-dev.txt")
    from pyarrow import parquet

    vectors = np.asarray(vectors)
    if lists:
        values = pa.array([None if np.isnan(x).all() else x.tolist() for x in vectors], pa.list_(pa.float32()))
    else:
        values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    parquet.write_table(pa.table({column: list(names), "embedding": values, **more}), path, row_group_size=rows)


def write(folder: Path, kind: str, names, vectors) -> str:
    """Writes vectors in a shuffled order; returns the path that names them."""
    order = np.random.default_rng(51).permutation(len(names))
    names, vectors = [names[i] for i in order], vectors[order]
    if kind == "npy":
        write_array(folder / "vectors.npy", names, vectors)
        return str(folder / "vectors.npy")
    if kind == "folder":
        write_array(folder / "one.npy", names[:20], vectors[:20].astype(np.float16))
        write_array(folder / "two.npy", names[20:41], vectors[20:41].astype(np.float64))
        write_table(folder / "three.parquet", names[41:], vectors[41:])
        return str(folder)
    write_table(folder / "vectors.parquet", names, vectors, lists=kind == "lists")
    return str(folder / "vectors.parquet")


@pytest.fixture
def run(blobs, compute, tmp_path):
    """The runs ``km``, of vectors in files, and ``of_field``, of the same in a field."""
    path = write(tmp_path, "npy", blobs.values("id"), X)
    compute(blobs, run_key="km", embeddings=path, ground_truth="ground_truth")
    compute(blobs, run_key="of_field", embeddings="emb", ground_truth="ground_truth")
    return blobs


@pytest.mark.parametrize("kind", KINDS)
def test_files_hold_the_same_vectors_as_a_field(blobs, tmp_path, kind):
    ids = blobs.values("id")
    _, (name,) = resolve_vectors(blobs, None, write(tmp_path, kind, ids, X))
    table, field = read_vectors(blobs, name), read_vectors(blobs, "emb")
    assert table.ids == field.ids == ids and table.skipped == {} and table.notes == []
    assert table.X.dtype == np.float32
    assert np.abs(table.X - field.X).max() <= (0.01 if kind == "folder" else 0)
    some = blobs.select(ids[7:50:3], ordered=True)
    assert (table.X[7:50:3] == read_vectors(some, name).X).all()


def test_names_may_be_file_paths_and_those_relative(blobs, tmp_path):
    write_table(tmp_path / "a.parquet", blobs.values("filepath"), X, column="filepath")
    assert (read_vectors(blobs, str(tmp_path / "a.parquet")).X == X).all()
    write_array(tmp_path / "a.npy", [f"../../nowhere/{i}.png" for i in range(60)], X)
    for i, sample in enumerate(blobs):
        sample["filepath"] = str((tmp_path / f"../../nowhere/{i}.png").resolve())
        sample.save()
    assert (read_vectors(blobs, str(tmp_path / "a.npy")).X == X).all()


def test_patches_are_known_by_the_ids_of_their_labels(patches, compute, tmp_path):
    ids = patches.values("things.detections.id", unwind=True)
    path = write(tmp_path, "parquet", ids, X)
    compute(patches, run_key="km", embeddings=path, patches_field="things")
    compute(patches, run_key="of_field", embeddings="emb", patches_field="things")
    found = (patches.values(f"things.detections.{key}.cluster", unwind=True) for key in ("km", "of_field"))
    assert len(set(zip(*found, strict=True))) == 3
    write_array(tmp_path / "files.npy", [f"/nowhere/{i}.png" for i in range(60)], X)
    with pytest.raises(ValueError, match="patches are known by the ids of their labels only"):
        compute(patches, embeddings=str(tmp_path / "files.npy"), patches_field="things")


def test_all_that_reads_a_runs_vectors_reads_them_from_the_files(run, tmp_path):
    run.delete_sample_field("emb")  # so that nothing comes from there
    config = Run.open(run, "km").config
    assert config.embeddings == str(tmp_path / "vectors.npy")
    assert config.scores == Run.open(run, "of_field").config.scores
    assert get("evaluate_clusters")(run, run_key="km")["scores"].items() <= config.scores.items()
    for order in ("typical", "borderline"):
        assert len(get("load_clustering_view")(run, run_key="km", cluster=0, order=order)) == 20
    assert get("find_cluster_duplicates")(run, run_key="km", min_similarity=0.01, tag="twin")["n_extra"] == 57
    assert len(get("build_cluster_hierarchy")(run, run_key="km", n_coarse=2)["clusters"]) == 2
    run.limit(12).clear_sample_field("ground_truth")
    done = get("propagate_labels")(run, run_key="km", ground_truth="ground_truth", output_field="guess")
    assert (done["n_known"], done["n_proposed"]) == (48, 12)
    split_cluster(run, "km", 1, params={"n_clusters": 2})
    assert len(set(run.values("km.cluster"))) == 4
    assert sum(len(cluster["prototypes"]) > 0 for cluster in Run.open(run, "km").clusters) == 4
    assert get("suggest_cluster_count")(run, embeddings=config.embeddings)["natural"] == 3
    near = get("check_neighbors")(run, embeddings=config.embeddings, ground_truth="ground_truth", n_neighbors=5)
    assert near["agreement"] == 1


def test_the_path_is_recorded_so_that_it_is_found_from_anywhere(blobs, compute, tmp_path, monkeypatch):
    write(tmp_path, "npy", blobs.values("id"), X)
    monkeypatch.chdir(tmp_path)
    compute(blobs, run_key="km", embeddings="vectors.npy")
    monkeypatch.chdir("/")
    vector_files._opened.clear()  # as in another process
    split_cluster(fo.load_dataset(blobs.name), "km", 0)
    assert len(set(blobs.values("km.cluster"))) == 4


def test_fields_and_files_lie_side_by_side(blobs, tmp_path):
    half = write(tmp_path, "parquet", blobs.values("id")[:30], X[:30])
    table, widths = read_spaces(blobs, ["emb", half])
    assert widths == [32, 32] and (np.hstack([X[:30], X[:30]]) == table.X).all()
    assert table.skipped == {f"no vector in {half}": blobs.values("id")[30:]}


def test_new_samples_get_the_clusters_of_a_run_on_files(blobs, compute, tmp_path):
    path = write(tmp_path, "npy", blobs.values("id"), X)
    compute(blobs.limit(50), run_key="km", embeddings=path)
    assert get("assign_clusters")(blobs, run_key="km")["n_assigned"] == 10
    assert len(set(zip(blobs.values("km.cluster"), WHICH, strict=True))) == 3


def test_a_map_has_a_key_that_fiftyone_takes(blobs, compute, tmp_path):
    path = write(tmp_path, "npy", blobs.values("id"), X)
    compute(blobs, run_key="km", embeddings=path, visualize=True)
    assert Run.open(blobs, "km").config.visualization == "vectors_map"


def test_files_that_are_gone_are_missed_in_one_sentence_and_found_when_they_are_back(run, tmp_path):
    (tmp_path / "vectors.npy").rename(tmp_path / "away.npy")
    with pytest.raises(ValueError, match=r"vectors\.npy, where vectors should be, is not there; put the files back"):
        get("find_cluster_duplicates")(run, run_key="km", min_similarity=0.5)
    with pytest.raises(ValueError, match="usable vectors"):
        split_cluster(run, "km", 1)
    (tmp_path / "away.npy").rename(tmp_path / "vectors.npy")
    split_cluster(run, "km", 1)


def test_a_text_is_a_field_then_a_brain_run_then_a_path_and_never_two(blobs, compute, tmp_path, monkeypatch):
    fob.compute_similarity(blobs, embeddings=X, brain_key="sim", backend="sklearn", model=None)
    fob.compute_similarity(blobs, embeddings="emb", brain_key="of_emb", backend="sklearn")
    monkeypatch.chdir(tmp_path)
    ids = blobs.values("id")
    for folder in ("shards", "emb", "sim"):
        (tmp_path / folder).mkdir()
    resolved = {name: resolve_vectors(blobs, None, name)[1][0] for name in ("emb", "sim", "of_emb", "brain:sim", "new")}
    assert resolved == {"emb": "emb", "sim": "brain:sim", "of_emb": "emb", "brain:sim": "brain:sim", "new": "new"}
    for folder in ("shards", "emb", "sim"):
        write_array(tmp_path / folder / "a.npy", ids, X)
    assert resolve_vectors(blobs, None, ["shards", "./emb"])[1] == [str(tmp_path / "shards"), str(tmp_path / "emb")]
    for name, both in (("emb", "a field 'emb' or a file or folder"), ("sim", "a Brain run 'sim' or a file or folder")):
        with pytest.raises(ValueError, match=f"embeddings='{name}' may mean {both}") as refused:
            resolve_vectors(blobs, None, name)
        assert len(str(refused.value)) < 300
    with pytest.raises(ValueError, match="neither a field nor a Brain run, and there are no .npy or Parquet files"):
        compute(blobs, embeddings="shards/none.parquet")
    compute(blobs, run_key="km", embeddings="brain:sim")
    assert Run.open(blobs, "km").config.embeddings == "brain:sim"
    split_cluster(blobs, "km", 1)
    assert len(set(blobs.values("km.cluster"))) == 4
    blobs.delete_brain_run("sim")
    with pytest.raises(ValueError, match="there is no Brain run 'sim' any more"):
        get("find_cluster_duplicates")(blobs, run_key="km", min_similarity=0.5)


def test_vectors_without_a_value_are_counted_and_shift_nothing(blobs, tmp_path):
    ids, bad = blobs.values("id"), X.copy()
    bad[0], bad[1, 3], bad[2], bad[3] = np.nan, np.inf, 0, np.nan
    write_table(tmp_path / "a.parquet", [*ids[:50], "f" * 24], [*bad[:50], X[0]], lists=True)
    table = read_vectors(blobs, str(tmp_path / "a.parquet"))
    assert table.skipped == {
        "no vector": [ids[0], ids[3], *ids[50:]],
        "not finite": [ids[1]],
        "zero vector": [ids[2]],
    }
    assert table.ids == ids[4:50] and (X[4:50] == table.X).all()
    assert table.notes == [
        f"1 of the 51 vectors in {tmp_path / 'a.parquet'} belong to nothing in this dataset and were left out"
    ]
    assert missing_vectors(Rows.of(blobs), str(tmp_path / "a.parquet")) == ids[50:]
    assert read_vectors(blobs.limit(10), str(tmp_path / "a.parquet")).notes == []


def _no_ids(folder, ids):
    write_table(folder / "a.parquet", range(60), X, column="row")


def _no_ids_beside(folder, ids):
    np.save(folder / "a.npy", X)


def _too_few_ids(folder, ids):
    write_array(folder / "a.npy", ids[1:], X)


def _twice(folder, ids):
    write_table(folder / "a.parquet", [*ids[1:], ids[5]], X)


def _in_two_files(folder, ids):
    write_array(folder / "a.npy", ids[:31], X[:31])
    write_array(folder / "b.npy", ids[30:], X[30:])


def _unknown(folder, ids):
    write_array(folder / "a.npy", [f"{i:024x}" for i in range(60)], X)


def _other_width(folder, ids):
    write_array(folder / "a.npy", ids[:30], X[:30])
    write_array(folder / "b.npy", ids[30:], X[30:, :8])


def _two_widths_in_one(folder, ids):
    pa = pytest.importorskip("pyarrow", reason="no pyarrow here; pip install -r requirements-dev.txt")
    from pyarrow import parquet

    table = {"id": ids, "embedding": pa.array([x[: 32 - i // 59].tolist() for i, x in enumerate(X)])}
    parquet.write_table(pa.table(table), folder / "a.parquet")


def _cut(folder, ids):
    write_array(folder / "a.npy", ids, X)
    whole = (folder / "a.npy").read_bytes()
    (folder / "a.npy").write_bytes(whole[: len(whole) // 2])


def _no_table(folder, ids):
    pytest.importorskip("pyarrow", reason="no pyarrow here; pip install -r requirements-dev.txt")
    (folder / "a.parquet").write_text("no table")


def _flat(folder, ids):
    write_array(folder / "a.npy", ids, X[:, 0])


def _words(folder, ids):
    write_array(folder / "a.npy", ids, np.array(ids)[:, None])


def _two_columns(folder, ids):
    write_table(folder / "a.parquet", ids, X)
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = parquet.read_table(folder / "a.parquet").rename_columns(["id", "x"])
    parquet.write_table(table.append_column("y", table.column("x")), folder / "a.parquet")
    assert pa


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (_no_ids, "has no ids, only row, embedding; add a column sample_id, id or filepath"),
        (_no_ids_beside, "has no ids beside it; write one id or file path a line into"),
        (_too_few_ids, "has 59 ids for 60 vectors; write one for each"),
        (_twice, "twice, in a.parquet, and so 1 ids in all; write each once"),
        (_in_two_files, "twice, in a.npy and in b.npy, and so 1 ids in all; write each once"),
        (_unknown, "none of the 60 vectors in .* belongs to these samples"),
        (_other_width, "holds vectors of 32 dimensions and .*b.npy of 8; take away the files that do not belong here"),
        (_two_widths_in_one, "holds vectors of 32 and of 31 dimensions; write those of one length"),
        (_cut, "a.npy cannot be read .*; write it again, or take it away"),
        (_no_table, "a.parquet cannot be read .*; write it again, or take it away"),
        (_flat, r"holds float32 of shape \(60,\), not vectors; write numbers of shape"),
        (_words, "not vectors; write numbers of shape"),
        (_two_columns, "has several columns of vectors, x, y; call the one that is meant 'embedding'"),
    ],
)
def test_files_that_are_no_use_are_refused_and_leave_nothing(blobs, compute, tmp_path, break_it, message):
    break_it(tmp_path, blobs.values("id"))
    with pytest.raises(ValueError, match=message) as refused:
        compute(blobs, run_key="km", embeddings=str(tmp_path))
    assert "; " in str(refused.value) and "\n" not in str(refused.value)
    assert blobs.list_runs() == [] and not blobs.has_field("km")


def test_without_pyarrow_parquet_is_refused_with_the_remedy_and_arrays_are_read(blobs, compute, tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_text("")
    known = builtins.__import__

    def imported(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return known(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", imported)
    with pytest.raises(ValueError, match="pyarrow, which reads those, is not installed; run pip install pyarrow"):
        compute(blobs, embeddings=str(tmp_path / "a.parquet"))
    assert len(read_vectors(blobs, write(tmp_path, "npy", blobs.values("id"), X)).ids) == 60


def test_files_are_opened_once_until_they_change(blobs, tmp_path, monkeypatch):
    path, opened = write(tmp_path, "npy", blobs.values("id"), X), []
    known = vector_files.open_shard
    monkeypatch.setattr(vector_files, "open_shard", lambda one: opened.append(one) or known(one))
    for _ in range(3):
        read_vectors(blobs, path)
    assert len(opened) == 1
    shutil.copy(path, tmp_path / "copy.npy")
    write_array(tmp_path / "vectors.npy", blobs.values("id")[::-1], X)
    assert (X[::-1] == read_vectors(blobs, path).X).all() and len(opened) == 2
