"""Colors of a run's clusters, which stay theirs whatever is done to other clusters."""

import asyncio

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.core.state import StateDescription
from fiftyone.plugins.orgs.constellation.clusters.models.palette import COLORS, NOISE_COLOR, cluster_color
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import colors
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.colors import cluster_colors
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from fiftyone.server.events import get_state
from fiftyone.server.events.state import set_state

from ..conftest import get
from ..handles import dissolve_clusters, merge_clusters, rename_clusters, split_cluster, undo_edit


def test_colors_stay_when_others_are_edited(blobs, compute):
    compute(blobs, run_key="km", params={"n_clusters": 4})
    before = cluster_colors(Run.open(blobs, "km"))
    assert before == {**dict(enumerate(COLORS[:4])), -2: cluster_color(-2)}
    merge_clusters(blobs, "km", [0, 1])
    split_cluster(blobs, "km", 2)
    rename_clusters(blobs, "km", {3: "cats"})
    dissolve_clusters(blobs, "km", [2])
    after = cluster_colors(Run.open(blobs, "km"))
    assert after[3] == before[3] and after[-1] == NOISE_COLOR
    assert len(set(after.values())) == len(after)
    new = set(after) - set(before)
    assert new and not {after[cluster] for cluster in new} & set(before.values())


def test_many_clusters_have_shades_of_their_coarse_group(blobs, compute, monkeypatch):
    monkeypatch.setattr(colors, "COLORS", COLORS[:5])  # as if five were many
    compute(blobs, run_key="km", params={"n_clusters": 6})
    assert cluster_colors(Run.open(blobs, "km"))[4] == COLORS[4]
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    run = Run.open(blobs, "km")
    groups = {cluster: one["id"] for one in run.coarse_clusters for cluster in one["clusters"]}
    assert {c: cluster_colors(run)[c] for c in groups} == {c: cluster_color(c, g) for c, g in groups.items()}


def entries(dataset):
    """The colors of values in the dataset's color scheme, by path."""
    dataset.reload()
    scheme = dataset.app_config.color_scheme
    return {
        one["path"]: {pair["value"]: pair["color"] for pair in one.get("valueColors") or []}
        for one in (scheme.fields if scheme else None) or []
    }


def show(dataset, run_key):
    """Shows the colors of a run as the panel does; returns what the App's session was told."""
    state = get_state()
    state.dataset = dataset
    told = state.color_scheme
    ctx = foo.ExecutionContext({"dataset_name": dataset.name, "params": {"run_key": run_key}})
    operator = get("show_cluster_colors")
    assert asyncio.iscoroutinefunction(operator.execute)  # else FiftyOne does not wait for it
    asyncio.run(operator.execute(ctx))
    return state.color_scheme if state.color_scheme is not told else None


@pytest.fixture
def session():
    """The state of an App that shows no dataset yet; the one there was comes back."""
    before = get_state()
    set_state(StateDescription())
    yield get_state()
    set_state(before)


def test_the_color_scheme_follows_the_run_that_is_shown(blobs, compute, session):
    compute(blobs, run_key="km")
    compute(blobs, run_key="four", params={"n_clusters": 4})
    truth = {"path": "ground_truth", "fieldColor": "#123456", "valueColors": [{"value": "a", "color": "#ff0000"}]}
    blobs.app_config.color_scheme = fo.ColorScheme(fields=[truth], opacity=0.3)
    blobs.save()
    rename_clusters(blobs, "km", {0: "a dog.with $"})
    assert set(entries(blobs)) == {"ground_truth"}  # nobody looks at the run yet
    told = show(blobs, "km")
    named = {"a dog.with $": COLORS[0], "cluster 01": COLORS[1], "cluster 02": COLORS[2]}
    assert entries(blobs) == {"ground_truth": {"a": "#ff0000"}, "km": named}
    scheme = blobs.app_config.color_scheme
    assert scheme.fields[0] == truth and scheme.opacity == 0.3 and scheme.color_by == "value" and scheme.color_pool
    assert told.color_by == "value" and [one["path"] for one in told.fields] == ["km"]
    assert show(blobs, "km") is None  # nothing new, so the grid is not drawn again
    merge_clusters(blobs, "km", [1, 2], name="cats")
    assert set(entries(blobs)["km"]) == {"a dog.with $", "cats"}
    undo_edit(blobs, "km")
    rename_clusters(blobs, "four", {0: "not shown"})
    assert entries(blobs)["km"] == named
    get("rename_clustering_run")(blobs, run_key="km", new_run_key="mine")
    assert entries(blobs) == {"ground_truth": {"a": "#ff0000"}, "mine": named}
    told = show(blobs, "four")
    assert set(entries(blobs)) == {"ground_truth", "four"} and [one["path"] for one in told.fields] == ["four"]
    get("delete_clustering_run")(blobs, run_key="four")
    assert set(entries(blobs)) == {"ground_truth"} and blobs.app_config.color_scheme.fields == [truth]
    assert show(blobs, "four") is None


def test_what_the_user_has_colored_or_chosen_stays(blobs, compute, session):
    compute(blobs, run_key="km")
    blobs.app_config.color_scheme = fo.ColorScheme(color_by="instance")
    blobs.save()
    show(blobs, "km")
    assert blobs.app_config.color_scheme.color_by == "instance"
    scheme = blobs.app_config.color_scheme
    (km,) = scheme.fields
    red = [{**pair, "color": "#ff0000"} if pair["value"] == "cluster 01" else pair for pair in km["valueColors"]]
    scheme.fields, scheme.color_by = [{**km, "valueColors": red}], "field"
    blobs.save()
    show(blobs, "km")
    assert entries(blobs)["km"]["cluster 01"] == "#ff0000" and entries(blobs)["km"]["cluster 00"] == COLORS[0]
    assert blobs.app_config.color_scheme.color_by == "field"
    get("delete_clustering_run")(blobs, run_key="km")
    assert entries(blobs) == {"km": {"cluster 01": "#ff0000"}}


def test_clusters_of_patches_are_colored_where_the_app_looks_for_attributes_of_labels(patches, compute, session):
    things = {"path": "things", "valueColors": [{"value": "a", "color": "#ff0000"}]}
    patches.app_config.color_scheme = fo.ColorScheme(fields=[things])
    patches.save()
    compute(patches, run_key="km", patches_field="things")
    show(patches, "km")
    found = entries(patches)
    assert set(found) == {"things"} and found["things"]["a"] == "#ff0000" and found["things"]["cluster 01"] == COLORS[1]
    get("build_cluster_hierarchy")(patches, run_key="km", n_coarse=2)
    assert set(entries(patches)["things"]) == {"a", "cluster 00", "cluster 01", "cluster 02", "group 00", "group 01"}
    get("delete_clustering_run")(patches, run_key="km")
    assert patches.app_config.color_scheme.fields == [things]
