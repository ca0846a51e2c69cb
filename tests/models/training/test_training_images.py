"""Images for training: decoded once, in memory or mapped, sized by what they show, read no longer than wanted."""

import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.images.preprocessing import Preprocessing
from fiftyone.plugins.orgs.constellation.clusters.models.training import pixels as reading
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import decode, describe, propose_side
from fiftyone.plugins.orgs.constellation.clusters.models.training.reconstruction import mean_image_error
from PIL import Image

ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """30 images of 40 x 30 pixels."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    paths = [str(folder / f"{i:02d}.png") for i in range(30)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(path)
    return paths


def decoded(files, folder, progress=None, num_workers=None):
    return decode([(f, None) for f in files], files, Preprocessing((16, 16), ZERO, ONE), folder, num_workers, progress)


class Full:
    available = 1000


def test_a_full_disk_refuses_the_map_before_anything_is_written_to_it(files, tmp_path, monkeypatch):
    """Writing to a mapped page without room behind it would end the process with SIGBUS."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Full)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # 23,040 are needed
    try:
        with pytest.raises(ValueError, match="30 images at 16 pixels need 0.0 GB, more than memory .* have") as error:
            decoded(files, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_processes_of_one_machine_share_its_memory(files, tmp_path, monkeypatch):
    class Half:
        available = 30 * 3 * 16 * 16 * 3  # 40 % of which holds the images once, not twice

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Half)
    assert not isinstance(decoded(files, tmp_path).array, np.memmap)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert isinstance(decoded(files, tmp_path).array, np.memmap)


def test_a_stop_does_not_wait_for_the_images_that_were_ahead(files, tmp_path, monkeypatch):
    read, ended = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait=wait)

    real = reading._read

    def slow(item, *how):
        if read:
            ended.wait(60)
        read.append(item)
        return real(item, *how)

    class Enough(Exception):
        pass

    def stop(fraction, message=""):
        raise Enough

    monkeypatch.setattr(reading, "_read", slow)
    monkeypatch.setattr(reading, "ThreadPoolExecutor", Pool)
    with pytest.raises(Enough):
        decoded(files, tmp_path, stop, num_workers=2)
    assert len(read) <= 2 + 2  # what two threads read before the stop, and what they were at


def test_progress_is_told_image_by_image_and_ends_with_the_digest(files, tmp_path):
    told = []
    decoded(files, tmp_path, lambda fraction, message="": told.append((fraction, message)))
    assert [message for _, message in told] == [f"{i} of 30 images" for i in range(1, 31)] + ["digest"]
    assert told == sorted(told, key=lambda pair: pair[0]) and told[-1][0] == 1


def test_the_size_of_a_box_counts_rather_than_that_of_its_file(files):
    assert propose_side([(f, None) for f in files]) == 32
    assert propose_side([(f, [0.1, 0.1, 0.5, 0.5]) for f in files]) == 32
    assert propose_side([(f, []) for f in files]) == 32  # no box at all


def test_large_files_with_small_boxes(tmp_path):
    path = str(tmp_path / "large.png")
    Image.new("RGB", (1000, 800)).save(path)
    assert propose_side([(path, None)]) == 224 and propose_side([(path, None)], most=64) == 64
    assert propose_side([(path, [0.2, 0.2, 0.1, 0.1])]) == 96  # of 100 x 80 pixels


def test_mean_and_deviation_are_those_of_the_pixels():
    array = np.random.default_rng(0).integers(0, 200, (300, 3, 8, 8), dtype=np.uint8)
    found = describe(array, [str(i) for i in range(300)], {})
    values = array / 255
    assert np.abs(np.array(found.mean) - values.mean((0, 2, 3))).max() < 1e-4
    assert np.abs(np.array(found.std) - values.std((0, 2, 3))).max() < 1e-4


def test_the_mean_image_is_that_of_all_images_in_any_order():
    """Data sets are often sorted by class; their first images are alike, and so easy to reconstruct."""
    array = np.zeros((12_000, 3, 2, 2), np.uint8)
    array[6000:] = 255
    found = describe(array, [str(i) for i in range(len(array))], {})
    assert abs(mean_image_error(found, 3) - 0.25) < 1e-3
