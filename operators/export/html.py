"""One HTML file about a clustering that works from a disk: map, names, thumbnails and statistics are all inside.

Names come from people and language models, so they are never markup: they are escaped in the page, escaped again in
the data the script reads, and the page forbids every script but its own and every address but its own data.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

TEMPLATE = Path(__file__).resolve().parents[2] / "assets" / "report.html"
NOISE_COLOR = "#9aa0a8"
# Hues a golden angle apart stay different however many there are; three depths tell neighbors in hue apart
_GOLDEN = 137.508
_DEPTHS = ((65, 47), (55, 64), (75, 38))
_GRID = 65535
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def render_report(report: dict) -> str:
    """Render the report as HTML.

    Args:
        report: plain data: "title", "subtitle", "facts" and "scores" as lists of ``(name, value)`` texts, "notes" as
            texts, "clusters" as dicts with id, label, size, share, confidence, description (or None), color and
            images (``data:`` URLs), and "map" from :func:`pack_map`, or None

    Returns:
        the text of the file
    """
    template = TEMPLATE.read_text(encoding="utf-8")
    script = _SCRIPT.findall(template)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    names = [{key: cluster[key] for key in ("id", "label", "size", "color")} for cluster in report["clusters"]]
    parts = {
        "policy": f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        "title": _text(report["title"]),
        "subtitle": _text(report["subtitle"]),
        "facts": _rows(report["facts"]),
        "scores": _rows(report["scores"]),
        "notes": "".join(f"<p class=note>{_text(note)}</p>" for note in report["notes"]),
        "map_hidden": "" if report["map"] else "hidden",
        "cards": "\n".join(_card(cluster) for cluster in report["clusters"]),
        "data": _json({"clusters": names, "map": report["map"]}),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def pack_map(points: np.ndarray, labels: np.ndarray, order: list[int]) -> dict:
    """Pack a 2-D map as the report's script reads it: 16 bits per coordinate, in base64.

    Args:
        points: ``(n, 2)`` coordinates
        labels: ``(n,)`` cluster ids
        order: cluster ids in the order of the report's clusters

    Returns:
        a dict with "n", "aspect", "x", "y" and "cluster", the position of each point's cluster in ``order``
    """
    points = np.asarray(points, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.where(high > low, high - low, 1)
    scaled = np.round((points - low) / extent * _GRID).astype("<u2")
    place = {cluster: i for i, cluster in enumerate(order)}
    positions = np.array([place[int(label)] for label in labels], dtype="<u2")
    columns = {"x": scaled[:, 0], "y": _GRID - scaled[:, 1], "cluster": positions}
    packed = {name: base64.b64encode(np.ascontiguousarray(a).tobytes()).decode() for name, a in columns.items()}
    return {"n": len(points), "aspect": float(np.clip(extent[0] / extent[1], 0.5, 2.0)), **packed}


def colors(ids: list[int]) -> dict[int, str]:
    """Return a color per cluster id, always the same for the same id; noise is gray."""
    found = {}
    for cluster in ids:
        saturation, lightness = _DEPTHS[cluster % len(_DEPTHS)]
        hue = cluster * _GOLDEN % 360
        found[cluster] = NOISE_COLOR if cluster < 0 else f"hsl({hue:.0f} {saturation}% {lightness}%)"
    return found


def _card(cluster: dict) -> str:
    images = "".join(f'<img src="{html.escape(url)}" alt="" loading="lazy">' for url in cluster["images"])
    about = f"<p class=about>{_text(cluster['description'])}</p>" if cluster["description"] else ""
    label = _text(cluster["label"])
    statistics = f"{cluster['size']:,} · {100 * cluster['share']:.1f} %"
    if cluster["confidence"] is not None:
        statistics += f" · confidence {cluster['confidence']:.2f}"
    return (
        f'<article class=card id="c{cluster["id"]}" data-size="{cluster["size"]}" '
        f'data-confidence="{cluster["confidence"] or 0}" style="--c:{cluster["color"]}">'
        f"<h3><bdi>{label}</bdi></h3><p class=statistics>{statistics}</p>"
        f'<div class=bar><i style="width:{100 * cluster["share"]:.2f}%"></i></div>{about}'
        f"<div class=thumbs>{images}</div></article>"
    )


def _rows(pairs: Iterable[tuple[str, Any]]) -> str:
    return "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in pairs)


def _text(value: Any) -> str:
    return html.escape(str(value))


def _json(value: Any) -> str:
    # "</script>" in a name must not end the script element, nor "<!--" open a comment
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
