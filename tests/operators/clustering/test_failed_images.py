"""Images without a vector: why is counted by kind in the summary, the record and the refusal."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images import reading
from PIL import Image

from ..handles import get_config
from ..videos import SMALL


@pytest.fixture
def mixed(dataset, tmp_path):
    """Twelve good pictures, and one each of a missing file, an address, a HEIC, a DICOM and a damaged file."""
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(path)
    for name in ("a.heic", "a.dcm", "bad.png"):
        (tmp_path / name).write_bytes(b"not an image")
        paths.append(str(tmp_path / name))
    paths += [str(tmp_path / "moved.png"), "s3://bucket/a.png"]
    dataset.add_samples([fo.Sample(filepath=path, media_type="image") for path in paths])
    return dataset


REASONS = {reading.HEIC: 1, reading.DICOM: 1, reading.UNREADABLE: 1, reading.MISSING: 1, reading.ADDRESS: 1}


def test_reasons_are_counted_by_kind(mixed, compute):
    done = compute(mixed, run_key="km", **SMALL)
    assert done["skipped"] == REASONS == get_config(mixed, "km").skipped
    assert done["n_used"] == 12


def test_a_refusal_says_why(mixed, compute):
    with pytest.raises(ValueError, match="address instead of a file: download the images first") as raised:
        compute(mixed.skip(12), run_key="km", **{**SMALL, "params": {"n_clusters": 2}})
    assert "compute embeddings first" not in str(raised.value) and len(str(raised.value)) < 400
