"""The tab with the groups of clusters: the tree, its cut, and what is done with a group."""

import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.run import PanelRun
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.tree import count_of_cut, tree_of
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from .panel_browser import Browser


@pytest.fixture
def grouped(dataset, compute):
    rng = np.random.default_rng(0)
    centers = np.repeat(rng.normal(size=(3, 8)) * 20, 4, axis=0) + rng.normal(size=(12, 8)) * 3
    X = (np.repeat(centers, 10, axis=0) + rng.normal(size=(120, 8)) * 0.1).astype(np.float32)
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    compute(dataset, run_key="km", params={"n_clusters": 12})
    browser = Browser(dataset).call("on_tab", tab="groups")
    return browser.call("on_group", n_coarse=3, version=0)


def groups(browser):
    return Run.open(browser.dataset, "km").coarse_clusters


def press(browser, *path):
    """Presses a button with what it was drawn with."""
    node = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]
    for name in path[:-1]:
        node = node[name]["type"]["properties"]
    view = node[path[-1]]["view"]
    return browser.call(view["operator"].rpartition("#")[2], **view["params"])


def test_groups_are_made_cut_elsewhere_and_undone(grouped):
    assert "3 groups of 12 clusters" in grouped.drawn and [group["size"] for group in groups(grouped)] == [40] * 3
    press(grouped, "cut", "more")
    assert "4 groups of 12 clusters" in grouped.drawn and len(groups(grouped)) == 4
    tree = tree_of(PanelRun(Run.open(grouped.dataset, "km")))
    assert [count_of_cut(tree, height) for height in (0, tree.heights[-1], tree.heights[-2])] == [12, 1, 2]
    drawn = re.search(r'"(tree_\d+)"', grouped.drawn).group(1)
    grouped.call("on_tree_click", relative_path=drawn, x=1, y=float(tree.heights[-2]))
    assert len(groups(grouped)) == 3  # where these two meet, they are apart
    grouped.press("undo")
    assert "4 groups of 12 clusters" in grouped.drawn


def test_a_group_is_shown_renamed_and_merged(grouped):
    group = groups(grouped)[1]
    press(grouped, "groups", "group_1", "sheet")
    assert set(grouped.view.values("km.cluster")) == set(group["clusters"]) and grouped.ui["caption"] == "group 01"
    press(grouped, "groups", "group_1", "bar", "rename")
    (form,) = grouped.got("prompt_user_for_operation")
    assert form["params"]["level"] == "coarse" and form["params"]["name"] == "group 01"
    press(grouped, "groups", "group_1", "bar", "merge")
    assert len([c for c in groups(grouped)[1]["clusters"]]) == 1 and "3 groups of 9 clusters" in grouped.drawn
    assert "The clusters were edited since the tree was made" in grouped.drawn and '"tree_' not in grouped.drawn
    press(grouped, "again")
    assert "edited since the tree" not in grouped.drawn


def test_recutting_reads_no_vectors(grouped):
    grouped.dataset.delete_sample_field("emb")
    press(grouped, "cut", "fewer")
    assert len(groups(grouped)) == 2 and not any(told["variant"] == "error" for told in grouped.got("notify"))
    foo.get_operator("@constellation/clusters/edit_clusters")(
        grouped.dataset, run_key="km", action="dissolve", clusters=[0]
    )
    grouped.call("on_refresh")
    press(grouped, "again")
    assert grouped.got("notify")[0]["variant"] == "error"  # another tree would need them


def test_too_few_clusters_for_groups(blobs, compute):
    compute(blobs, run_key="two", params={"n_clusters": 2})
    assert "2 clusters are too few for groups" in Browser(blobs).call("on_tab", tab="groups").drawn
