"""The Clusters panel without a browser: what it draws, and what its buttons do to the grid and the run."""

import json
import urllib.parse
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.operators import OPERATORS, clusters_panel_actions
from fiftyone.plugins.orgs.constellation.clusters.operators.clusters_panel_run import PAGE, SORTS, UNASSIGNED, PanelRun
from fiftyone.plugins.orgs.constellation.clusters.operators.contact_sheets import draw_sheets
from fiftyone.plugins.orgs.constellation.clusters.operators.run_parts import write_parts
from fiftyone.plugins.orgs.constellation.clusters.operators.targets import resolve_target
from PIL import Image

URI = "@constellation/clusters/clusters_panel"


class Browser:
    """What the App keeps of an open panel, and what it was told last."""

    def __init__(self, dataset):
        self.dataset, self.state, self.told = dataset, {}, []
        self.call("on_load")

    def call(self, method, **params):
        """Runs an event of the panel; its state, triggers and layout are kept."""
        self.dataset.reload()
        request = {"panel_id": "one", "panel_state": self.state, "__method__": method, **params}
        ctx = foo.ExecutionContext(
            {"dataset_name": self.dataset.name, "params": request}, executor=Executor(), operator_uri=URI
        )
        foo.get_operator(URI).execute(ctx)
        requests = ctx.executor._requests
        self.told = [(request.operator_uri.rpartition("/")[2], request.params) for request in requests]
        self.state = ctx.panel_state
        return self

    def got(self, name):
        """The parameters of what the App was told under this name."""
        return [params for told, params in self.told if told == name]

    @property
    def drawn(self) -> str:
        """All that is on the panel, as text."""
        return json.dumps(self.got("show_panel_output")[-1], ensure_ascii=False)

    @property
    def view(self):
        """The view the grid was given."""
        stages = self.got("set_view")[-1]["view"]
        return fo.DatasetView._build(self.dataset, stages)

    @property
    def look(self):
        """How the panel looks at the run."""
        return self.state["look"]


@pytest.fixture
def browser(blobs, compute):
    compute(blobs.limit(57), run_key="km", ground_truth="ground_truth")
    return Browser(blobs)


def test_opened_it_shows_the_newest_run_with_all_that_is_known(browser, compute):
    assert browser.state["run"] == "km" and browser.look["unassigned"] == 3
    for words in ("3 clusters of 57 images", "cluster 00", "100 % a", "cohesion", "separation", "Without a cluster"):
        assert words in browser.drawn, words
    compute(browser.dataset, run_key="newer")
    assert Browser(browser.dataset).state["run"] == "newer"


def test_a_dataset_without_runs_and_one_whose_field_is_gone(blobs, compute):
    opened = Browser(blobs)
    assert "no clustering run yet" in opened.drawn
    compute(blobs, run_key="km")
    opened.call("on_done")  # the form of the first run was opened from here
    assert "Show cluster 00" in opened.drawn and opened.look["tab"] == "clusters"
    blobs.delete_sample_field("km")
    opened = Browser(blobs)
    assert "was deleted or renamed" in opened.drawn and "cards" not in opened.drawn


def test_cards_and_steps_show_clusters_in_the_grid(browser):
    browser.call("on_card", cluster=1)
    assert set(browser.view.values("km.cluster")) == {1} and len(browser.view) == 19 and browser.look["shown"] == 1
    browser.call("on_next")
    assert browser.look["shown"] == 2
    browser.call("on_next")
    assert browser.look["shown"] == 0  # and round again
    browser.call("on_back")
    assert browser.look["shown"] == 2
    browser.call("on_order", value="atypical")
    assert len(browser.view) == 19 and browser.look["order"] == "atypical"
    browser.call("on_card", cluster=UNASSIGNED)
    assert len(browser.view) == 3 and "images without a cluster" in browser.drawn
    browser.call("on_all")
    assert browser.got("clear_view") and browser.look["shown"] is None


