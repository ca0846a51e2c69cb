"""Pictures on the cards of the Clusters panel: small JPEG files in a cache, which the App's server sends.

The address of a file is short; a picture inside the page would come back to the server with every click.
"""

import hashlib
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

import fiftyone as fo

from ...models.images.rendering import Rendering
from ..dataset.files import pictures_of
from ..dataset.renderings import rendering_of
from ..dataset.rows import Rows
from ..dataset.targets import Target

KEPT = 3000  # some 15 kB each
Picture = tuple[str, list[float] | None]  # a file, and the relative box ``[x, y, width, height]`` of a patch


def draw_sheets(
    target: Target, wanted: list[list[str]], columns: int = 3, fields: Iterable[str] = ()
) -> list[str | None]:
    """Draw contact sheets, those that are in the cache excepted.

    Args:
        target: the images or patches
        wanted: for each sheet the ids of its images or patches
        columns (3): images side by side
        fields (()): vector fields of the images, which say how they are shown

    Returns:
        for each sheet the address of an image in the App, None where nothing is left to show
    """
    files = _files(target, {key for ids in wanted for key in ids})
    if not files:
        return [None for _ in wanted]
    rendering = rendering_of(target, fields)
    state = (columns, rendering.as_dict())
    return [_address([files[key] for key in ids if key in files], columns, rendering, state) for ids in wanted]


def folder() -> Path:
    """Return the folder of the sheets; it need not exist, and may be deleted at any time."""
    return Path(fo.config.default_dataset_dir).expanduser() / ".constellation" / "sheets"


def _files(target: Target, ids: set[str]) -> dict[str, Picture]:
    """Return each id's file and box; the file is the small copy that the App's grid shows, if there is one."""
    if not ids:
        return {}
    if target.patches_field:
        source = target.source.select_labels(ids=list(ids), fields=target.patches_field)
        rows = Rows.of(source, target.patches_field)
    else:
        rows = Rows.of(target.source.select(list(ids)))
    try:
        found, items = pictures_of(rows, rows.ids)
    except ValueError:  # the panel says why there are none
        return {}
    files = dict(zip(found, items, strict=True))
    small = target.dataset.app_config.grid_media_field
    if target.patches_field or small == "filepath" or target.source.get_field(small) is None:
        return files
    thumbnails = dict(zip(*rows.collection.values(["id", small]), strict=True))
    return {key: (thumbnails.get(key) or path, box) for key, (path, box) in files.items()}


def _address(pictures: list[Picture], columns: int, rendering: Rendering, state: tuple) -> str | None:
    from ...models.images.contact_sheets import plain_sheet

    if not pictures:
        return None
    name = hashlib.sha256(repr((pictures, *state, [_changed(path) for path, _ in pictures])).encode()).hexdigest()
    path = folder() / f"{name[:32]}.jpg"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{id(pictures)}")
        unfinished.write_bytes(plain_sheet(pictures, columns, rendering=rendering))
        unfinished.replace(path)
        _forget_old()
    # relative to the App's page, `<base path>/datasets/<name>`: only the browser knows the base path
    return f"../media?filepath={urllib.parse.quote(str(path))}"


def _changed(path: str | Path) -> float | None:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return None


def _forget_old() -> None:
    """Delete the oldest sheets when there are too many."""
    sheets = list(folder().glob("*.jpg"))
    if len(sheets) > KEPT:
        for sheet in sorted(sheets, key=lambda path: _changed(path) or 0)[: KEPT // 3]:
            sheet.unlink(missing_ok=True)
