"""Tables of a run: CSV, safe to open in a spreadsheet, and JSON."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...models.progress import Progress
from ..runs.clusters import cluster_label
from ..runs.info import run_info
from ..runs.members import Members
from ..runs.run import Run

COLUMNS = ("id", "sample_id", "filepath", "cluster", "label", "confidence")
BOX = ("x", "y", "width", "height")
# With the wide letters that a spreadsheet in an East Asian language takes for the same
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(path: Path, run: Run, members: Members, progress: Progress) -> dict[str, int]:
    """Write one row per image or patch; nothing is skipped."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS + (BOX if members.target.patches_field else ()))
        for place, row in enumerate(member_rows(members)):
            if place % 5000 == 0:
                progress(place / len(members.ids))
            writer.writerow([csv_cell(value) for value in row])
    return {}


def csv_cell(value: Any) -> Any:
    """Return a value as a cell of a table that no spreadsheet runs as a formula."""
    # some spreadsheets take leading white space away first
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_FORMULA) else value


def write_json(path: Path, run: Run, members: Members, progress: Progress) -> dict[str, int]:
    """Write the run, its clusters and its members; exact names, no vectors; nothing is skipped."""
    keys = COLUMNS + (BOX if members.target.patches_field else ())
    items = [dict(zip(keys, row, strict=True)) for row in member_rows(members)]
    progress(0.5)
    info = run_info(run)
    text = json.dumps(_finite({"run": info, "items": items}), ensure_ascii=False, indent=1, default=str)
    path.write_text(text, encoding="utf-8")
    return {}


def _finite(value: Any) -> Any:
    """Return plain data with None for NaN, which is no JSON."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def member_rows(members: Members) -> Iterator[list]:
    """Give the columns of every image or patch, and the box of a patch."""
    names, files = members.names, members.files(members.ids)
    for row, (key, sample_id) in enumerate(zip(members.ids, members.sample_ids, strict=True)):
        cluster = int(members.labels[row])
        filepath, box = files[key]
        label = names.get(cluster, cluster_label(cluster))
        values = [key, sample_id, filepath, cluster, label, round(float(members.confidence[row]), 6)]
        if members.target.patches_field:
            values += [round(float(x), 6) for x in box] if box else [None] * 4
        yield values