def test_borderline_images_are_shown_with_their_second_choice(browser):
    browser.call("on_borderline")
    assert len(browser.view) == 57 and "or cluster 0" in browser.drawn
    browser.call("on_pair", clusters=[0, 2])
    assert set(browser.view.values("km.cluster")) == {0, 2}
    browser.call("on_menu", value="borderline:1")
    assert set(browser.view.values("km.cluster")) == {1} and "or cluster 0" in browser.drawn


def test_clicks_on_charts(browser):
    browser.call("on_tab", tab="charts")

    def click(chart, x, y):
        browser.call("on_chart", chart=chart)
        assert f"chart_{chart}" in browser.drawn
        return browser.call("on_chart_click", relative_path=f"chart_{chart}", x=x, y=y).view

    assert set(click("sizes", 2, 19).values("km.cluster")) == {2}
    assert len(set(click("similarity", 0, 1).values("km.cluster"))) == 2
    assert len(set(click("silhouette", 0, 0.5).values("km.cluster"))) == 1
    classes = click("confusion", 1, 1).values("ground_truth.label")
    assert len(classes) == 19 and set(classes) == {"b"}
    browser.call("on_all")
    confidence = np.array(browser.dataset.exists("km").values("km.confidence"))
    low = np.floor(confidence.max() * 20) / 20
    expected = (confidence >= low).sum()
    assert len(click("confidence", min(low + 0.02, 0.99), 3)) == expected


def test_search_and_every_order(browser):
    browser.call("on_search", value="CLUSTER 02")
    assert "Show cluster 02" in browser.drawn and "Show cluster 00" not in browser.drawn
    browser.call("on_search", value="nobody")
    assert "No cluster has such a name." in browser.drawn
    browser.call("on_search", value="b")  # a class is a name, too
    assert browser.drawn.count('"Show cluster') == 1 + browser.drawn.count("Show cluster 0") - 1
    browser.call("on_search", value="")
    for sort in SORTS:
        browser.call("on_sort", value=sort)
        assert all(f"Show cluster 0{i}" in browser.drawn for i in range(3)), sort


def test_another_field_of_classes_is_measured_at_once(browser):
    browser.dataset.set_values("other", ["x"] * 60)
    browser.call("on_truth", value="other")
    assert "100 % x" in browser.drawn
    browser.call("on_truth", value="none")
    assert "100 %" not in browser.drawn


def test_forms_are_filled_in(browser):
    browser.call("on_menu", value="rename:1")
    (prompt,) = browser.got("prompt_user_for_operation")
    assert prompt["operator_uri"].endswith("/edit_clusters") and prompt["on_success"].endswith("#on_done")
    filled = {"run_key": "km", "action": "rename", "cluster": "1", "name": "cluster 01"}
    assert prompt["params"] == filled
    browser.call("on_menu", value="merge:1")
    clusters = browser.got("prompt_user_for_operation")[0]["params"]["clusters"]
    assert clusters[0] == "1" and clusters[1] in ("0", "2")
    browser.call("on_run_menu", value="evaluate_clusters")
    assert browser.got("prompt_user_for_operation")[0]["params"] == {"run_key": "km", "ground_truth": "ground_truth"}


def test_every_entry_of_the_menus_has_an_operator():
    names = {operator().config.name for operator in OPERATORS}
    assert set(clusters_panel_actions.RUN_ACTIONS) <= names and "edit_clusters" in names
    actions = {**clusters_panel_actions.CARD_ACTIONS, **clusters_panel_actions.NOISE_ACTIONS}
    assert set(clusters_panel_actions.EDITS) <= set(actions)


def test_edits_are_undone_and_redone_and_figures_follow(browser):
    foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action="merge", clusters=[0, 1]
    )
    browser.call("on_done")
    assert "2 clusters of 57 images" in browser.drawn and "from before the last edit" not in browser.drawn
    browser.call("on_undo")
    assert "3 clusters of 57 images" in browser.drawn
    browser.call("on_redo")
    assert "2 clusters of 57 images" in browser.drawn
    browser.call("on_redo")
    assert browser.got("notify")[0]["variant"] == "error"


