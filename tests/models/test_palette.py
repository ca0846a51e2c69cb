"""Colors of clusters: seen on dark and light ground, told apart by color-blind eyes, one for each id."""

from itertools import combinations

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.models.palette import (
    COLORS,
    GROUNDS,
    NOISE_COLOR,
    UNASSIGNED_COLOR,
    cluster_color,
    contrast,
    luminance,
    to_rgb,
)

# Linear RGB as eyes without red and without green cones see it (Machado et al. 2009, severity 1)
BLIND = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def differences(colors, eyes=None):
    """The differences (CIEDE2000) between each two of some colors, as some eyes see them."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    rgb = np.array([to_rgb(color) for color in colors])
    if eyes:
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        linear = np.clip(linear @ np.array(BLIND[eyes]).T, 0, 1)
        rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    lab = rgb2lab(rgb)
    return [float(deltaE_ciede2000(lab[i], lab[j])) for i, j in combinations(range(len(colors)), 2)]


def test_colors_and_their_shades_are_seen_on_dark_and_light_ground():
    shades = [cluster_color(cluster, group) for cluster in range(0, 1000, 7) for group in (None, cluster % 30)]
    for color in [*COLORS, NOISE_COLOR, UNASSIGNED_COLOR, *shades]:
        assert all(contrast(luminance(color), luminance(ground)) >= 2.45 for ground in GROUNDS), color


def test_colors_are_apart_for_color_blind_eyes_too():
    few, grays = list(COLORS[:8]), [NOISE_COLOR, UNASSIGNED_COLOR]
    assert min(differences(few)) > 15
    for eyes in BLIND:
        assert min(differences(few + grays[:1], eyes)) > 6, eyes
    assert min(differences(COLORS)) > 3


def test_hundreds_of_clusters_have_colors_of_their_own():
    assert len({cluster_color(cluster) for cluster in range(-2, 300)}) > 298
    assert len({cluster_color(cluster) for cluster in range(1000)}) > 970
    assert len({cluster_color(cluster, cluster // 50) for cluster in range(500)}) > 490
    # shades of a group are nearer to one another than to another group's
    assert cluster_color(3, 1) != cluster_color(4, 1)
    assert max(differences([cluster_color(c, 0) for c in range(5)])) < 45


def test_a_color_is_of_the_id_for_good():
    assert [cluster_color(cluster) for cluster in range(100)] == list(COLORS)
    assert cluster_color(103) != cluster_color(3) and cluster_color(103) == cluster_color(103)
    assert cluster_color(-1) == NOISE_COLOR and cluster_color(-2) == UNASSIGNED_COLOR
