"""The operations of the matrix: each acts on a run and compares all that it says and leaves with the model."""

import csv
import tempfile
from collections import Counter
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
from matrix_shapes import CLASSES, Shape

FIRST_NEW = 30  # numbers of samples that are added later; `Shape.parent` gives them what a saved view asks for


def operator(name: str):
    """An operator of the plugin."""
    return foo.get_operator(f"@constellation/clusters/{name}")


def compute(shape: Shape, samples, run_key: str, embeddings: str, k: int):
    """Makes a run."""
    options = {"patches_field": shape.patches_field} if shape.patches_field else {}
    params = {"n_clusters": k}
    operator("compute_clusters")(
        samples, run_key=run_key, embeddings=embeddings, params=params, visualize=False, **options
    )


class Cell:
    """A run on some shape of data, and the model of what it should be.

    Args:
        shape: the shape
        dataset: the dataset
        members: the group of each member of the run, by id
        numbers: the cluster that each group became
        original: the dataset that the run was made on, of which ``dataset`` may be a clone
    """

    original: fo.Dataset

    def __init__(self, shape: Shape, dataset: fo.Dataset, members: dict[str, int], numbers: list[int]):
        self.shape, self.dataset, self.members, self.numbers = shape, dataset, members, numbers
        self.samples = shape.opened(dataset)
        self.path = f"{shape.items}km"

    @property
    def seen(self) -> dict[str, int]:
        """The group of each member that the operator is shown."""
        visible = self.shape.visible(self.dataset)
        return {key: group for key, group in self.members.items() if key in visible}

    def stored(self, what: str = "cluster") -> dict:
        """What the database holds for each item, None where there is no label."""
        self.dataset.reload()
        return dict(self.shape.read(self.dataset, "id", f"km.{what}"))

    def expect(self, clusters: dict[str, int]):
        """Checks the stored cluster of every item of the dataset, those without one included."""
        found = self.stored()
        assert {key: number for key, number in found.items() if number is not None} == clusters

    def clusters(self) -> dict[str, int]:
        """The cluster that each member should have before any edit."""
        return {key: self.numbers[group] for key, group in self.members.items()}

    def run(self, name: str, **arguments):
        """Calls an operator on the run."""
        return operator(name)(self.samples, run_key="km", **arguments)


def assign(cell: Cell):
    """New samples, and all else that is shown and has no label, get the cluster of their group."""
    cell.shape.grow(cell.dataset, FIRST_NEW, 2)
    cell.samples = cell.shape.opened(cell.dataset)
    visible, groups = cell.shape.visible(cell.dataset), dict(cell.shape.read(cell.dataset, "id", "group"))
    new = {key: cell.numbers[group] for key, group in groups.items() if key in visible - set(cell.members)}
    assert len(new) >= 2 * cell.shape.per_sample
    done = cell.run("assign_clusters")
    assert (done["n_assigned"], done["n_noise"], done["n_unassigned"], done["skipped"]) == (len(new), 0, 0, {})
    cell.expect(cell.clusters() | new)


def evaluate(cell: Cell):
    found = cell.run("evaluate_clusters", ground_truth="kind")
    sizes = Counter(cell.seen.values())
    assert found["n"] == len(cell.seen) and found["scores"]["ari"] == 1
    listed = {c["id"]: (c["size"], c["majority"], c["purity"]) for c in found["clusters"] if c["size"]}
    assert listed == {cell.numbers[g]: (size, CLASSES[g], 1.0) for g, size in sizes.items()}


def export(cell: Cell):
    with tempfile.TemporaryDirectory() as folder:
        done = cell.run("export_clusters", path=f"{folder}/km.csv")
        rows = list(csv.DictReader(Path(done["path"]).read_text().splitlines()))
    parents = cell.shape.parents(cell.dataset)
    assert done["n"] == len(rows) == len(cell.seen) and done["n_clusters"] == len(set(cell.seen.values()))
    assert {row["id"]: int(row["cluster"]) for row in rows} == {k: cell.numbers[g] for k, g in cell.seen.items()}
    if not cell.shape.items.startswith("frames."):
        assert all(row["sample_id"] == parents[row["id"]] for row in rows)


def load(cell: Cell):
    assert sorted(cell.run("load_clustering_view").values("id")) == sorted(cell.seen)
    for group, number in enumerate(cell.numbers):
        wanted = [key for key, found in cell.seen.items() if found == group]
        assert sorted(cell.run("load_clustering_view", cluster=number).values("id")) == sorted(wanted)


def edit(cell: Cell):
    """Merging means the run, whatever is shown."""
    first, second, third = cell.numbers
    done = cell.run("edit_clusters", action="merge", clusters=[first, second])
    (kept,) = {first, second} - set(done["removed"])
    after = {key: third if group == 2 else kept for key, group in cell.members.items()}
    assert done["n_changed"] == sum(group != 2 for group in cell.members.values())  # confidences are new in both
    cell.expect(after)


def undo(cell: Cell):
    before = {what: cell.stored(what) for what in ("label", "confidence", "cluster")}
    cell.run("edit_clusters", action="dissolve", clusters=[cell.numbers[0]])
    assert cell.stored() != before["cluster"]
    done = cell.run("edit_clusters", action="undo")
    assert done["n_changed"] == sum(group == 0 for group in cell.members.values())
    assert {what: cell.stored(what) for what in before} == before
    cell.expect(cell.clusters())


def label(cell: Cell):
    done = cell.run("label_clusters", source="field", label_field="kind")
    assert done["names"] == {number: CLASSES[group] for group, number in enumerate(cell.numbers)}
    named = {key: CLASSES[group] for key, group in cell.members.items()}
    assert {key: name for key, name in cell.stored("label").items() if name is not None} == named


def compare(cell: Cell):
    """With a second run, of everything that is shown, into two halves."""
    compute(cell.shape, cell.samples, "two", "half", 2)
    found = cell.run("compare_clusterings", other_run_key="two")
    seen, visible = cell.seen, cell.shape.visible(cell.dataset)
    assert found["n_compared"] == len(seen) and found["n_only_first"] == 0
    assert found["n_only_second"] == len(visible - set(seen))
    halves = dict(cell.shape.read(cell.dataset, "id", "two.cluster"))
    table = Counter((cell.numbers[group], halves[key]) for key, group in seen.items())
    assert sorted(count for row in found["table"]["counts"] for count in row if count) == sorted(table.values())
    cell.expect(cell.clusters())


def delete(cell: Cell):
    kept = cell.shape.read(cell.dataset, "id", "group", "kind", "emb")
    operator("delete_clustering_run")(cell.dataset, run_key="km")
    cell.dataset.reload()
    assert cell.dataset.list_runs() == cell.dataset.list_brain_runs() == []
    assert cell.dataset.get_field(cell.path) is None
    assert str(cell.shape.read(cell.dataset, "id", "group", "kind", "emb")) == str(kept)


OPERATIONS = {
    "assign": assign,
    "evaluate": evaluate,
    "export": export,
    "load view": load,
    "edit": edit,
    "undo": undo,
    "label": label,
    "compare": compare,
    "delete": delete,
}
