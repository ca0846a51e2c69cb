"""Colors of clusters: readable on dark and on light ground, apart for color-blind eyes, and a cluster's for good.

A color follows from the cluster's id alone, so that it stays when other clusters are merged, split or renamed.
"""

from .labels import NOISE, UNASSIGNED

NOISE_COLOR, UNASSIGNED_COLOR = "#8c8c8c", "#6a6a6a"
GROUNDS = ("#262626", "#ffffff")  # of the App, dark and light
# chosen by scripts/palette.py, those that lie farthest apart first
_TABLE = (
    "#2176b1 #ff410d #b190ff #55b76f #9d4e34 #41b1be #d10dff #c40790 #ff6fb7 #838948 "
    "#487c55 #cb1407 #eb2776 #b16996 #de9048 #7c83d1 #9d00de #62960d #6f5c90 #27b796 "
    "#76a3d8 #009076 #b148b1 #be69ff #14b134 #0096a3 #ff7c6f #be4855 #9062d1 #766200 "
    "#964876 #e5899d #cb765c #f25c89 #9d6934 #d869aa #ff62f2 #7cb155 #d883d8 #c44e89 "
    "#cb90be #9d5569 #41a396 #1a7cde #00767c #27a35c #8348be #5ca383 #9083be #ff692e "
    "#3b837c #cb2e69 #f83b9d #276f4e #b7697c #1a8341 #41a3eb #ff072e #f28900 #de4841 "
    "#9007ff #5c69ff #b70da3 #f200d8 #768314 #62b1aa #b16962 #cb69be #629daa #b73427 "
    "#ff7689 #76a36f #5c5c9d #be9034 #3b6f27 #1a7669 #5c90e5 #d10d48 #965c9d #b13483 "
    "#b155e5 #0062c4 #2e7689 #62aacb #b15cbe #4e8996 #be0d76 #d114aa #de2714 #de2741 "
    "#e57696 #7c9648 #62b741 #559069 #556f1a #d83483 #8396cb #eb69a3 #f85c69 #eb5ceb"
)
COLORS = tuple(_TABLE.split())
_DARKEST, _LIGHTEST = 0.13, 0.36  # luminances of shades: 2.5 : 1 to both grounds
_GOLDEN = 0.6180339887498949  # its multiples spread evenly over [0, 1), however many there are


def cluster_color(cluster: int, group: int | None = None) -> str:
    """Return the color of a cluster.

    Args:
        cluster: its id, -1 for noise, -2 for what has no cluster
        group (None): the group that it is in; clusters of a group have shades of one color

    Returns:
        ``#rrggbb``
    """
    if cluster in (NOISE, UNASSIGNED):
        return NOISE_COLOR if cluster == NOISE else UNASSIGNED_COLOR
    if group is not None and group >= 0:
        return _shade(COLORS[group % len(COLORS)], cluster * _GOLDEN % 1)
    turn, place = divmod(cluster, len(COLORS))
    return _shade(COLORS[place], cluster * _GOLDEN % 1) if turn else COLORS[place]


def luminance(color: str) -> float:
    """Return the relative luminance of a color, from 0 for black to 1 for white (WCAG 2)."""
    red, green, blue = _to_linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    """Return the contrast of two luminances, from 1 for none to 21 (WCAG 2)."""
    dark, light = sorted((one, other))
    return (light + 0.05) / (dark + 0.05)


def to_rgb(color: str) -> tuple[float, float, float]:
    """Return ``#rrggbb`` as red, green and blue in [0, 1]."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _shade(color: str, part: float) -> str:
    """Return a color mixed with black or white, to the luminance that lies at ``part`` of the range of shades."""
    goal, has = _DARKEST * (_LIGHTEST / _DARKEST) ** part, luminance(color)
    if goal <= has:
        return _to_hex([channel * goal / has for channel in _to_linear(color)])
    white = (goal - has) / (1 - has)
    return _to_hex([channel + white * (1 - channel) for channel in _to_linear(color)])


def _to_linear(color: str) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]


def _to_hex(linear: list[float]) -> str:
    srgb = [12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in linear]
    return "#" + "".join(f"{round(255 * min(max(c, 0.0), 1.0)):02x}" for c in srgb)
