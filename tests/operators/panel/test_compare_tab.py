"""The tab that compares the run with another run or with classes."""

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.comparison import agreement_text

from .panel_browser import Browser


@pytest.fixture
def two(browser, compute):
    compute(browser.dataset, run_key="other", params={"n_clusters": 2})
    return browser.call("on_refresh").call("on_tab", tab="compare")


def test_a_square_shows_its_images_inside_the_users_view(two):
    assert "Choose another run" in two.drawn
    two.call("on_compare", value="other")
    assert "over 57 images that have a label of both" in two.drawn and "of 3 clusters were kept" in two.drawn
    merged = next(c for c in (0, 1) if len(two.dataset.match({"other.cluster": c})) > 30)
    rows = sorted(set(two.dataset.match({"other.cluster": merged, "km": {"$ne": None}}).values("km.cluster")))
    for row in rows:
        two.call("on_all").call("on_compare_click", x=f"cluster {merged:02d}", y=f"cluster {row:02d}")
        assert len(two.view) == 19 and set(two.view.values("km.cluster")) == {row}
    assert two.ui["caption"] == f"cluster {row:02d} and cluster {merged:02d} of other"
    two.call("on_all").call("on_compare_click", x="no such name", y="cluster 00")
    assert not two.got("set_view")
    two.filters = {"ground_truth.label": {"_CLS": "str", "values": ["a"], "exclude": False, "isMatching": True}}
    two.call("on_compare_moved")
    assert set(two.view.values("ground_truth.label")) <= {"a"} and len(two.view) in (0, 19)


def test_classes_are_compared_like_a_run(two):
    two.call("on_compare", value="ground_truth")
    assert "Excellent agreement over 57 images" in two.drawn and "3 of 3 clusters were kept" in two.drawn
    two.call("on_compare_click", x="b", y="cluster 01")
    assert set(two.view.values("ground_truth.label")) == {"b"} and len(two.view) == 19


def test_a_comparison_that_is_old_says_so(two):
    two.call("on_compare", value="other")
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    edit(two.dataset, run_key="other", action="merge", clusters=[0, 1])
    two.call("on_refresh")
    assert "from before the last edit" in two.drawn
    two.call("on_compare_again")
    assert "from before the last edit" not in two.drawn


def test_a_run_of_other_images_and_no_other_run_at_all(browser, compute):
    compute(browser.dataset.skip(57), run_key="few", params={"n_clusters": 2})
    browser.call("on_refresh").call("on_tab", tab="compare").call("on_compare", value="few")
    assert "no images have a label of both" in browser.got("notify")[0]["message"]
    browser.dataset.delete_run("few")
    browser.dataset.delete_sample_fields(["few", "ground_truth"])
    alone = Browser(browser.dataset).call("on_tab", tab="compare")
    assert "There is no other run" in alone.drawn and "Compute another run" in alone.drawn


def test_hundreds_of_clusters_on_both_sides_are_drawn_in_part(dataset, compute):
    X = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    for key, n_clusters in (("one", 150), ("two", 120)):
        compute(dataset, run_key=key, params={"n_clusters": n_clusters})
    browser = Browser(dataset).call("on_tab", tab="compare").call("on_compare", value="one")
    assert "The first 100 clusters of each side" in browser.drawn
    trace = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["matrix"]
    assert len(str(trace)) < 200_000


@pytest.mark.parametrize(
    ("ari", "words"), [(1, "Excellent"), (0.7, "Moderate"), (0, "Hardly any"), (-0.2, "Hardly any")]
)
def test_agreement_is_said_in_words(ari, words):
    assert agreement_text({"ari": ari, "n_compared": 1234, "unit": "images"}).startswith(
        f"{words} agreement over 1,234"
    )
