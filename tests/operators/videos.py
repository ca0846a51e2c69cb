"""Videos whose frames are pictures in three colors, with two boxes on each frame."""

import fiftyone as fo
import numpy as np
from PIL import Image

from .conftest import group_vectors

COLORS = [(230, 20, 20), (20, 230, 20), (20, 20, 230)]
SMALL = {"encoder": "efficientnet_lite0", "encoder_params": {"image_size": 64}}


def video(folder, number, frames=10):
    """A video sample of ``frames`` pictures, of which the video itself does not exist."""
    rng = np.random.default_rng(number)
    made = fo.Sample(filepath=str(folder / f"{number}.mp4"))
    for place in range(1, frames + 1):
        pixels = np.full((64, 64, 3), COLORS[place % 3], np.uint8)
        pixels[:, :: rng.integers(2, 9)] = 0
        path = folder / f"{number}_{place}.png"
        Image.fromarray(pixels).save(path)
        boxes = [([0, 0, 0.5, 0.5], "a"), ([0.5, 0.5, 0.5, 0.5], "b")]
        found = [fo.Detection(label=label, bounding_box=box) for box, label in boxes]
        made.frames[place] = fo.Frame(filepath=str(path), det=fo.Detections(detections=found))
    return made


def vector_video(number, frames=10, **fields):
    """A video sample with frames in three groups: vectors in ``emb``, classes in ``gt``, and no files."""
    X, which = group_vectors(frames)
    X = X + np.random.default_rng(number).normal(size=X.shape).astype(np.float32) / 100
    made = fo.Sample(filepath=f"/nowhere/{number}.mp4", **fields)
    for place, (x, group) in enumerate(zip(X, which, strict=True), 1):
        truth = fo.Classification(label="abc"[group])
        made.frames[place] = fo.Frame(filepath=f"/nowhere/{number}_{place}.png", emb=x, gt=truth)
    return made


def names_of_fields(dataset):
    """All fields of samples and frames, nested ones included."""
    return {*dataset.get_field_schema(flat=True), *dataset.get_frame_field_schema(flat=True)}
