"""The App's palette: what it lists, in which order, and where all else is offered."""

import json

import fiftyone.operators as foo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.menus import AGAIN, PLACES, RUN_ACTIONS
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.tabs import TABS

from .conftest import get

URI = "@constellation/clusters/"
LISTED = {
    "compute_clusters": "find clusters",
    "open_clusters_panel": "open panel",
    "suggest_cluster_count": "suggest a number",
    "label_clusters": "name clusters",
    "assign_clusters": "assign new samples",
    "group_by_criterion": "group by a criterion",
    "compute_embeddings": "embed images",
    "train_encoder": "train an encoder",
    "list_encoders": "trained encoders",
    "check_neighbors": "check neighbors",
}
IN_A_TAB = {"compare_clusterings": "compare", "build_cluster_hierarchy": "groups", "get_clustering_run_info": "details"}
INTERNAL = {
    "show_cluster_colors": "the panel calls it",
    "watch_clustering_runs": "the panel calls it",
    "read_for_panel": "widgets of the panel call it",
    "choose_on_map": "the panel calls it",
    "label_clusters_with_gpt4v": "the name that FiftyOne's tutorial uses for label_clusters",
}


def ours():
    """All operators by name, in the order in which FiftyOne has them."""
    found = foo.list_operators(type="operator")
    return {operator.name: operator for operator in found if operator.uri.startswith(URI)}


def test_ten_are_listed_in_the_order_of_a_day():
    listed = [operator.config for operator in ours().values() if not operator.config.unlisted]
    # as FiftyOne's OperatorBrowser sorts: by the first letter of the description; its sort keeps the order of equals
    shown = sorted(listed, key=lambda config: ord((config.description or config.label)[0]))
    assert {config.name: config.label for config in shown} == {
        name: f"Clusters: {words}" for name, words in LISTED.items()
    }
    assert [config.name for config in shown] == list(LISTED)
    assert len({config.description[0] for config in shown}) == 1  # no other plugin's come between them by that


@pytest.fixture
def offered(browser):
    """Where each operator is offered, by name."""
    found = {}
    for name in RUN_ACTIONS:
        assert RUN_ACTIONS[name] in browser.drawn
        opened = browser.call("on_run_menu", value=name).got("prompt_user_for_operation")
        found[opened[0]["operator_uri"].removeprefix(URI)] = "the menu of the run"
    browser.choose("merge", 1)
    (opened,) = browser.got("prompt_user_for_operation")
    found[opened["operator_uri"].removeprefix(URI)] = "the menu of a card"
    browser.call("on_tab", tab="details")
    for name in PLACES:
        assert PLACES[name] in browser.drawn
        opened = browser.call("on_run_form", form=name).got("prompt_user_for_operation")
        found[opened[0]["operator_uri"].removeprefix(URI)] = "the Run tab"
    for name, tab in IN_A_TAB.items():
        assert f'"tab": "{tab}"' in browser.drawn and tab in TABS
        found[name] = f"the tab {TABS[tab].label}"
    context = foo.ExecutionContext({"dataset_name": browser.dataset.name}, operator_uri=URI)
    for name, operator in ours().items():
        if operator.resolve_placement(context) is not None:
            found[name] = "an icon"
    return found


def test_what_is_unlisted_is_offered_by_a_menu_a_tab_or_a_button(browser, offered, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.training import store

    monkeypatch.setattr(store, "names", lambda unfinished=False: ["wafers"])
    form = json.dumps(get("list_encoders").resolve_type(foo.ExecutionContext({"params": {}}), "inputs").to_json())
    encoders = {name: "trained encoders" for name in ours() if f"{URI}{name}" in form}
    assert set(encoders) == {"import_encoder", "export_encoder", "delete_encoder"}
    strip = {"stop_clustering": "the strip with the jobs"}  # its Stop is tested in test_jobs_strip.py
    unlisted = {name for name, operator in ours().items() if operator.config.unlisted}
    assert unlisted == (set(offered) | set(encoders) | set(strip) | set(INTERNAL)) - set(LISTED)
    assert not set(INTERNAL) & (set(offered) | set(encoders))
    assert all(callable(ours()[name]) for name in unlisted - set(INTERNAL) - {"cluster_embeddings"})  # from Python


@pytest.mark.parametrize("name", sorted({*RUN_ACTIONS, *PLACES} - {AGAIN, "suggest_cluster_count"}))
def test_menus_fill_the_run_in_and_the_form_takes_it(browser, name):
    browser.call("on_run_menu" if name in RUN_ACTIONS else "on_run_form", value=name, form=name)
    (opened,) = browser.got("prompt_user_for_operation")
    context = foo.ExecutionContext(
        {"dataset_name": browser.dataset.name, "params": opened["params"]}, operator_uri=opened["operator_uri"]
    )
    form = get(name).resolve_type(context, "inputs").to_json()["type"]["properties"]
    assert opened["params"]["run_key"] == "km" and form["run_key"]["type"]["values"] == ["km"]
