"""Images of a run: one folder per cluster, and contact sheets."""

import csv
import shutil
from pathlib import Path

import numpy as np

from ...models.images.rendering import Rendering
from ...models.progress import Progress
from ..runs.clusters import cluster_label, label_width
from ..runs.members import Members
from ..runs.run import Run
from .files import slug
from .tables import COLUMNS, csv_cell, member_rows

SHEET_IMAGES = 36


def write_folders(path: Path, run: Run, members: Members, progress: Progress) -> dict[str, int]:
    """Write a folder per cluster with copies of its images, or crops of its patches, and a table of all.

    Returns:
        the number of images that could not be read, by reason
    """
    from ...models.images.reading import ImageError

    folders = _slugs(members)
    # of patches and clips what is shown is cut out or copied; of samples their own files, whatever they are
    files = members.pictures(members.ids) if members.target.patches_field else members.files(members.ids)
    cluster_of, rendering = dict(zip(members.ids, members.labels.tolist(), strict=True)), members.rendering()
    taken: set[tuple[Path, str]] = set()
    skipped: dict[str, int] = {}
    written: dict[str, str] = {}
    for place, (key, (filepath, box)) in enumerate(files.items()):
        if place % 50 == 0:
            progress(place / len(files))
        folder = path / folders[cluster_of[key]]
        folder.mkdir(exist_ok=True)
        name = _free(folder, filepath, key, box, taken)
        try:
            _copy(filepath, box, folder / name, rendering)
        except ImageError as error:
            skipped[error.reason] = skipped.get(error.reason, 0) + 1
            continue
        written[key] = f"{folder.name}/{name}"
    with open(path / "clusters.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", *COLUMNS))
        for row in member_rows(members):
            if row[0] in written:
                writer.writerow([csv_cell(value) for value in (written[row[0]], *row[: len(COLUMNS)])])
    return skipped


def _free(folder: Path, filepath: str, key: str, box: list[float] | None, taken: set[tuple[Path, str]]) -> str:
    """Return an unused file name: the image's own, with the id where two would share it, and always for patches."""
    source = Path(filepath)
    suffix = source.suffix if box is None else ".png"
    short = source.stem[:50]  # of up to four bytes each
    name = f"{source.stem}{suffix}" if box is None else f"{short}_{key}{suffix}"
    if (folder, name.lower()) in taken:
        name = f"{short}_{key}{suffix}"
    taken.add((folder, name.lower()))
    return name


def _copy(filepath: str, box: list[float] | None, target: Path, rendering: Rendering) -> None:
    from ...models.images.reading import crop, read_image, reading

    if box is not None:
        crop(read_image(filepath, None, rendering), box).save(target)
        return
    with reading(filepath), open(filepath, "rb"):
        pass
    shutil.copyfile(filepath, target)


def write_sheets(path: Path, run: Run, members: Members, progress: Progress) -> dict[str, int]:
    """Write a PNG per cluster with its prototypes first, then members from the most to the least confident.

    Returns:
        the number of images that could not be read, by reason
    """
    from ...models.images.contact_sheets import titled_sheet

    names, slugs, groups, rendering = members.names, _slugs(members), members.by_cluster(), members.rendering()
    skipped: dict[str, int] = {}
    for place, (cluster, rows) in enumerate(groups.items()):
        progress(place / len(groups), f"cluster {place + 1} of {len(groups)}")
        chosen = shown_members(members, cluster, rows, SHEET_IMAGES)
        files = members.pictures(chosen)
        label = names.get(cluster, cluster_label(cluster))
        number = slugs[cluster].partition("_")[0]
        size = f"{len(rows):,} {members.target.unit}"
        # the name comes last, because it may be long, from right to left, or in letters that no font here has
        title = f"{label} · {size}" if number in label else f"{number} · {size} · {label}"
        sheet, failed = titled_sheet([files[key] for key in chosen], title, rendering=rendering)
        sheet.save(path / f"{slugs[cluster]}.png")
        for reason in failed.values():
            skipped[reason] = skipped.get(reason, 0) + 1
    return skipped


def shown_members(members: Members, cluster: int, rows: np.ndarray, n: int) -> list[str]:
    """Choose the members that stand for a cluster: its prototypes, then others from the most to the least confident.

    Args:
        members: the run's members
        cluster: the cluster's id
        rows: ``(m,)`` positions of its members, most confident first
        n: at most how many

    Returns:
        ids
    """
    here = {members.ids[row] for row in rows}
    known = next((c.get("prototypes") or [] for c in members.clusters if c["id"] == cluster), [])
    chosen = [key for key in known if key in here][:n]
    rest = [members.ids[row] for row in rows if members.ids[row] not in set(chosen)]
    spread = np.linspace(0, max(len(rest) - 1, 0), min(n - len(chosen), len(rest)))
    return chosen + [rest[place] for place in np.unique(spread.astype(int))]


def _slugs(members: Members) -> dict[int, str]:
    """Return a file name per cluster; the number in it keeps clusters of one name apart."""
    found = np.unique(members.labels).tolist()
    width = label_width(members.labels)
    return {c: slug(c, members.names.get(c, cluster_label(c)), width) for c in found}
