"""Pictures on the cards of the Clusters panel: small JPEG files in a cache, which the App's server sends.

The address of a file is short; a picture inside the page would come back to the server with every click.
"""

import hashlib
import urllib.parse
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import fiftyone as fo

from ..dataset.files import pictures_of
from ..dataset.renderings import rendering_of
from ..dataset.rows import Rows
from ..dataset.selections import check_count, selected
from ..dataset.targets import Target

KEPT = 3000  # some 15 kB each
LARGE = 512  # pixels
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
    from ...models.images.contact_sheets import plain_sheet

    rendering = rendering_of(target, fields)
    draw = partial(plain_sheet, columns=columns, rendering=rendering)
    state = (columns, rendering.as_dict())
    return [_address([files[key] for key in ids if key in files], draw, state) for ids in wanted]


def draw_large(target: Target, wanted: list[str], fields: Iterable[str] = ()) -> list[str | None]:
    """Draw images or patches as a whole, at most 512 pixels wide and high, those that are in the cache excepted.

    Args:
        target: the images or patches
        wanted: their ids
        fields (()): vector fields of the images, which say how they are shown

    Returns:
        for each the address of an image in the App, None where it is gone or cannot be read
    """
    from ...models.images.reading import ImageError
    from ...models.images.thumbnails import thumbnail, to_jpeg

    files = _files(target, set(wanted), small=False)
    rendering = rendering_of(target, fields) if files else None

    def draw(pictures: list[Picture]) -> bytes:
        ((path, box),) = pictures
        return to_jpeg(thumbnail(path, box, LARGE, rendering))

    def address(key: str) -> str | None:
        try:
            return _address([files[key]], draw, (LARGE, rendering.as_dict() if rendering else None))
        except (KeyError, ImageError):
            return None

    return [address(key) for key in wanted]


def folder() -> Path:
    """Return the folder of the sheets; it need not exist, and may be deleted at any time."""
    return Path(fo.config.default_dataset_dir).expanduser() / ".constellation" / "sheets"


def _files(target: Target, ids: set[str], small: bool = True) -> dict[str, Picture]:
    """Return each id's file and box; the file is the small copy of the App's grid, if wanted and there."""
    if not ids:
        return {}
    if target.patches_field:
        check_count(len(ids))
        source = target.source.select_labels(ids=list(ids), fields=target.patches_field)
        rows = Rows.of(source, target.patches_field)
    else:
        rows = Rows.of(selected(target.source, list(ids)))
    try:
        found, items = pictures_of(rows, rows.ids)
    except ValueError:  # the panel says why there are none
        return {}
    files = dict(zip(found, items, strict=True))
    copies = target.dataset.app_config.grid_media_field
    if not small or target.patches_field or copies == "filepath" or target.source.get_field(copies) is None:
        return files
    thumbnails = dict(zip(*rows.collection.values(["id", copies]), strict=True))
    return {key: (thumbnails.get(key) or path, box) for key, (path, box) in files.items()}


def _address(pictures: list[Picture], draw: Callable[[list[Picture]], bytes], state: tuple) -> str | None:
    """Return the address of ``draw(pictures)``, a JPEG file; ``state`` is all else that it depends on."""
    if not pictures:
        return None
    name = hashlib.sha256(repr((pictures, *state, [_changed(path) for path, _ in pictures])).encode()).hexdigest()
    path = folder() / f"{name[:32]}.jpg"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{id(pictures)}")
        unfinished.write_bytes(draw(pictures))
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
