"""The panel works inside the view that the user has, and takes only its own stages away again."""

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.grid import target_view


def ids_of(browser, cluster, samples):
    return set(browser.dataset.select(samples).match(F("km.cluster") == cluster).values("id"))


@pytest.fixture
def some(browser):
    """Ids of the 24 samples of a view that the user has."""
    view = browser.dataset.match(F("filepath").contains_str("2")).limit(24)
    browser.grid = view._serialize()
    return set(view.values("id"))


def test_a_card_is_shown_inside_the_users_view(browser, some):
    for cluster in (1, 2):
        browser.call("on_card", cluster=cluster)
        assert set(browser.view.values("id")) == ids_of(browser, cluster, list(some))
    browser.call("on_borderline")
    assert set(browser.view.values("id")) <= some
    browser.call("on_all")
    assert set(browser.view.values("id")) == some


def test_what_the_user_adds_after_a_card_stays(browser, some):
    browser.call("on_card", cluster=1)
    browser.grid += browser.dataset.skip(2)._serialize()
    browser.call("on_card", cluster=2)
    left = browser.dataset.match(F("filepath").contains_str("2")).limit(24).skip(2).values("id")
    assert set(browser.view.values("id")) == ids_of(browser, 2, left)
    browser.call("on_all")
    assert set(browser.view.values("id")) == set(left)


def test_filters_of_the_sidebar_stay(browser):
    browser.filters = {"ground_truth.label": {"values": ["a"], "exclude": False, "isMatching": True}}
    browser.call("on_card", cluster=1)
    of_a = browser.dataset.match(F("ground_truth.label") == "a")
    assert set(browser.view.values("id")) == ids_of(browser, 1, of_a.values("id"))
    browser.call("on_all")
    assert set(browser.view.values("id")) == set(of_a.values("id"))


def test_a_saved_view_is_chosen_again(browser, some):
    browser.dataset.save_view("mine", fo.DatasetView._build(browser.dataset, browser.grid))
    browser.grid, browser.saved = [], "mine"
    browser.call("on_card", cluster=1)
    assert browser.saved is None and set(browser.view.values("id")) == ids_of(browser, 1, list(some))
    browser.call("on_all")
    assert browser.saved == "mine" and set(browser.view.values("id")) == some
    browser.call("on_card", cluster=1).grid += browser.dataset.limit(3)._serialize()
    browser.call("on_all")
    assert browser.saved is None and len(browser.view) == 3


def test_the_selection_stays(browser):
    browser.selected = browser.dataset.limit(3).values("id")
    browser.call("on_card", cluster=1)
    assert browser.selected == browser.dataset.limit(3).values("id")


def test_all_leaves_a_view_without_a_card_alone(browser, some):
    browser.filters = {"ground_truth.label": {"values": ["a"], "exclude": False, "isMatching": True}}
    browser.call("on_all")
    assert not browser.got("set_view") and not browser.got("clear_view")


def test_a_view_of_a_field_that_was_deleted_is_none(browser):
    browser.dataset.add_sample_field("things", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    browser.grid = browser.dataset.filter_labels("things", F("label") == "x")._serialize()
    browser.dataset.delete_sample_field("things")
    browser.call("on_card", cluster=1)
    assert len(browser.view) == 19 and not browser.got("notify")


def test_other_patches_in_the_grid_are_no_frame_for_whole_images(browser):
    for sample in browser.dataset.limit(3):
        sample["things"] = fo.Detections(detections=[fo.Detection(label="x", bounding_box=[0, 0, 1, 1])])
        sample.save()
    browser.grid = browser.dataset.to_patches("things")._serialize()
    browser.call("on_card", cluster=1)
    assert len(browser.view) == 19 and not browser.got("notify")


@pytest.mark.parametrize("name", ["compute_clusters", "suggest_cluster_count", "train_encoder", "assign_clusters"])
def test_the_cluster_that_is_shown_is_no_forms_target(browser, name):
    def draw(**request):
        request = {"dataset_name": browser.dataset.name, "view": browser.grid, "params": {}, **request}
        ctx = foo.ExecutionContext(request, operator_uri=f"@constellation/clusters/{name}")
        form = foo.get_operator(ctx.operator_uri).resolve_type(ctx, "inputs").to_json()["type"]["properties"]
        return form["view_target"]["default"], ctx

    browser.call("on_card", cluster=1)
    target, ctx = draw()
    assert target == "DATASET" and target_view(ctx) is ctx.dataset
    assert len(target_view(draw(params={"view_target": "CURRENT_VIEW"})[1])) == 19
    browser.call("on_all").grid = browser.dataset.limit(7)._serialize()
    target, ctx = draw()
    assert target == "CURRENT_VIEW" and len(target_view(ctx)) == 7


def edit(browser, action, **arguments):
    """An edit in a form that the panel opened."""
    done = foo.get_operator("@constellation/clusters/edit_clusters")(
        browser.dataset, run_key="km", action=action, **arguments
    )
    return browser.call("on_done", result=done, original_params={"run_key": "km"})


def test_the_grid_follows_a_cluster_that_is_merged_dissolved_or_split_off(browser, some):
    browser.call("on_card", cluster=2)
    browser.call("on_card", cluster=1)
    edit(browser, "merge", clusters=[0, 1])
    kept = next(cluster for cluster in (0, 1) if cluster in browser.dataset.values("km.cluster"))
    assert browser.ui["shown"] == kept
    assert set(browser.view.values("id")) == ids_of(browser, kept, list(some))
    edit(browser, "dissolve", clusters=[kept])
    assert browser.ui["shown"] == -1 and set(browser.view.values("id")) == ids_of(browser, -1, list(some))
    browser.call("on_card", cluster=2)
    edit(browser, "split", cluster=2)
    new = max(browser.dataset.exists("km.cluster").values("km.cluster"))
    browser.call("on_card", cluster=new).press("undo")
    assert browser.ui["shown"] == 2 and set(browser.view.values("id")) == ids_of(browser, 2, list(some))


def test_the_grid_of_a_deleted_run_is_the_users_view_again(browser, some):
    browser.call("on_card", cluster=1)
    foo.get_operator("@constellation/clusters/delete_clustering_run")(browser.dataset, run_key="km")
    browser.call("on_done", result={}, original_params={"run_key": "km"})
    assert set(browser.view.values("id")) == some and "no clustering run yet" in browser.drawn
