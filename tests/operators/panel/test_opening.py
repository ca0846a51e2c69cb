"""The Clusters panel as it is opened: the App loads its page once for it, and not again when the panel has loaded."""

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.opening import PANEL

from .panel_browser import Browser


def press_icon(dataset, spaces=None):
    """Presses the icon in the grid's bar; returns what the App is told."""
    request = {"dataset_name": dataset.name, "params": {}, **({"spaces": spaces.to_dict()} if spaces else {})}
    ctx = foo.ExecutionContext(request, executor=Executor())
    foo.get_operator("@constellation/clusters/open_clusters_panel").execute(ctx)
    (told,) = ctx.executor._requests
    return told.operator_uri, told.params


def test_the_panel_is_opened_with_all_that_it_would_set_itself(browser):
    uri, params = press_icon(browser.dataset)
    assert uri == "set_spaces"
    spaces = fo.Space.from_dict(params["spaces"])
    grid, beside = spaces.children
    (panel,) = beside.children
    assert grid.children[0].type == "Samples" and panel.type == PANEL
    opened = Browser(browser.dataset, panel.state["state"], simple=False)
    assert not opened.got("patch_panel_state") and opened.state == panel.state["state"] and opened.ui["runs"]
    again = Browser(browser.dataset, opened.state, simple=False)  # in another tab, or from a saved workspace
    assert again.state["look_name"] != opened.state["look_name"]
    uri, params = press_icon(browser.dataset, spaces)  # it comes to the front
    assert uri == "open_panel" and params["name"] == PANEL


def test_without_a_run_there_is_nothing_to_begin_with(blobs):
    assert press_icon(blobs)[0] == "open_panel"
