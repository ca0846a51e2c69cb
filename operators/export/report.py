"""Content of the HTML report of a run, gathered from the dataset as plain data."""

from pathlib import Path

import numpy as np

from ...models.labels import NOISE, REST
from ...models.progress import Progress
from ..outputs.plots import shorten
from ..outputs.summary import MAIN_SCORES
from ..runs.clusters import cluster_label
from ..runs.info import run_info
from ..runs.members import Members
from ..runs.run import Run
from .images import shown_members

LONGEST_NAME = 300
LONGEST_TEXT = 600
REST_COLOR = "#c5c9d0"
CARD_IMAGES = 9
REPORT_IMAGES = 4500  # about 20 MB of thumbnails: what a browser opens at once
REPORT_CARDS = 1500
MAP_POINTS = 200_000


def report_of(run: Run, members: Members, progress: Progress) -> tuple[dict, dict[str, int]]:
    """Gather what :func:`operators.export.html.render_report` takes.

    Args:
        run: the run
        members: its members
        progress: a callable ``(fraction, message)``

    Returns:
        a tuple of the report and the number of images that could not be shown, by reason
    """
    from .html import colors

    info = run_info(run)
    groups = members.by_cluster()
    order = sorted(groups, key=lambda c: (c == NOISE, -len(groups[c])))
    order, small = _with_cards(order)
    hues = colors(order)
    shown = {cluster: groups[cluster] for cluster in order}
    try:
        images, skipped, without = *_images(members, shown, progress), []
    except ValueError as error:  # what has no pictures has a report all the same
        images, skipped, without = {cluster: [] for cluster in order}, {}, [f"No thumbnails: {error}."]
    about = run.results.get("names") or {}
    clusters = [_card(members, cluster, groups[cluster], about.get(str(cluster)) or {}) for cluster in order]
    clusters = [{**card, "color": hues[card["id"]], "images": images[card["id"]]} for card in clusters]
    real = [cluster for cluster in [*order, *small] if cluster != NOISE]
    if small:
        clusters.append(_rest(groups, small, len(members.ids)))
    drawn, notes = _map(members, [cluster["id"] for cluster in clusters])
    notes += without
    if skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())
        notes.append(f"Could not be shown: {reasons}.")
    known = [name for name in MAIN_SCORES if isinstance((info["scores"] or {}).get(name), int | float)]
    report = {
        "title": members.run_key,
        "subtitle": f"{len(real):,} clusters of {len(members.ids):,} {members.target.unit} "
        f"in dataset {members.target.dataset.name}",
        "facts": _facts(info, members),
        "scores": [(name.replace("_", " "), f"{info['scores'][name]:.3f}") for name in known],
        "notes": notes,
        "clusters": clusters,
        "map": drawn,
    }
    return report, skipped


def _with_cards(order: list[int]) -> tuple[list[int], list[int]]:
    """Return the largest clusters, and noise, which get a card, and those that are too many for one."""
    real = [cluster for cluster in order if cluster != NOISE]
    return real[:REPORT_CARDS] + order[len(real) :], real[REPORT_CARDS:]


def _card(members: Members, cluster: int, rows: np.ndarray, about: dict) -> dict:
    """Return the text and numbers on the card of a cluster."""
    text = about.get("description")
    return {
        "id": cluster,
        "label": members.names.get(cluster, cluster_label(cluster))[:LONGEST_NAME],
        "size": len(rows),
        "share": len(rows) / len(members.ids),
        "confidence": None if cluster == NOISE else float(members.confidence[rows].mean()),
        "description": text[:LONGEST_TEXT] if isinstance(text, str) else None,
    }


def _rest(groups: dict[int, np.ndarray], small: list[int], n: int) -> dict:
    """Return the card of all clusters that are too small for one of their own."""
    size = sum(len(groups[cluster]) for cluster in small)
    label, share = f"{len(small):,} smaller cluster{'s' if len(small) > 1 else ''}", size / n
    known = {"id": REST, "label": label, "size": size, "share": share, "color": REST_COLOR}
    return {**known, "confidence": None, "description": None, "images": []}


def _facts(info: dict, members: Members) -> list[tuple[str, str]]:
    encoder = info["encoder"]
    params = ", ".join(f"{key}={value}" for key, value in info["params"].items())
    noise = int((members.labels == NOISE).sum())
    facts = [
        ("Method", info["method"]),
        ("Parameters", shorten(params, 160)),
        ("Vectors", f"{info['embeddings']}, by {encoder['name']}" if encoder else info["embeddings"]),
        ("Reduction", info["reduce"]),
        ("Seed", info["seed"]),
        ("Made", info["created_at"]),
    ]
    return facts + ([("Noise", f"{noise:,} ({100 * noise / len(members.ids):.1f} %)")] if noise else [])


def _images(
    members: Members, groups: dict[int, np.ndarray], progress: Progress
) -> tuple[dict[int, list[str]], dict[str, int]]:
    """Make thumbnails per cluster as ``data:`` URLs, fewer of each where there are many clusters."""
    from ...models.images.reading import ImageError
    from ...models.images.thumbnails import data_url, thumbnail

    each = int(np.clip(REPORT_IMAGES // len(groups), 1, CARD_IMAGES))
    chosen = {cluster: shown_members(members, cluster, rows, each) for cluster, rows in groups.items()}
    files, rendering = members.pictures([key for keys in chosen.values() for key in keys]), members.rendering()
    found: dict[str, str] = {}
    skipped: dict[str, int] = {}
    for place, (key, (filepath, box)) in enumerate(files.items()):
        if place % 9 == 0:
            progress(place / len(files), f"image {place + 1:,} of {len(files):,}")
        try:
            found[key] = data_url(thumbnail(filepath, box, rendering=rendering))
        except ImageError as error:
            skipped[error.reason] = skipped.get(error.reason, 0) + 1
    return {cluster: [found[key] for key in keys if key in found] for cluster, keys in chosen.items()}, skipped


def _map(members: Members, order: list[int]) -> tuple[dict | None, list[str]]:
    """Return the run's 2-D map, joined by id, and notes on it; None and the reason if there is none."""
    from .html import pack_map

    dataset, key = members.target.dataset, members.config.visualization
    if not key or key not in dataset.list_brain_runs():
        why = "was deleted" if key else "was not made; run compute_clusters with visualize=True for one"
        return None, [f"The 2-D map {why}."]
    results = dataset.load_brain_results(key)
    ids = results.label_ids if members.target.patches_field else results.sample_ids
    place = {str(found): row for row, found in enumerate(ids)}
    rows = [row for row, member in enumerate(members.ids) if member in place]
    if not rows:
        return None, ["The 2-D map has none of these samples."]
    if len(rows) > MAP_POINTS:
        rows = np.sort(np.random.default_rng(members.config.seed).choice(rows, MAP_POINTS, replace=False)).tolist()
    points = np.asarray(results.points)[[place[members.ids[row]] for row in rows]]
    few = [] if len(rows) == len(members.ids) else [f"The map shows {len(rows):,} of {len(members.ids):,}."]
    labels = members.labels[rows]
    return pack_map(points, np.where(np.isin(labels, order), labels, REST), order), few


def write_report(path: Path, run: Run, members: Members, progress: Progress) -> dict[str, int]:
    """Write the HTML report.

    Returns:
        the number of images that could not be shown, by reason
    """
    from .html import render_report

    report, skipped = report_of(run, members, progress)
    path.write_text(render_report(report), encoding="utf-8")
    return skipped
