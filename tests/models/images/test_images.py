"""Reading images: every color mode, bit depth and kind of damage, and cropping boxes."""

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import ImageError, crop, read_image
from PIL import Image


@pytest.fixture(scope="module")
def ramp():
    """A grayscale ramp, 0 to 255 from left to right."""
    return np.tile(np.arange(256, dtype=np.uint8), (64, 1))


def _pixels(path, **kwargs):
    image = read_image(str(path), **kwargs)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif"])
def test_grayscale(tmp_path, ramp, name):
    Image.fromarray(ramp).save(tmp_path / name)
    assert np.abs(_pixels(tmp_path / name) - ramp[..., None]).max() <= 6


def test_binary(tmp_path):
    Image.fromarray(np.eye(8, dtype=bool)).save(tmp_path / "a.png")
    assert (_pixels(tmp_path / "a.png")[..., 1] == 255 * np.eye(8)).all()


def test_16_bit_is_scaled_not_clipped(tmp_path, ramp):
    Image.fromarray(ramp.astype(np.uint16) * 256 + 17).save(tmp_path / "a.png")
    Image.fromarray(ramp.astype(np.uint16) * 256 + 17).save(tmp_path / "a.tif")
    assert (_pixels(tmp_path / "a.png") == ramp[..., None]).all()
    assert (_pixels(tmp_path / "a.tif") == ramp[..., None]).all()


def test_dark_16_bit_stays_dark(tmp_path):
    """The values of a 16-bit file decide, not how bright this image happens to be."""
    Image.fromarray(np.full((4, 4), 200, np.uint16)).save(tmp_path / "a.png")
    assert (_pixels(tmp_path / "a.png") == 0).all()


def test_32_bit_integers(tmp_path, ramp):
    for scale in (1, 257, 10**6):
        Image.fromarray(ramp.astype(np.int32) * scale).save(tmp_path / "a.tif")
        assert np.abs(_pixels(tmp_path / "a.tif") - ramp[..., None]).max() <= 1


@pytest.mark.parametrize(("scale", "shift"), [(1 / 255, 0), (1, 0), (40, 0), (0.5, -3)])
def test_float_tiff(tmp_path, ramp, scale, shift):
    Image.fromarray(ramp.astype(np.float32) * scale + shift).save(tmp_path / "a.tif")
    assert np.abs(_pixels(tmp_path / "a.tif") - ramp[..., None]).max() <= 1


def test_float_tiff_with_nan(tmp_path, ramp):
    values = ramp / np.float32(255)
    values[0, 255] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    pixels = _pixels(tmp_path / "a.tif")
    assert (pixels[0, 255] == 0).all()
    assert np.abs(pixels[1:] - ramp[1:, :, None]).max() <= 1


