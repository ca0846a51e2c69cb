"""Rendering of sets: one range of values and one background, decided when needed and from the files of the set."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images.contact_sheets import plain_sheet, titled_sheet
from fiftyone.plugins.orgs.constellation.clusters.models.images.preprocessing import Preprocessing
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import NO_VALUES, ImageError, read_image
from fiftyone.plugins.orgs.constellation.clusters.models.images.rendering import Rendering
from fiftyone.plugins.orgs.constellation.clusters.models.images.thumbnails import thumbnail
from fiftyone.plugins.orgs.constellation.clusters.models.naming.pictures import prepare
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import decode
from PIL import Image, ImageDraw

LOW, HIGH = 29000, 29255


@pytest.fixture
def save(tmp_path):
    """A function that saves arrays or images as files and returns their paths."""

    def write(*pictures, suffix="tif"):
        paths = []
        for picture in pictures:
            image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
            paths.append(str(tmp_path / f"{len(list(tmp_path.iterdir())):02d}.{suffix}"))
            image.save(paths[-1])
        return paths

    return write


def flat(value, dtype=np.uint16):
    return np.full((16, 16), value, dtype)


def thermal(n=8):
    """Ramps of the whole range, and a dim one at last."""
    ramp = np.tile(np.linspace(LOW, HIGH, 256), (16, 1)).astype(np.uint16)
    return [ramp] * n + [flat(LOW + 64)]


def icon(color, n=8):
    """A disk on transparency, whose color lies beneath it, too."""
    image = Image.new("RGBA", (32, 32), (*color, 0))
    ImageDraw.Draw(image).ellipse((4, 4, 27, 27), fill=(*color, 255))
    return image


def gray_of(path, rendering):
    return int(np.median(np.asarray(read_image(path, None, rendering))))


def test_one_range_for_all_files_whatever_their_order(save):
    paths = save(*thermal())
    rendering = Rendering(paths)
    assert gray_of(paths[-1], rendering) == pytest.approx(64, abs=3) and gray_of(paths[0], rendering) in range(120, 136)
    assert rendering.as_dict() == {"integers": pytest.approx([LOW, HIGH], abs=3)}
    turned = Rendering(lambda: reversed(paths))
    assert gray_of(paths[0], turned) in range(120, 136) and turned.as_dict() == rendering.as_dict()
    later = Rendering((), rendering.as_dict())  # without the files, as for new images
    assert gray_of(paths[-1], later) == gray_of(paths[-1], rendering)
    assert "one range, integers from 29000 to 29255" in Rendering((), {"integers": [29000.0, 29255.0]}).notes()[0]


def test_integers_and_floats_have_a_range_each_and_8_bits_none(save):
    paths = save(flat(1000), flat(3000), flat(0.25, np.float32), flat(0.75, np.float32), flat(200, np.uint8))
    rendering = Rendering(paths)
    assert [gray_of(path, rendering) for path in paths] == [0, 255, 0, 255, 200]
    assert rendering.as_dict() == {"integers": [1000, 3000], "floats": [0.25, 0.75]}


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_color_with_16_bits_has_both_bytes(save, tmp_path, name):
    values = np.random.default_rng(0).integers(0, 4096, (40, 30, 3)).astype(np.uint16)
    opaque = np.full((40, 30, 1), 65535, np.uint16)
    for channels in (values, np.concatenate([values, opaque], axis=2)):
        path = str(tmp_path / name)
        cv2.imwrite(path, channels)
        rendering = Rendering([path, *save(flat(0), flat(4095))])
        found = np.asarray(read_image(path, None, rendering)).astype(int)
        assert rendering.range_of("integers") == pytest.approx([0, 4095], abs=1)
        assert np.abs(found - values[..., ::-1] * (255 / 4095)).max() <= 1
        assert (np.asarray(read_image(path)) == values[..., ::-1] >> 8).all()  # without a set, as Pillow has it
    if name == "a.png":  # as it is turned, so are its values
        data, exif = Path(path).read_bytes(), Image.Exif()
        exif[0x0112] = 6
        content = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
        (tmp_path / name).write_bytes(data[:33] + chunk + data[33:])
        turned = np.asarray(read_image(path, None, rendering)).astype(int)
        assert (turned == np.rot90(found, -1)).all()


def test_outliers_and_a_single_value_do_no_harm(save):
    values = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (16, 1))
    dead = values.copy()
    dead[3, 3:6] = 1e9, -1e9, np.inf
    rendering = Rendering(save(values, dead))
    assert rendering.range_of("floats") == pytest.approx((0, 1), abs=0.02)
    sparse = np.zeros((64, 64), np.uint16)
    sparse[5, 5:9] = 300
    assert Rendering(save(sparse)).range_of("integers") == [0, 300]
    assert Rendering(save(flat(7))).range_of("integers") == [7, 8]
    assert Rendering(["/nowhere/a.tif"]).range_of("integers") is None


def test_nan_is_black_and_nothing_but_nan_is_a_failure(save):
    some = np.tile(np.linspace(-5, 5, 256, dtype=np.float32), (16, 1))
    some[:, :100] = np.nan
    paths = save(some, flat(np.nan, np.float32))
    for rendering in (Rendering(paths), None):
        assert np.asarray(read_image(paths[0], None, rendering))[0, [0, 99, 100, 255], 0].tolist() == [0, 0, 0, 255]
        with pytest.raises(ImageError) as raised:
            read_image(paths[1], None, rendering)
        assert raised.value.reason == NO_VALUES


def test_ordinary_images_are_never_read_twice(save):
    def refuse():
        raise AssertionError("the files of an ordinary set were asked for")

    rendering = Rendering(refuse)
    paths = save(flat(200, np.uint8), Image.new("RGB", (9, 9)), Image.new("RGBA", (9, 9), "red"), suffix="png")
    assert [gray_of(path, rendering) for path in paths] == [200, 0, 0] and rendering.as_dict() == {}
    with pytest.raises(ImageError, match="were asked for"):  # what is decided is decided from the files
        read_image(*save(flat(200)), None, rendering)


@pytest.mark.parametrize(
    ("colors", "background"),
    [
        ([(255, 255, 255)], 0),
        ([(0, 0, 0), (200, 30, 30)], 255),
        ([(0, 0, 0), (255, 255, 255)], 128),
        ([(255, 255, 255), (128, 128, 128)], 0),
        ([(250, 250, 210)], 255),  # pale, but it can be seen: white stays
    ],
)
def test_the_background_is_one_on_which_most_can_be_seen(save, colors, background):
    paths = save(*map(icon, colors), Image.new("RGBA", (8, 8)), Image.new("RGB", (8, 8)), suffix="png")
    rendering = Rendering(paths)
    corners = [read_image(path, None, rendering).getpixel((0, 0))[0] for path in paths[: len(colors)]]
    assert corners == [background] * len(colors) and rendering.as_dict() == {"background": background}
    assert bool(rendering.notes()) == (background != 255)


def test_whatever_shows_or_learns_from_a_set_uses_its_rendering(save, tmp_path):
    icons = save(*[icon((255, 255, 255))] * 2, icon((240, 240, 240)), suffix="png")
    dim = save(*thermal())[-1:]
    for path, files, expected in ((icons[0], icons, 0), (dim[0], [*dim, *save(*thermal())], 64)):
        rendering = Rendering(files)
        pictures = [
            thumbnail(path, rendering=rendering),
            titled_sheet([(path, None)], "", rendering=rendering)[0].crop((18, 62, 400, 400)),
            *(
                opened(data)
                for data in (plain_sheet([(path, None)], rendering=rendering), prepare(path, None, 64, rendering))
            ),
        ]
        for picture in pictures:
            assert picture.getpixel((1, 1))[0] == pytest.approx(expected, abs=6)
        plain = Preprocessing((16, 16), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        pixels = decode([(file, None) for file in files], files, plain, tmp_path)
        assert pixels.array[0, 0, 0, 0] == pytest.approx(expected, abs=3)
        assert pixels.rendering == rendering.as_dict()


def opened(data):
    return Image.open(io.BytesIO(data))