def test_mixed_clusters_are_flagged_and_names_are_text(browser):
    name = "<b>cats</b> & [dogs](javascript:alert(1)) 🐈"
    foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action="rename", names={0: name}
    )
    about = {"0": {"coherent": False, "description": "Cats and dogs"}, "1": {"coherent": True, "description": "One"}}
    write_parts(browser.dataset, "km", names=about)
    browser.call("on_refresh")
    assert browser.drawn.count("mixed: more than one kind of thing") == 1 and "Cats and dogs" in browser.drawn
    # names stand in text views only, which show markup as it is
    assert json.dumps(name, ensure_ascii=False)[1:-1] in browser.drawn and '"name": "MarkdownView"' not in browser.drawn


def test_noise_has_a_card_of_its_own(browser):
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    edit(browser.dataset, run_key="km", action="dissolve", clusters=[2])
    browser.call("on_refresh")
    assert "Show noise" in browser.drawn and "Put into the nearest clusters" in browser.drawn
    browser.call("on_card", cluster=-1)
    assert len(browser.view) == 19


def test_many_clusters_are_paged_and_found(dataset, compute):
    X = np.random.default_rng(0).normal(size=(150, 8)).astype(np.float32)
    dataset.add_samples([fo.Sample(filepath=f"/nowhere/{i}.png", emb=x) for i, x in enumerate(X)])
    compute(dataset, run_key="many", params={"n_clusters": 30})
    browser = Browser(dataset)
    assert browser.drawn.count('"Show cluster') == PAGE and "page 1 of 3" in browser.drawn
    browser.call("on_page_on").call("on_page_on")
    assert browser.drawn.count('"Show cluster') == 30 - 2 * PAGE and "page 3 of 3" in browser.drawn
    browser.call("on_page_on")
    assert "page 3 of 3" in browser.drawn
    run = PanelRun(dataset, "many", {"search": "cluster 17"})
    assert [card.id for card in run.listed] == [17] and run.pages == 1


def test_contact_sheets_are_drawn_once_and_damage_is_grey(dataset, tmp_path):
    for i, color in enumerate(("red", "lime")):
        Image.new("RGB", (64, 32), color).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_text("no picture")
    box = fo.Detection(label="x", bounding_box=[0.5, 0, 0.5, 1])
    things = fo.Detections(detections=[box])
    dataset.add_samples([fo.Sample(filepath=str(tmp_path / f"{i}.png"), things=things.copy()) for i in range(4)])
    ids = dataset.values("id")
    whole = resolve_target(dataset)
    first, nothing = draw_sheets(whole, [ids, ["0" * 24]])
    assert nothing is None and draw_sheets(whole, [ids]) == [first]
    path = Path(urllib.parse.unquote(first.removeprefix("/media?filepath=")))
    sheet = np.asarray(Image.open(path)).astype(int)
    assert sheet.shape == (195, 294, 3)
    assert np.abs(sheet[48, 48] - [254, 0, 0]).max() < 12 and np.abs(sheet[48, 147] - [0, 255, 0]).max() < 12
    assert np.abs(sheet[48, 245] - 127).max() < 12 and np.abs(sheet[147, 48] - 127).max() < 12
    labels = dataset.values("things.detections.id", unwind=True)
    (patch,) = draw_sheets(resolve_target(dataset, "things"), [labels[:1]])
    assert patch != first and patch.startswith("/media?filepath=")


def test_small_copies_are_read_where_the_grid_has_them(dataset, tmp_path):
    Image.new("RGB", (32, 32), "blue").save(tmp_path / "small.png")
    dataset.add_sample(fo.Sample(filepath="/nowhere/large.png", thumbnail_path=str(tmp_path / "small.png")))
    dataset.app_config.media_fields = ["filepath", "thumbnail_path"]
    dataset.app_config.grid_media_field = "thumbnail_path"
    dataset.save()
    (address,) = draw_sheets(resolve_target(dataset), [dataset.values("id")], columns=1)
    path = urllib.parse.unquote(address.removeprefix("/media?filepath="))
    assert np.abs(np.asarray(Image.open(path)).astype(int)[48, 48] - [0, 0, 254]).max() < 12
