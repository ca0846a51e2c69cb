"""Files that cannot be used: whatever a decoder or the preparation raises is that image's failure, with its reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.batches import embed_files
from fiftyone.plugins.orgs.constellation.clusters.models.encoders.efficientnet_lite0 import EfficientNetLite0
from fiftyone.plugins.orgs.constellation.clusters.models.images import reading, thumbnails
from fiftyone.plugins.orgs.constellation.clusters.models.images.contact_sheets import plain_sheet
from fiftyone.plugins.orgs.constellation.clusters.models.images.reading import ImageError, read_image
from fiftyone.plugins.orgs.constellation.clusters.models.naming.pictures import prepare
from PIL import Image, features

RAISED = [RuntimeError("Failed to decode"), TypeError("a tag"), NotImplementedError("DXT9"), KeyError(7), MemoryError()]


@pytest.fixture
def pictures(tmp_path):
    """The paths of four good pictures."""
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    return [str(tmp_path / f"{i}.png") for i in range(4)]


def fails_on(monkeypatch, path, error):
    real = Image.open

    def opened(file, *args, **kwargs):
        if str(file) == path:
            raise error
        return real(file, *args, **kwargs)

    monkeypatch.setattr(reading.Image, "open", opened)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_any_exception_of_a_decoder_costs_one_image(error, num_workers, pictures, monkeypatch):
    fails_on(monkeypatch, pictures[2], error)
    batches = list(embed_files(EfficientNetLite0(), [(p, None) for p in pictures], num_workers=num_workers))
    reason = reading.TOO_LARGE if isinstance(error, MemoryError) else reading.UNREADABLE
    assert [row for batch in batches for row in batch.positions] == [0, 1, 3]
    assert [failure for batch in batches for failure in batch.failures] == [(2, reason)]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_the_preparation_fails_alone_too(error, pictures, monkeypatch):
    encoder = EfficientNetLite0()
    encoder.load()
    real, calls = type(encoder).prepare, []

    def failing(self, image):
        calls.append(image)
        if len(calls) == 2:
            raise error
        return real(self, image)

    monkeypatch.setattr(type(encoder), "prepare", failing)
    batches = list(embed_files(encoder, [(p, None) for p in pictures], num_workers=0))
    assert [row for batch in batches for row in batch.positions] == [0, 2, 3]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_thumbnails_and_questions_refuse_one_image(error, pictures, monkeypatch):
    fails_on(monkeypatch, pictures[2], error)
    for use in (
        lambda p: thumbnails.thumbnail(p),
        lambda p: thumbnails.square(p, None, 16),
        lambda p: prepare(p, None, 64),
    ):
        with pytest.raises(ImageError):
            use(pictures[2])
    assert plain_sheet([(p, None) for p in pictures])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_files_with_a_flipped_byte(tmp_path):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, "AVIF")
    refused = 0
    for place in range(0, len(buffer.getvalue()), 11):
        data = bytearray(buffer.getvalue())
        data[place] ^= 0xFF
        path = tmp_path / f"{place}.avif"
        path.write_bytes(bytes(data))
        try:
            read_image(str(path))
        except ImageError:
            refused += 1
    assert refused


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("s3://bucket/a.png", reading.ADDRESS),
        ("a.heic", reading.HEIC),
        ("a.dcm", reading.DICOM),
        ("a.png", reading.UNREADABLE),
    ],
)
def test_reasons_have_remedies(name, reason, tmp_path):
    path = name if "://" in name else str(tmp_path / name)
    if "://" not in name:
        Path(path).write_bytes(b"not an image")
    with pytest.raises(ImageError) as raised:
        read_image(path)
    assert raised.value.reason == reason
