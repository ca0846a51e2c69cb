import base64
import hashlib
import json
import re

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.operators.export import html as report

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
