"""Answers to the cards in the browser, and those of their events."""

import urllib.parse
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from ..conftest import get
from .panel_browser import Browser

GONE = {"gone": True}


@pytest.fixture
def widget(browser):
    """The panel as it is with widgets in the browser, at run ``km``."""
    return Browser(browser.dataset, simple=False)


def facts(browser):
    """What the widget of the cards was drawn with last."""
    drawn = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["cards_widget"]
    return drawn["type"]["properties"]["widget"]["view"]["facts"]


def cards(browser):
    return {card["cluster"]: card for card in browser.read("cards")["cards"]}


def name(browser, cluster, typed, field=None, **more):
    field = field or cards(browser)[cluster]["field"]
    return browser.call("on_name", path=field, value=typed, quiet=True, **more).answer


def test_a_card_has_all_that_is_written_on_it(widget):
    found = widget.read("cards")
    assert [card["cluster"] for card in found["cards"]] == [0, 1, 2] and found["noise"] is None
    card = found["cards"][0]
    assert (card["name"], card["size"], card["marks"]) == ("cluster 00", "19 images · 33.3 %", [])
    assert [words for words, _ in card["lines"]][:2] == ["100 % a", "tight"] and card["lines"][0][1].startswith(
        "Purity"
    )
    assert found["unassigned"]["size"] == "3 images" and found["unassigned"]["why"] == "not part of the run"
    assert dict(found["menus"]["cluster"])["rename"] == "Rename…"
    assert "Typical of" not in widget.drawn and not widget.got("patch_panel_data")


def test_the_print_is_another_one_as_soon_as_a_card_would_be(widget):
    before = facts(widget)["print"]
    assert widget.read("cards")["print"] == before
    widget.call("on_tick", clusters=[0, 2], on=True)
    assert facts(widget)["print"] == before and facts(widget)["ticks"] == [0, 2]
    widget.call("on_card", cluster=1)
    assert facts(widget)["print"] == before and facts(widget)["shown"] == 1
    widget.call("on_search", value="cluster 01")
    assert facts(widget)["print"] != before and list(cards(widget)) == [1]
    assert widget.read("cards")["unassigned"] is None
    widget.call("on_search", value="")
    assert facts(widget)["print"] == before
    get("edit_clusters")(widget.dataset, run_key="km", action="rename", names={1: "theirs"})
    assert facts(widget.call("on_refresh"))["print"] != before and cards(widget)[1]["name"] == "theirs"


def test_names_are_saved_without_a_word_and_refused_in_the_answer(widget):
    assert name(widget, 0, " cats ") == {"name": "cats"} and not widget.got("notify")
    assert name(widget, 1, "cats") == {"name": "cats (2)"}
    assert name(widget, 1, "noise")["error"].startswith("'noise' is kept for") and not widget.got("notify")
    assert cards(widget)[1]["name"] == "cats (2)"
    field = cards(widget)[2]["field"]
    get("edit_clusters")(widget.dataset, run_key="km", action="rename", names={2: "theirs"})
    assert "somebody named it 'theirs' meanwhile" in name(widget, 2, "mine", field)["error"]
    assert name(widget, 2, "mine") == {"name": "mine"}
    get("edit_clusters")(widget.dataset, run_key="km", action="merge", clusters=[0, 2])
    assert "has no cluster any more" in name(widget, 2, "late", field)["error"]


def test_ticks_come_one_by_one_or_in_a_range(widget):
    assert widget.call("on_tick", cluster=1, on=True).answer == {"ticked": [1]}
    assert widget.call("on_tick", clusters=[0, 1, 2], on=True).answer == {"ticked": [0, 1, 2]}
    assert widget.call("on_tick", clusters=[1], on=False).answer == {"ticked": [0, 2]}
    assert "2 ticked" in widget.drawn


@pytest.mark.parametrize("again", [False, True])
def test_a_deleted_run_answers_nothing_and_takes_no_name(widget, compute, again):
    field, uid = cards(widget)[0]["field"], widget.uid
    get("delete_clustering_run")(widget.dataset, run_key="km")
    if again:
        compute(widget.dataset, run_key="km")  # of the same names
    assert widget.read("cards", uid=uid) == GONE and widget.read("sheets", uid=uid, clusters=[0]) == GONE
    assert "was deleted meanwhile" in name(widget, 0, "late", field, uid=uid)["error"]
    assert "late" not in widget.dataset.values("km.label" if again else "ground_truth.label")


def test_contact_sheets_are_those_that_are_asked_for(dataset, compute, tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    for i, x in enumerate(X):
        Image.new("RGB", (32, 32), "red").save(tmp_path / f"{i}.png")
        dataset.add_sample(fo.Sample(filepath=str(tmp_path / f"{i}.png"), emb=x))
    compute(dataset, run_key="km", params={"n_clusters": 8})
    browser = Browser(dataset, simple=False)
    prints = {cluster: card["sheet"] for cluster, card in cards(browser).items()}
    assert len(set(prints.values())) == 8 and None not in prints.values()
    found = browser.read("sheets", clusters=[3, 5, 99])["sheets"]
    assert list(found) == ["3", "5"]
    assert Path(urllib.parse.unquote(found["3"].removeprefix("../media?filepath="))).is_file()
    get("edit_clusters")(dataset, run_key="km", action="merge", clusters=[3, 5])
    merged = cards(browser.call("on_refresh"))
    kept = next(cluster for cluster in (3, 5) if cluster in merged)
    assert merged[kept]["sheet"] != prints[kept] and merged[1]["sheet"] == prints[1]


def test_noise_has_a_card_without_a_field_and_menus_of_its_own(widget):
    get("edit_clusters")(widget.dataset, run_key="km", action="dissolve", clusters=[2])
    found = widget.call("on_refresh").read("cards")
    assert found["noise"]["cluster"] == -1 and found["noise"]["field"] is None
    assert "Put into the nearest clusters…" in dict(found["menus"]["noise"]).values()


def test_the_simple_view_comes_when_it_is_asked_for(widget):
    assert "Simple view" in widget.drawn and "Show cluster 00" not in widget.drawn
    widget.call("on_simple")
    assert "Show cluster 00" in widget.drawn and widget.got("patch_panel_data")
