"""Long strips: what is resized is what the crop keeps, whatever the shape."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images.preprocessing import Preprocessing
from PIL import Image

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
SIDE = 64


@pytest.fixture
def made(monkeypatch):
    """The numbers of pixels of all images that are resized into being."""
    pixels, resize = [], Image.Image.resize

    def counted(self, size, *args, **kwargs):
        pixels.append(size[0] * size[1])
        return resize(self, size, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "resize", counted)
    return pixels


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(1, 20000), (65000, 1), (2, 900), (300, 300)])
def test_no_more_pixels_are_made_than_the_crop_keeps(size, mode, made):
    pixels = Preprocessing((SIDE, SIDE), **PLAIN, resize_mode=mode)(Image.new("RGB", size, (1, 2, 3)))
    assert pixels.shape == (3, SIDE, SIDE)
    assert pixels[:, (SIDE - 1) // 2, (SIDE - 1) // 2].tolist() == [1, 2, 3]
    assert max(made) <= 8 * SIDE * SIDE


def _in_full(image, side, resample, crop_fraction):
    """Resize all of the image, then crop, as torchvision does."""
    scaled, (w, h) = int(side / crop_fraction), image.size
    size = (scaled, int(scaled * h / w)) if w <= h else (int(scaled * w / h), scaled)
    left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
    return np.asarray(image.resize(size, resample).crop((left, top, left + side, top + side))).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(300, 300), (640, 427), (101, 160), (64, 64), (64, 100), (40, 37)])
@pytest.mark.parametrize("fraction", [1.0, 0.875])
def test_usual_shapes_have_the_pixels_of_the_whole(size, fraction):
    rng = np.random.default_rng(51)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))
    found = Preprocessing((SIDE, SIDE), **PLAIN, crop_fraction=fraction)(image)
    assert (found == _in_full(image, SIDE, Image.Resampling.BICUBIC, fraction)).all()


@pytest.mark.parametrize("size", [(1200, 90), (30, 900)])
@pytest.mark.parametrize("fraction", [1.0, 0.875])
def test_strips_differ_from_the_whole_by_rounding(size, fraction):
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = 127 + 90 * np.sin(x / 7)[..., None] * np.cos(y / np.array([5, 6, 8])[:, None, None]).transpose(1, 2, 0)
    image = Image.fromarray(pixels.astype(np.uint8))
    found = Preprocessing((SIDE, SIDE), **PLAIN, crop_fraction=fraction)(image)
    wanted = _in_full(image, SIDE, Image.Resampling.BICUBIC, fraction)
    assert np.abs(found.astype(int) - wanted).max() <= 2
