"""Cells of the matrix: what becomes of a run's data before the operation, and a second process to look at it."""

import json
import subprocess
import sys
import traceback
from pathlib import Path

import fiftyone as fo
from matrix_operations import OPERATIONS, Cell, compute
from matrix_shapes import SHAPES, Shape


def make(name: str) -> Cell:
    """Makes a run of a shape and checks that its clusters are the groups."""
    shape = SHAPES[name]
    made = shape.build()
    compute(shape, shape.clustered(made), "km", "emb", 3)
    dataset = shape.taken(made)
    groups = {}
    numbers: dict[int, int] = {}
    for key, group, cluster in shape.read(dataset, "id", "group", "km.cluster"):
        if cluster is not None:
            groups[key] = group
            assert numbers.setdefault(group, cluster) == cluster
    assert sorted(numbers.values()) == [0, 1, 2]
    assert len(groups) == shape.n_clustered
    cell = Cell(shape, dataset, groups, [numbers[group] for group in range(3)])
    cell.original = made
    return cell


def as_made(cell: Cell):
    """Nothing happens."""


def after_deletion(cell: Cell):
    """Some samples are deleted."""
    parents = cell.shape.parents(cell.dataset)
    samples = sorted({parents[key] for key in cell.members})
    gone = set(samples[::5] if len(samples) > 3 else samples[:1])
    cell.dataset.delete_samples(list(gone))
    cell.members = {key: group for key, group in cell.members.items() if parents[key] not in gone}
    cell.samples = cell.shape.opened(cell.dataset)


def after_changes(cell: Cell):
    """What views filter, sort and group by changes: a saved view then shows some of the members, and others."""
    for sample in cell.dataset.iter_groups(autosave=True) if cell.dataset.media_type == "group" else cell.dataset:
        for one in sample.values() if isinstance(sample, dict) else [sample]:
            one.tags = ["todo"] if one.n >= 10 else []
            one["n"], one["scene"] = 100 - one.n, f"scene {one.n % 3}"
            if not isinstance(sample, dict):
                one.save()
    cell.samples = cell.shape.opened(cell.dataset)


STATES = {"as made": as_made, "deleted": after_deletion, "changed": after_changes, "new process": as_made}


class SecondProcess:
    """A Python process that performs operations on datasets which it has not seen before."""

    def __init__(self):
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import matrix_cells; matrix_cells.serve()"
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], **pipes)

    def perform(self, shape: str, operation: str, cell: Cell):
        """Performs an operation there; what it asserts is raised here."""
        told = {"shape": shape, "operation": operation, "dataset": cell.dataset.name}
        told |= {"members": cell.members, "numbers": cell.numbers}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert json.loads(answer) == "done", json.loads(answer)

    def stop(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def serve():
    """Answers each line of JSON with a line: "done", or the traceback."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what is printed meanwhile is no answer
    for line in sys.stdin:
        told = json.loads(line)
        try:
            shape: Shape = SHAPES[told["shape"]]
            dataset = fo.load_dataset(told["dataset"])
            OPERATIONS[told["operation"]](Cell(shape, dataset, told["members"], told["numbers"]))
            answer = "done"
        except Exception:
            answer = traceback.format_exc()
        print(json.dumps(answer), file=answers, flush=True)
