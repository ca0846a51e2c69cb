import base64
import hashlib
import json
import re

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images import contact_sheets as thumbnails
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import ImageError
from fiftyone.plugins.orgs.constellation.clusters.models.images.thumbnails import data_url
from fiftyone.plugins.orgs.constellation.clusters.operators.export import html as report
from PIL import Image

NAMES = ["cats & dogs", "</script><script>alert(1)</script>", '"onload="x', "<!-- {{data}}", "עברית 😀"]


def made(names=NAMES, drawn=True):
    clusters = [
        {
            "id": i,
            "label": name,
            "size": 10 - i,
            "share": 0.2,
            "confidence": 0.5,
            "description": name,
            "color": "hsl(0 50% 50%)",
            "images": ["data:image/png;base64,AAAA"],
        }
        for i, name in enumerate(names)
    ]
    points = np.random.default_rng(0).normal(size=(50, 2))
    order = list(range(len(names)))
    packed = report.pack_map(points, np.arange(50) % len(names), order) if drawn else None
    parts = {
        "title": names[0],
        "subtitle": names[-1],
        "facts": [("a", names[1 % len(names)])],
        "scores": [("ari", "1")],
    }
    return report.render_report({**parts, "notes": names, "clusters": clusters, "map": packed})


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_hostile_names_stay_text():
    page = made()
    assert page.count("<script") == 2 and page.count("</script>") == 2 and "<!-- " not in page.split("<body>")[1]
    assert [cluster["label"] for cluster in data_of(page)["clusters"]] == NAMES
    assert "cats &amp; dogs" in page and '"onload="' not in page


def test_the_page_allows_its_own_script_and_no_address():
    page = made()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;") and f"'sha256-{digest}'" in policy
    assert not re.search(r"(src|href)=\"?(?!data:)[a-z]+:", page) and "http" not in page.replace("http-equiv", "")


def test_placeholders_in_names_are_not_filled():
    assert "&lt;!-- {{data}}" in made()
    assert not re.search(r"\{\{(?!data\}\})\w+\}\}", made())


def test_without_a_map():
    page = made(drawn=False)
    assert '<section class="map" hidden>' in page and data_of(page)["map"] is None


def test_the_map_is_packed_to_16_bits():
    points, labels = np.array([[0.0, 0], [2, 1], [1, 1]]), [5, -1, 5]
    packed = report.pack_map(points, labels, [5, -1])
    x, y, cluster = (np.frombuffer(base64.b64decode(packed[key]), "<u2").tolist() for key in ("x", "y", "cluster"))
    assert packed["n"] == 3 and packed["aspect"] == 2 and cluster == [0, 1, 0]
    assert x == [0, 65535, 32768] and y == [65535, 0, 0]
    assert report.pack_map(np.zeros((2, 2)), [0, 0], [0])["aspect"] == 1


def test_colors_are_stable_and_different():
    found = report.colors([-1, *range(60)])
    assert len(set(found.values())) == 61 and found[-1] == report.NOISE_COLOR
    assert report.colors([7])[7] == found[7]


def test_thumbnails_are_small_and_boxes_cropped(tmp_path):
    Image.new("RGB", (800, 400), "red").save(tmp_path / "a.jpg")
    assert thumbnails.thumbnail(str(tmp_path / "a.jpg"), side=100).size == (100, 50)
    assert thumbnails.thumbnail(str(tmp_path / "a.jpg"), [0, 0, 0.25, 1], side=100).size == (50, 100)
    assert data_url(Image.new("RGB", (8, 8))).startswith("data:image/png;base64,")
    assert data_url(Image.new("RGB", (100, 80))).startswith("data:image/jpeg;base64,")
    with pytest.raises(ImageError, match="missing file"):
        thumbnails.thumbnail(str(tmp_path / "b.jpg"))


def test_a_sheet_leaves_the_places_of_unreadable_images_empty(tmp_path):
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "a.png")
    items = [(str(tmp_path / "a.png"), None), ("/nowhere.png", None), (str(tmp_path / "a.png"), [0, 0, 1, 1])]
    sheet, failed = thumbnails.titled_sheet(items, "name " * 60)
    assert failed == {1: "missing file"}
    red = np.asarray(sheet)[:, :, 1] < 50
    assert red.sum() >= 2 * thumbnails.TILE**2


def test_titles_in_other_scripts_are_drawn_and_missing_emoji_left_out():
    font = thumbnails._font(22)
    for title in ("שלום עולם", "مرحبا", "Привет, мир", "Ελληνικά"):
        assert thumbnails._fitting(title, font, 900) == title
    assert thumbnails._fitting("07 · 🦜 birds \U0001faa8 日", font, 900) == "07 · birds ?"


def test_a_title_starts_at_the_left_whatever_its_name(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    one, other = (thumbnails.titled_sheet([(str(tmp_path / "a.png"), None)], f"02 · 5 · {x}")[0] for x in ("a", "שלום"))
    start = (0, 0, thumbnails.MARGIN + 60, thumbnails.MARGIN + thumbnails.TITLE)
    assert np.array_equal(np.asarray(one.crop(start)), np.asarray(other.crop(start)))


@pytest.mark.parametrize("title", ["", "שלום", "😀 cats", "a\nb", "x" * 10_000])
def test_any_title_can_be_drawn(tmp_path, title):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    sheet, failed = thumbnails.titled_sheet([(str(tmp_path / "a.png"), None)], title)
    assert not failed and sheet.width == 3 * thumbnails.TILE
