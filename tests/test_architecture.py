"""The order of the rooms: who may import whom, what an operator file holds, where private attributes are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A wing imports only wings above it, and any room of models/; operator files and the panel may import any wing.
WINGS = (
    "outputs",
    "dataset",
    "execution",
    "embedding",
    "runs",
    "editing",
    "export",
    "evaluation",
    "naming",
    "clustering",
    "grouping",
    "inputs",
    "panel",
)
# A room of models/ imports only rooms above it. The files of models/ itself are ground, but for placement.py.
ROOMS = (
    "ground",
    "images",
    "vectors",
    "clusterers",
    "clusterers/deep",
    "placement",
    "analysis",
    "training",
    "training/clustering",
    "encoders",
    "naming",
)
# Offenders that are known. They may only become fewer.
ALLOWED: set[tuple[str, str]] = set()
PRIVATE = re.compile(
    r"(?<!self)\._(?:root_dataset|dataset|doc|data|fields|is_patches|is_frames|is_clips|is_dynamic_groups|has_frame_fields|"
    r"source_collection|sample_collection|reload|serialize|media_type|view|stages)\b"
)
LONGEST, LONGEST_OPERATOR = 300, 200


def python_files() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix() for r in ("operators", "models") for path in ROOT.glob(f"{r}/**/*.py")
    )


FILES = python_files()
MODULES = {name[:-3].replace("/", ".").removesuffix(".__init__"): name for name in FILES}


def imports_of(name: str) -> set[str]:
    """The files of ours that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = name[:-3].split("/")[: -node.level]
        module = ".".join([*base, *(node.module.split(".") if node.module else [])])
        for alias in node.names:
            target = MODULES.get(f"{module}.{alias.name}") or MODULES.get(module)
            if target and target != name:
                found.add(target)
    return found


IMPORTS = {name: imports_of(name) for name in FILES}
EDGES = sorted((name, other) for name, others in IMPORTS.items() for other in others)


def wing_of(name: str) -> str | None:
    """The wing of a file in operators/, None for an operator file or the panel."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else None


def room_of(name: str) -> str:
    parts = name.split("/")
    if len(parts) == 2:
        return "placement" if parts[1] == "placement.py" else "ground"
    return "/".join(parts[1:-1])


def test_every_wing_and_room_has_its_place():
    assert {wing_of(name) for name in FILES if name.startswith("operators/")} - {None} == set(WINGS)
    assert {room_of(name) for name in FILES if name.startswith("models/")} == set(ROOMS)


def test_imports_point_one_way():
    wrong = set()
    for name, other in EDGES:
        if name.startswith("models/"):
            backward = not other.startswith("models/") or ROOMS.index(room_of(other)) > ROOMS.index(room_of(name))
        elif other.startswith("models/") or wing_of(name) is None:
            backward = False
        else:
            backward = wing_of(other) is None or WINGS.index(wing_of(other)) > WINGS.index(wing_of(name))
        if backward:
            wrong.add((name, other))
    assert wrong == ALLOWED


def test_operator_files_are_imported_by_their_list_only():
    operators = {name for name in FILES if name.startswith("operators/") and wing_of(name) is None}
    importers = {name for name, other in EDGES if other in operators - {"operators/__init__.py"}}
    assert importers == {"operators/__init__.py"}


def test_there_is_no_circle():
    done, path, circles = set(), [], []

    def visit(name):
        if name in path:
            circles.append([*path[path.index(name) :], name])
        elif name not in done:
            path.append(name)
            for other in sorted(IMPORTS[name]):
                visit(other)
            done.add(path.pop())

    for name in FILES:
        visit(name)
    assert circles == []


def test_operator_files_hold_one_operator_or_the_panel_and_nothing_else():
    for name in FILES:
        if not name.startswith("operators/") or wing_of(name) is not None or name.endswith("__init__.py"):
            continue
        body = ast.parse((ROOT / name).read_text()).body
        kinds = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        assert len(kinds) == 1 and isinstance(kinds[0], ast.ClassDef), name
        stem = name.removeprefix("operators/").removesuffix(".py")
        assert kinds[0].name == "".join(part.capitalize() for part in stem.split("_")), name


def test_private_attributes_of_fiftyone_are_used_in_one_wing():
    found = {name for name in FILES if PRIVATE.search((ROOT / name).read_text())}
    assert {name for name in found if not name.startswith("operators/dataset/")} == set()


@pytest.mark.parametrize("name", FILES)
def test_files_are_short(name):
    lines = len((ROOT / name).read_text().splitlines())
    operator = name.startswith("operators/") and wing_of(name) is None
    assert lines <= (LONGEST_OPERATOR if operator else LONGEST)


def test_no_file_takes_a_private_name_from_another():
    wrong = []
    for name in FILES:
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                wrong += [(name, alias.name) for alias in node.names if alias.name.startswith("_")]
    assert wrong == []


def test_every_room_says_in_one_line_what_it_is():
    for folder in {str(Path(name).parent) for name in FILES}:
        text = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text()))
        assert text and len(text.splitlines()[0]) < 120, folder
