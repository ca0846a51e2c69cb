"""The plot of a map: what is written on it."""

import re

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.map_plot import Name, map_layout


def test_of_five_hundred_names_those_that_fit_are_written_and_groups_come_first():
    rng = np.random.default_rng(0)
    xy = rng.random((5000, 2)).astype(np.float32)
    names = [Name(f"group {i}", tuple(rng.random(2)), strong=True) for i in range(20)]
    names += [Name(f"cluster {i:03d}", tuple(rng.random(2))) for i in range(500)]
    written = [re.sub("</?b>", "", one["text"]) for one in map_layout(xy, names)["annotations"]]
    assert 30 < len(written) < 300 and sum(text.startswith("group") for text in written) >= 15


def test_a_name_with_markup_is_written_as_it_is():
    (written,) = map_layout(np.eye(2, dtype=np.float32), [Name("<b>a</b>", (0.5, 0.5))])["annotations"]
    assert "<b>" not in written["text"] and "a" in written["text"]
