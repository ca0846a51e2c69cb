"""Colors of values in the color scheme of a dataset, which the App's grid, sidebar and Embeddings panel show.

The App reads a dataset's scheme when the dataset is opened, and goes on with a copy, its session's. What we have
written to either is noted, value by value, so that a color that the user has given is told from ours and stays.
"""

import fiftyone as fo

from .private import open_store

Colors = dict[str, dict[str, str]]  # color by path and value
STORE = "constellation_colors"
_IN_DATASET, _IN_SESSION = "dataset", "session"  # what we have written where
_BY_VALUE, _BY_VALUE_SHOWN = "by_value", "by_value_shown"  # whether we have asked for colors by value, there and here


def color_path(label_path: str) -> str:
    """Return the path whose entry the App colors the values of a label by: of an attribute, the path of its labels."""
    return ".".join(label_path.split(".")[: 2 if label_path.startswith("frames.") else 1])


def set_colors(dataset: fo.Dataset, wanted: Colors) -> None:
    """Write the colors of values to a dataset, in place of those that were written before.

    Where nobody has chosen what the App colors by, it colors by value from the first time on, for else none is seen.

    Args:
        dataset: the dataset, whose schema lock the caller holds
        wanted: the colors, empty to take ours away
    """
    store = open_store(dataset, STORE)
    scheme = dataset.app_config.color_scheme or fo.ColorScheme()
    changed = _recolor(scheme, _ours(dataset), wanted)
    if wanted and not store.get(_BY_VALUE):
        store.set(_BY_VALUE, True)
        if not scheme.color_by and fo.app_config.color_by == "field":
            scheme.color_by = "value"
    if changed:
        scheme.color_pool = scheme.color_pool or list(fo.app_config.color_pool)  # the App takes none for no colors
        dataset.app_config.color_scheme = scheme
        dataset.save()
    _write(dataset, _IN_DATASET, wanted)


def session_scheme(dataset: fo.Dataset, session: fo.ColorScheme) -> fo.ColorScheme | None:
    """Return the color scheme of the App's session with the colors that the dataset has of us, None if it has them.

    Args:
        dataset: the dataset
        session: the session's color scheme
    """
    store, scheme = open_store(dataset, STORE), session.copy()
    wanted = _read(dataset, _IN_DATASET)
    changed = _recolor(scheme, _ours(dataset), wanted)
    if wanted and not store.get(_BY_VALUE_SHOWN):
        store.set(_BY_VALUE_SHOWN, True)
        saved = dataset.app_config.color_scheme
        if saved and saved.color_by == "value" and scheme.color_by == fo.app_config.color_by == "field":
            scheme.color_by, changed = "value", True
    _write(dataset, _IN_SESSION, wanted)
    return scheme if changed else None


def _recolor(scheme: fo.ColorScheme, ours: list[Colors], wanted: Colors) -> bool:
    """Replace our colors in a scheme, return whether that changed it; a value that the user has colored stays so."""
    before = [dict(entry) for entry in scheme.fields or []]
    entries = {entry["path"]: entry for entry in ({**entry} for entry in before)}
    for path in {*wanted, *(path for colors in ours for path in colors)}:
        entry = entries.get(path, {"path": path})
        known = [colors.get(path, {}) for colors in ours]
        pairs = [(pair["value"], pair["color"]) for pair in entry.get("valueColors") or []]
        users = {value: color for value, color in pairs if all(colors.get(value) != color for colors in known)}
        found = {**wanted.get(path, {}), **users}
        entry["valueColors"] = [{"value": value, "color": color} for value, color in found.items()]
        entries[path] = entry
        if not found and not any(value for key, value in entry.items() if key not in ("path", "valueColors")):
            del entries[path]
    scheme.fields = list(entries.values())
    return scheme.fields != before


def _ours(dataset: fo.Dataset) -> list[Colors]:
    # of both, for a session's scheme may have been saved as the dataset's
    return [_read(dataset, _IN_DATASET), _read(dataset, _IN_SESSION)]


def _read(dataset: fo.Dataset, where: str) -> Colors:
    colors: Colors = {}
    for path, value, color in open_store(dataset, STORE).get(where) or []:
        colors.setdefault(path, {})[value] = color
    return colors


def _write(dataset: fo.Dataset, where: str, colors: Colors) -> None:
    # values may have dots and dollars, which a key must not
    triples = [[path, value, color] for path, values in colors.items() for value, color in values.items()]
    open_store(dataset, STORE).set(where, triples)
