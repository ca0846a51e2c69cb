"""Contact sheets: pictures of what is typical of a cluster, drawn once, from images, patches and small copies."""

import urllib.parse
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.targets import resolve_target
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.contact_sheets import draw_sheets
from PIL import Image


def test_contact_sheets_are_drawn_once_and_damage_is_grey(dataset, tmp_path):
    for i, color in enumerate(("red", "lime")):
        Image.new("RGB", (64, 32), color).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_text("no picture")
    box = fo.Detection(label="x", bounding_box=[0.5, 0, 0.5, 1])
    things = fo.Detections(detections=[box])
    dataset.add_samples([fo.Sample(filepath=str(tmp_path / f"{i}.png"), things=things.copy()) for i in range(4)])
    ids = dataset.values("id")
    whole = resolve_target(dataset)
    first, nothing = draw_sheets(whole, [ids, ["0" * 24]])
    assert nothing is None and draw_sheets(whole, [ids]) == [first]
    path = Path(urllib.parse.unquote(first.removeprefix("../media?filepath=")))
    sheet = np.asarray(Image.open(path)).astype(int)
    assert sheet.shape == (195, 195, 3)
    assert np.abs(sheet[48, 48] - [254, 0, 0]).max() < 12 and np.abs(sheet[48, 147] - [0, 255, 0]).max() < 12
    assert np.abs(sheet[147, 48] - 127).max() < 12 and np.abs(sheet[147, 147] - 127).max() < 12
    labels = dataset.values("things.detections.id", unwind=True)
    (patch,) = draw_sheets(resolve_target(dataset, "things"), [labels[:1]])
    assert patch != first and patch.startswith("../media?filepath=")


@pytest.mark.parametrize(("n", "shape"), [(1, (96, 96)), (2, (96, 195)), (3, (195, 195)), (9, (294, 294))])
def test_sheets_of_small_clusters_are_shown_whole(browser, n, shape):
    (address,) = draw_sheets(resolve_target(browser.dataset), [browser.dataset.limit(n).values("id")])
    path = urllib.parse.unquote(address.removeprefix("../media?filepath="))
    assert np.asarray(Image.open(path)).shape[:2] == shape
    # a square picture may be cut to the square of its card, another one has to fit into it
    assert browser.drawn.count('"objectFit": "contain"') == 3 and '"objectFit": "cover"' not in browser.drawn


def test_small_copies_are_read_where_the_grid_has_them(dataset, tmp_path):
    Image.new("RGB", (32, 32), "blue").save(tmp_path / "small.png")
    dataset.add_sample(fo.Sample(filepath="/nowhere/large.png", thumbnail_path=str(tmp_path / "small.png")))
    dataset.app_config.media_fields = ["filepath", "thumbnail_path"]
    dataset.app_config.grid_media_field = "thumbnail_path"
    dataset.save()
    (address,) = draw_sheets(resolve_target(dataset), [dataset.values("id")], columns=1)
    path = urllib.parse.unquote(address.removeprefix("../media?filepath="))
    assert np.abs(np.asarray(Image.open(path)).astype(int)[48, 48] - [0, 0, 254]).max() < 12
