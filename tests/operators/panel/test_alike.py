"""The question whether two clusters that look alike are one, on the panel."""

import fiftyone as fo
import pytest

from ..conftest import get, group_vectors
from ..handles import edit, halve
from .panel_browser import Browser


@pytest.fixture
def halved(browser):
    """The panel at a run half of whose third cluster went to a new one."""
    halve(browser.dataset, "km", 2)
    return browser.call("on_refresh")


def answer(browser, name):
    """Presses a button of the question, with what it was drawn with."""
    drawn = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["alike"]["type"]["properties"]
    button = drawn["answers"]["type"]["properties"][name]["view"]
    return browser.call(button["operator"].rpartition("#")[2], **button["params"])


def opened(browser):
    return browser.call("on_alike", clusters=next(p for p in browser.buttons if p.get("clusters"))["clusters"])


def sheets(browser):
    return [path for told in browser.got("patch_panel_data") for path in told["data"] if path.startswith("alike")]


def test_nothing_is_asked_where_nothing_looks_alike(browser):
    assert "look alike" not in browser.drawn


def test_a_line_names_them_and_opens_both_contact_sheets(halved):
    assert "cluster 02 and cluster 03 look alike." in halved.drawn and "Are they one?" not in halved.drawn
    opened(halved)
    assert "Are they one?" in halved.drawn and "Typical of cluster 02" in halved.drawn and "1 of 1" in halved.drawn
    assert "No gap lies between cluster 02 and cluster 03" in halved.drawn and "Separation " in halved.drawn
    assert sheets(halved) == ["alike.sides.side_0.sheet", "alike.sides.side_1.sheet"]
    answer(halved, "both")
    assert set(halved.view.values("km.cluster")) == {2, 3}
    answer(halved, "close")
    assert "Are they one?" not in halved.drawn and "look alike." in halved.drawn


def test_they_are_merged_and_the_merger_is_undone(halved):
    answer(opened(halved), "merge")
    assert set(halved.dataset.values("km.cluster")) == {0, 1, 2, None} and "look alike" not in halved.drawn
    assert "Undo: Merged" in halved.drawn and halved.ui["alike"] is None
    halved.press("undo")
    assert "cluster 02 and cluster 03 look alike." in halved.drawn


def test_kept_apart_they_do_not_come_back_unless_that_is_undone(halved):
    answer(opened(halved), "apart")
    assert "look alike" not in halved.drawn and "Undo: Kept 'cluster 02' and 'cluster 03' apart" in halved.drawn
    assert "Kept 'cluster 02'" in halved.got("notify")[0]["message"]
    assert not halved.got("reload_dataset") and not halved.got("set_view")  # no label has changed
    assert "look alike" not in Browser(halved.dataset).drawn
    halved.press("undo")
    assert "cluster 02 and cluster 03 look alike." in halved.drawn


def test_next_goes_round_and_other_pairs_are_counted(dataset, compute):
    X, _ = group_vectors(240, groups=4, d=8)
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    compute(dataset, run_key="km", params={"n_clusters": 4})
    for cluster in (1, 2):
        halve(dataset, "km", cluster)
    halved = Browser(dataset)
    assert "look alike, and so does 1 more pair." in halved.drawn
    opened(halved)
    first = halved.ui["alike"]
    assert "1 of 2" in halved.drawn
    assert "2 of 2" in answer(halved, "next").drawn and halved.ui["alike"] != first
    assert "1 of 2" in answer(halved, "next").drawn and halved.ui["alike"] == first
    answer(halved, "apart")
    assert "Are they one?" in halved.drawn and "1 of 1" in halved.drawn


def test_somebody_elses_edit_is_not_overrun(halved):
    opened(halved)
    for name in ("apart", "merge"):
        edit(halved.dataset, "km", "rename", {"names": {0: f"theirs before {name}"}})
        answer(halved, name)
        assert "edited by somebody else" in halved.got("notify")[0]["message"] and "Are they one?" in halved.drawn
        assert set(halved.dataset.values("km.cluster")) == {0, 1, 2, 3, None}
    answer(halved, "merge")  # now it was seen
    assert set(halved.dataset.values("km.cluster")) == {0, 1, 2, None}


def test_a_run_of_patches_is_asked_about_as_well(patches, compute):
    compute(patches, patches_field="things", embeddings="emb", run_key="pt")
    halve(patches, "pt", 1)
    browser = Browser(patches)
    assert "look alike" in browser.drawn
    answer(opened(browser), "apart")
    assert "look alike" not in browser.drawn


def test_a_draw_reads_no_vectors(halved, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.runs import stored_run

    def refuse(*args, **kwargs):
        raise AssertionError("vectors were read")

    monkeypatch.setattr(stored_run, "run_vectors", refuse)
    assert "Are they one?" in opened(halved).drawn and "1 of 1" in answer(halved, "next").drawn
    assert get("get_clustering_run_info")(halved.dataset, run_key="km")["n_clusters"] == 4
