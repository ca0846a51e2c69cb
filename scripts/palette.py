"""Choose the colors of clusters anew: prints the table in ``models/palette.py``; needs ``pip install colorspacious``.

Every color is the one farthest from those before it (Glasbey et al. 2007), so that the first few, which most runs
need, lie farthest apart. The distance is CAM02-UCS's, the least of three kinds of eyes: usual ones, and without red
or green cones (Machado et al. 2009). ``glasbey``, the package, looks at one kind of color blindness alone: of its
first 20 colors two lie at 0.7 for eyes without red cones, here at 7.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from models.palette import GROUNDS, NOISE_COLOR, UNASSIGNED_COLOR, contrast, luminance, to_rgb

COUNT = 100
CONTRAST = 2.5  # to the App's ground, dark and light
CHROMA = 18  # what has less looks gray
STEPS = 40  # per channel
FIRST = "#1f77b4"
USUAL = 0.6  # usual eyes see more, so their distances count less


def seen(colors: np.ndarray) -> list[np.ndarray]:
    """Return sRGB colors ``(n, 3)`` in CAM02-UCS as three kinds of eyes see them."""
    from colorspacious import cspace_convert

    found = [USUAL * cspace_convert(colors, "sRGB1", "CAM02-UCS")]
    for kind in ("deuteranomaly", "protanomaly"):
        blind = cspace_convert(colors, {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}, "sRGB1")
        found.append(cspace_convert(np.clip(blind, 0, 1), "sRGB1", "CAM02-UCS"))
    return found


def choose() -> list[str]:
    """Return the colors, the most important first."""
    axis = np.linspace(0, 255, STEPS).round().astype(int)
    colors = [f"#{r:02x}{g:02x}{b:02x}" for r in axis for g in axis for b in axis]
    colors = [one for one in colors if all(contrast(luminance(one), luminance(g)) >= CONTRAST for g in GROUNDS)]
    eyes = seen(np.array([to_rgb(one) for one in colors]))
    colorful = np.linalg.norm(eyes[0][:, 1:], axis=1) >= USUAL * CHROMA
    colors = [one for one, kept in zip(colors, colorful, strict=True) if kept]
    eyes = [eye[colorful] for eye in eyes]
    nearest = np.full(len(colors), np.inf)

    def keep_off(taken: list[np.ndarray]) -> None:
        for eye, one in zip(eyes, taken, strict=True):
            nearest[:] = np.minimum(nearest, np.linalg.norm(eye - one, axis=1))

    for gray in (NOISE_COLOR, UNASSIGNED_COLOR):
        keep_off(seen(np.array([to_rgb(gray)])))
    first = seen(np.array([to_rgb(FIRST)]))[0]
    row, chosen = int(np.linalg.norm(eyes[0] - first, axis=1).argmin()), []
    for _ in range(COUNT):
        chosen.append(colors[row])
        keep_off([eye[row] for eye in eyes])
        row = int(nearest.argmax())
    return chosen


if __name__ == "__main__":
    table = choose()
    for start in range(0, len(table), 10):
        print('    "' + " ".join(table[start : start + 10]) + ' "')
