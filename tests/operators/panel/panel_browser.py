"""A browser with an open Clusters panel, as far as the panel can tell."""

import json
import re
from types import SimpleNamespace

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators.executor import Executor
from fiftyone.operators.store import ExecutionStore
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.state import read_ui_state

URI = "@constellation/clusters/clusters_panel"


class Browser:
    """The state of an open panel in the App, and the last messages to it; of its simple view unless said otherwise."""

    def __init__(self, dataset, state=(), grid=(), simple=True):
        self.dataset, self.state, self.grid, self.told = dataset, dict(state), list(grid), []
        self.saved, self.filters, self.selected = None, {}, []  # in the grid: a saved view's name, of the sidebar, ids
        self.call("on_load")
        if simple and self.state["run"]:
            self.call("on_simple")

    def call(self, method, **params):
        """Runs an event of the panel; its state, triggers and layout are kept."""
        self.dataset.reload()
        request = {"panel_id": "one", "panel_state": self.state, "__method__": method, **params}
        ctx = foo.ExecutionContext(
            {
                "dataset_name": self.dataset.name,
                "view": self.grid,
                "view_name": self.saved,
                "filters": self.filters,
                "selected": self.selected,
                "params": request,
            },
            executor=Executor(),
            operator_uri=URI,
        )
        self.answer = foo.get_operator(URI).execute(ctx)
        requests = ctx.executor._requests
        self.told = [(request.operator_uri.rpartition("/")[2], request.params) for request in requests]
        self.state = ctx.panel_state
        if self.got("set_view") or self.got("clear_view"):  # the App forgets all else of the grid then
            told = (self.got("set_view") or self.got("clear_view"))[-1] or {}
            self.grid, self.saved, self.filters, self.selected = told.get("view", []), told.get("name"), {}, []
        if self.got("set_selected_samples"):
            self.selected = [one["id"] for one in self.got("set_selected_samples")[-1]["samples"]]
        return self

    def read(self, what, **params):
        """What a widget is answered; ``uid`` says which run it was drawn for."""
        request = {"panel_id": "widget", "panel_state": self.state, "what": what, **{"uid": self.uid, **params}}
        grid = {"view": self.grid, "view_name": self.saved, "filters": self.filters, "selected": self.selected}
        ctx = foo.ExecutionContext({"dataset_name": self.dataset.name, "params": request, **grid}, executor=Executor())
        return foo.get_operator("@constellation/clusters/read_for_panel").execute(ctx)

    @property
    def uid(self):
        """The identity of the run that was drawn."""
        return re.search('"uid": "([^"]*)"', self.drawn).group(1)

    def choose(self, action, cluster):
        """Picks from the menu of a card, as it was drawn last."""
        params = next(p for p in self.buttons if p.get("cluster") == cluster and p.get("value") == action)
        return self.call("on_menu", **params)

    @property
    def buttons(self):
        """What the buttons of the panel, as it was drawn last, call their events with."""
        return [json.loads(found) for found in re.findall(r'"params": ({[^{}]*})', self.drawn)]

    def press(self, name):
        """A button of the header, with what it was drawn with."""
        drawn = self.got("show_panel_output")[-1]["output"]["type"]["properties"]["header"]["type"]["properties"]
        return self.call(f"on_{name}", **drawn[name]["view"]["params"])

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
        if self.saved:
            return self.dataset.load_saved_view(self.saved)
        return fo.DatasetView._build(self.dataset, self.grid)

    @property
    def ui(self):
        """The UI state of the panel."""
        return read_ui_state(
            SimpleNamespace(dataset=self.dataset, panel=SimpleNamespace(get_state=self.state.get), store=self.store)
        )

    def store(self, name):
        """The server's store that the UI state is kept in."""
        return ExecutionStore.create(name, self.dataset._doc.id)


def watch(browser) -> list[str]:
    """What the panel's timer does; returns the events by which the panel was told."""
    drawn = next(params for params in browser.buttons if "drawn" in params)
    params = {"panel_id": "one", "panel_state": browser.state, **drawn}
    grid = {"view": browser.grid, "view_name": browser.saved, "filters": browser.filters}
    request = {"dataset_name": browser.dataset.name, "params": params, **grid}
    ctx = foo.ExecutionContext(request, executor=Executor())
    foo.get_operator("@constellation/clusters/watch_clustering_runs").execute(ctx)
    told = [request.params for request in ctx.executor._requests]
    for event in told:
        assert event["panel_id"] == "one" and event["panel_state"] == browser.state
        browser.call(event["__method__"], **drawn)
    return [event["__method__"] for event in told]