def test_alpha_is_composited_on_white(tmp_path):
    image = Image.new("RGBA", (4, 2), (10, 20, 30, 255))
    image.putpixel((0, 0), (10, 20, 30, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.save(tmp_path / "a.png")
    pixels = _pixels(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert np.abs(pixels[0, 1] - 127).max() <= 1
    assert pixels[1, 1].tolist() == [10, 20, 30]


def test_gray_with_alpha(tmp_path):
    image = Image.new("LA", (2, 1), (50, 255))
    image.putpixel((0, 0), (50, 0))
    image.save(tmp_path / "a.png")
    assert _pixels(tmp_path / "a.png")[0].tolist() == [[255] * 3, [50] * 3]


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 100, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "transparent.png", transparency=1)
    assert _pixels(tmp_path / "plain.png")[0].tolist() == [[200, 0, 0], [0, 100, 0]]
    assert _pixels(tmp_path / "transparent.png")[0].tolist() == [[200, 0, 0], [255] * 3]


def test_color_key_transparency(tmp_path):
    image = Image.new("RGB", (2, 1), (9, 9, 9))
    image.putpixel((1, 0), (1, 2, 3))
    image.save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert _pixels(tmp_path / "a.png")[0].tolist() == [[9, 9, 9], [255] * 3]


def test_cmyk(tmp_path):
    Image.new("RGB", (16, 16), (200, 30, 40)).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert np.abs(_pixels(tmp_path / "a.jpg") - (200, 30, 40)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_exif_orientation_is_applied(tmp_path, orientation, kind):
    """The eight files of one scene, each stored in its own orientation, must decode alike."""
    scene = np.zeros((32, 64, 3), np.uint8)
    scene[:16, :32] = 255
    image = Image.fromarray(scene)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose methods
    stored = image.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{kind}", exif=exif, **({"quality": 100} if kind == "jpg" else {}))
    pixels = _pixels(tmp_path / f"a.{kind}")
    assert pixels.shape == scene.shape
    assert np.abs(pixels - scene).max() <= 2


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    for name in ("a.gif", "a.webp", "a.png"):
        extra = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **extra)
        assert _pixels(tmp_path / name)[0, 0].tolist() == [255, 0, 0]


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert _pixels(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


def _reason(path):
    with pytest.raises(ImageError) as error:
        read_image(str(path))
    return error.value.reason


def test_reasons_of_failure(tmp_path, ramp, monkeypatch):
    noise = Image.fromarray(np.random.default_rng(51).integers(0, 255, (99, 99, 3), np.uint8))
    for name in ("a.jpg", "a.png", "a.webp", "a.gif", "a.tif"):
        noise.save(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert _reason(tmp_path / "a.jpg") == "truncated image"
    assert _reason(tmp_path / "a.png") == "truncated image"
    assert _reason(tmp_path / "a.gif") == "truncated image"
    assert _reason(tmp_path / "a.webp") in ("truncated image", "unreadable image")
    assert _reason(tmp_path / "a.tif") in ("truncated image", "unreadable image")
    (tmp_path / "text.jpg").write_text("this is no image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert _reason(tmp_path / "text.jpg") == "unreadable image"
    assert _reason(tmp_path / "empty.jpg") == "unreadable image"
    assert _reason(tmp_path) == "unreadable image"
    assert _reason(tmp_path / "none.jpg") == "missing file"
    noise.save(tmp_path / "whole.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert _reason(tmp_path / "whole.png") == "image too large"


def test_png_with_wrong_checksum_is_no_crash(tmp_path, ramp):
    Image.fromarray(ramp).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[60] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    assert _reason(tmp_path / "a.png") in ("unreadable image", "truncated image")


def test_large_jpeg_is_decoded_smaller_but_never_below_twice_the_need(tmp_path):
    from skimage import data

    photo = Image.fromarray(data.astronaut()).resize((2048, 1536), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "a.jpg", quality=92)
    assert read_image(str(tmp_path / "a.jpg")).size == (2048, 1536)
    for need in (100, 224, 384, 700):
        width, height = read_image(str(tmp_path / "a.jpg"), at_least=need).size
        assert height >= 2 * need or height == 1536
        assert abs(width / height - 4 / 3) < 0.01
    assert read_image(str(tmp_path / "a.jpg"), at_least=224).height == 768
    exact = np.asarray(read_image(str(tmp_path / "a.jpg")).resize((224, 224), 3)).astype(int)
    quick = np.asarray(read_image(str(tmp_path / "a.jpg"), at_least=224).resize((224, 224), 3)).astype(int)
    assert np.abs(exact - quick).mean() < 1


def test_crop():
    image = Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).convert("RGB")
    assert crop(image, None) is image
    part = np.asarray(crop(image, [0.2, 0.1, 0.3, 0.5]))[..., 0]
    assert (part == np.arange(100).reshape(10, 10)[1:6, 2:5]).all()
    assert crop(image, [-0.5, -0.5, 2, 2]).size == (10, 10)
    assert crop(image, [0.9, 0.9, 0.5, 0.5]).size == (1, 1)


@pytest.mark.parametrize(
    "box", [[0, 0, 0, 0.5], [0.5, 0.5, 0.01, 0.01], [2, 2, 1, 1], [0, 0, -1, 1], [0, 0, float("nan"), 1], [], [0, 1]]
)
def test_boxes_without_a_pixel_are_empty(box):
    with pytest.raises(ImageError) as error:
        crop(Image.new("RGB", (10, 10)), box)
    assert error.value.reason == "empty box"
