"""Names that are typed on the cards."""

import re

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.editing.names import MAX_NAME

from ..conftest import get


def field(browser, cluster):
    """The name of the field that holds a cluster's name, as it was drawn last."""
    return re.search(rf'"(name_{cluster}_[0-9a-f]+_[0-9]+)"', browser.drawn).group(1)


def type_name(browser, cluster, name, drawn=None):
    """What the App sends when the field is left."""
    path = f"simple.cards.card_0.head.name.{drawn or field(browser, cluster)}"
    return browser.call("on_name", path=path, value=name)


def names(browser):
    browser.dataset.reload()
    return sorted({label.label for label in browser.dataset.values("km") if label})


def test_names_typed_one_after_the_other_are_all_saved(browser):
    drawn = {cluster: field(browser, cluster) for cluster in range(3)}
    for cluster, name in enumerate(("cats", "dogs", "<b>ships</b>")):
        type_name(browser, cluster, name, drawn[cluster])  # not drawn again in between
        assert browser.got("notify")[0]["variant"] == "success" and browser.got("reload_dataset")
        assert field(browser, cluster) != drawn[cluster]
    assert names(browser) == ["<b>ships</b>", "cats", "dogs"]
    type_name(browser, 0, "cats and more", drawn[0])  # once more, before it was drawn again
    assert names(browser) == ["<b>ships</b>", "cats and more", "dogs"]
    browser.press("undo")
    assert names(browser) == ["<b>ships</b>", "cats", "dogs"]


def test_a_field_that_is_left_as_it_was_is_no_edit_and_others_stay_as_they_are(browser):
    before = [field(browser, cluster) for cluster in range(3)]
    type_name(browser, 0, "cluster 00")
    assert [field(browser, cluster) for cluster in range(3)] == before and not browser.got("notify")
    type_name(browser, 0, "cats")
    assert [field(browser, cluster) for cluster in (1, 2)] == before[1:]  # what is typed there stays


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", None),
        (" \t ", None),
        ("noise", None),
        ("cluster 02", None),
        (" cats ", "cats"),
        ("🐈 חתול", "🐈 חתול"),
        ("x" * 200, "x" * (MAX_NAME - 1) + "…"),
    ],
)
def test_what_is_typed_is_saved_as_it_can_be_or_refused(browser, typed, kept):
    before = field(browser, 1)
    type_name(browser, 1, typed)
    assert browser.got("notify")[0]["variant"] == ("success" if kept else "error")
    assert (kept or "cluster 01") in names(browser)
    assert field(browser, 1) != before  # drawn anew, with the name that it has


def test_another_persons_name_is_not_overwritten(browser):
    drawn = field(browser, 1)
    get("edit_clusters")(browser.dataset, run_key="km", action="rename", names={1: "theirs", 2: "other"})
    type_name(browser, 1, "mine", drawn)
    assert "somebody named it 'theirs' meanwhile" in browser.got("notify")[0]["message"]
    assert "theirs" in names(browser)
    type_name(browser, 1, "mine")
    assert names(browser) == ["cluster 00", "mine", "other"]


def test_a_cluster_that_was_merged_away_while_its_name_was_typed(browser):
    drawn = field(browser, 2)
    get("edit_clusters")(browser.dataset, run_key="km", action="merge", clusters=[0, 2])
    type_name(browser, 2, "late", drawn)
    assert "'late' has no cluster any more" in browser.got("notify")[0]["message"]
    assert "late" not in names(browser) and "Show cluster 02" not in browser.drawn
