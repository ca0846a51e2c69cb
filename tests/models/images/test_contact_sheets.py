"""Thumbnails and contact sheets: sizes, places, titles in any script, and what stands for damaged files."""

import base64
import io

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images import contact_sheets
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import ImageError
from fiftyone.plugins.orgs.constellation.clusters.models.images.thumbnails import data_url, thumbnail
from PIL import Image


def test_thumbnails_are_small_and_boxes_cropped(tmp_path):
    Image.new("RGB", (800, 400), "red").save(tmp_path / "a.jpg")
    assert thumbnail(str(tmp_path / "a.jpg"), side=100).size == (100, 50)
    assert thumbnail(str(tmp_path / "a.jpg"), [0, 0, 0.25, 1], side=100).size == (50, 100)
    assert data_url(Image.new("RGB", (8, 8))).startswith("data:image/png;base64,")
    assert data_url(Image.new("RGB", (100, 80))).startswith("data:image/jpeg;base64,")
    with pytest.raises(ImageError, match="missing file"):
        thumbnail(str(tmp_path / "b.jpg"))


def test_a_sheet_leaves_the_places_of_unreadable_images_empty(tmp_path):
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "a.png")
    items = [(str(tmp_path / "a.png"), None), ("/nowhere.png", None), (str(tmp_path / "a.png"), [0, 0, 1, 1])]
    sheet, failed = contact_sheets.titled_sheet(items, "name " * 60)
    assert failed == {1: "missing file"}
    red = np.asarray(sheet)[:, :, 1] < 50
    assert red.sum() >= 2 * contact_sheets.TILE**2


def test_one_sheet_shows_all():
    tiles = []
    for color in ("red", "lime", "blue", "yellow", "black"):
        file = io.BytesIO()
        Image.new("RGB", (300, 100), color).save(file, "JPEG")
        tiles.append(file.getvalue())
    sheet = Image.open(io.BytesIO(contact_sheets.captioned_sheet(tiles, ["1", "2", "3", "4", "X1"])))
    assert sheet.size == (3 * 262 + 6, 2 * 284 + 6)
    colors = np.asarray(sheet).reshape(-1, 3).astype(int)
    for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)):
        assert (np.abs(colors - color).sum(axis=1) < 60).mean() > 0.02


def test_titles_in_other_scripts_are_drawn_and_missing_emoji_left_out():
    font = contact_sheets._font(22)
    for title in ("שלום עולם", "مرحبا", "Привет, мир", "Ελληνικά"):
        assert contact_sheets._fitting(title, font, 900) == title
    assert contact_sheets._fitting("07 · 🦜 birds \U0001faa8 日", font, 900) == "07 · birds ?"


def test_a_title_starts_at_the_left_whatever_its_name(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    one, other = (
        contact_sheets.titled_sheet([(str(tmp_path / "a.png"), None)], f"02 · 5 · {x}")[0] for x in ("a", "שלום")
    )
    start = (0, 0, contact_sheets.MARGIN + 60, contact_sheets.MARGIN + contact_sheets.TITLE)
    assert np.array_equal(np.asarray(one.crop(start)), np.asarray(other.crop(start)))


@pytest.mark.parametrize("title", ["", "שלום", "😀 cats", "a\nb", "x" * 10_000])
def test_any_title_can_be_drawn(tmp_path, title):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    sheet, failed = contact_sheets.titled_sheet([(str(tmp_path / "a.png"), None)], title)
    assert not failed and sheet.width == 3 * contact_sheets.TILE


def test_a_plain_sheet_is_squares_side_by_side_and_damage_is_gray(tmp_path):
    Image.new("RGB", (64, 32), "red").save(tmp_path / "a.png")
    items = [(str(tmp_path / "a.png"), None), ("/nowhere.png", None), (str(tmp_path / "a.png"), [0.5, 0, 0.5, 1])]
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheets.plain_sheet(items, columns=2, side=40)))).astype(int)
    assert sheet.shape == (83, 83, 3)
    for (row, column), color in {(20, 20): (254, 0, 0), (20, 63): (127,) * 3, (63, 20): (254, 0, 0)}.items():
        assert np.abs(sheet[row, column] - color).max() < 12
    assert np.abs(sheet[63, 63] - 255).max() < 12  # no fourth picture


def test_a_page_carries_no_comment_of_the_camera(tmp_path):
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg", comment=b"SecretComment")
    sent = base64.b64decode(data_url(thumbnail(str(tmp_path / "a.jpg"))).partition(",")[2])
    assert Image.open(io.BytesIO(sent)).size == (128, 85) and b"Secret" not in sent
