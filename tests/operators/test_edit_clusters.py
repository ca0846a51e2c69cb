"""The ``edit_clusters`` operator: its Python call, its form, and what the App's Execute does."""

import fiftyone.operators as foo
import pytest
from fiftyone import ViewField as F
from fiftyone.plugins.orgs.constellation.clusters.operators import build_cluster_hierarchy, edit_clusters

from .conftest import get
from .editing.test_edits import check_records, log_of, members, state
from .handles import version_of


@pytest.fixture
def run(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 5})
    return blobs


def edit(samples, action, **kwargs):
    return get("edit_clusters")(samples, run_key="km", action=action, **kwargs)


def draw(dataset, operator="edit_clusters", selected=None, **params):
    request = {"dataset_name": dataset.name, "params": params, "selected": selected or []}
    ctx = foo.ExecutionContext(request, operator_uri=f"@constellation/clusters/{operator}")
    return get(operator).resolve_type(ctx, "inputs").to_json()["type"]["properties"]


def press_execute(dataset, operator="edit_clusters", selected=None, **params):
    ctx = {"dataset": dataset, "params": params, "selected": selected or []}
    return foo.execute_operator(f"@constellation/clusters/{operator}", ctx=ctx)


def test_every_action_by_its_python_call(run):
    before = state(run)
    for action, arguments in {
        "rename": {"names": {0: "dogs"}},
        "merge": {"clusters": [0, "1"], "name": "pets"},
        "split": {"cluster": 2, "params": {"n_clusters": 3}},
        "move": {"ids": run.values("id")[:2], "cluster": 3},
        "dissolve": {"clusters": 4},
        "absorb_noise": {"min_similarity": -1.0},
    }.items():
        done = edit(run, action, author="anna", **arguments)
        assert done["action"] == action and done["n_changed"] > 0 and done["text"] and done["run_key"] == "km"
        check_records(run)
    assert {record["by"] for record in log_of(run)} == {"anna"}
    assert all(record["arguments"] and record["at"].endswith("UTC") for record in log_of(run))
    for _ in range(6):
        edit(run, "undo")
    assert state(run) == before
    assert edit(run, "redo")["clusters"][0]["label"] == "dogs"
    assert len(log_of(run)) == 13 == version_of(run, "km")


def test_move_and_absorb_are_limited_to_a_view(run):
    view = run.match(F("km.cluster") == 0).limit(2)
    ids = view.values("id")
    assert edit(view, "move", cluster=-1)["n_changed"] == 2
    edit(run, "dissolve", clusters=[1])
    assert set(ids) < set(members(run, -1))
    assert edit(run.select(ids), "absorb_noise", min_similarity=-1)["n_changed"] == 2
    assert not set(ids) & set(members(run, -1))
    with pytest.raises(ValueError, match="the whole dataset cannot be moved into one cluster"):
        edit(run, "move", cluster=3)


def test_a_view_of_patches_is_moved(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    some = patches.to_patches("things").limit(4)
    assert edit(some, "move", name="mine")["n_changed"] == 4
    assert patches.count_values("things.detections.km.label")["mine"] == 4
    assert edit(patches.limit(2), "move", name="all of two images")["n_changed"] == 6


REFUSED = [
    (
        "split",
        {"clusters": [1]},
        "has no use here, for 'split' takes cluster and method and params",
    ),
    ("undo", {"name": "a"}, "name='a' has no use here, for 'undo' takes no more"),
    ("merge", {}, "'merge' needs clusters; give clusters=..."),
    ("rename", {"names": {}}, "no name was given"),
    ("rename", {"names": {0: "x" * 10_000 + "\n"}, "min_similarity": 1.0}, "min_similarity=1.0 has no use here"),
    ("explode", {}, "action='explode' is not known"),
    ("absorb_noise", {"min_similarity": 3.0}, "min_similarity=3.0 is not valid"),
    ("move", {"cluster": 17, "ids": ["5f452487ef00e6374aad2744"]}, "has no cluster 17"),
]


def test_refusals(run):
    before = state(run)
    for action, given, said in REFUSED:
        with pytest.raises(ValueError, match=said):
            edit(run, action, **given)
    assert state(run) == before


def test_the_form_asks_for_what_the_action_needs(run):
    selected = run.values("id")[:3]
    needs = {
        "rename": {"cluster", "name"},
        "merge": {"clusters", "name"},
        "split": {"cluster", "method", "method_kmeans"},
        "move": {"selected", "cluster", "name"},
        "dissolve": {"clusters"},
        "absorb_noise": {"problem"},
        "undo": {"problem"},
        "redo": {"problem"},
    }
    for action, names in needs.items():
        form = draw(run, run_key="km", action=action, selected=selected)
        assert set(form) - {"run_key", "action", "version_km"} == names, action
    assert draw(run, run_key="km", action="merge", clusters=["0"])["clusters"]["invalid"]
    assert not draw(run, run_key="km", action="merge", clusters=["0", "1"])["clusters"].get("invalid")
    assert draw(run, run_key="km", action="rename", name=" \n")["name"]["invalid"]
    assert "select some in the grid" in draw(run, run_key="km", action="move")["problem"]["error_message"]
    many = {"n_clusters": 50}
    assert "exceeds" in draw(run, run_key="km", action="split", method_kmeans=many)["method_problem"]["error_message"]


def test_the_form_proposes_two_parts_and_sends_them(run):
    def inputs(**params):
        drawn = draw(run, run_key="km", action="split", cluster="0", **params)
        return drawn[f"method_{params.get('method', 'kmeans')}"]["type"]["properties"]

    for method in ("kmeans", "agglomerative", "gaussian_mixture"):
        assert inputs(method=method)["n_clusters"]["default"] == 2, method
    defaults = {name: drawn["default"] for name, drawn in inputs().items() if "default" in drawn}
    press_execute(run, run_key="km", action="split", cluster="0", method_kmeans=defaults)
    assert log_of(run)[-1]["arguments"]["params"]["n_clusters"] == 2
    folded = inputs(method_kmeans={"all_parameters": True})
    assert set(inputs()) < set(folded)


def test_the_form_says_what_undo_would_undo(run):
    edit(run, "rename", names={0: "dogs"})
    assert draw(run, run_key="km", action="undo")["step"]["view"]["label"] == "Renamed 'cluster 00' to 'dogs'"
    run.rename_sample_field("km", "other")
    form = draw(run, run_key="km", action="undo")
    assert "'km' of run 'km' was deleted or renamed" in form["problem"]["error_message"]


def test_execute_in_the_app(run):
    press_execute(run, run_key="km", action="rename", cluster="1", name="dogs", version_km=0)
    assert run.count_values("km.label")["dogs"] == len(members(run, 1))
    with pytest.raises(Exception, match="at version 1 and you saw 0"):
        press_execute(run, run_key="km", action="merge", clusters=["0", "1"], version_km=0)
    press_execute(run, run_key="km", action="merge", clusters=["0", "1"], version_km=1)
    press_execute(run, run_key="km", action="split", cluster="2", method="agglomerative")
    press_execute(run, run_key="km", action="move", cluster="new", name="mine", selected=run.values("id")[:4])
    press_execute(run, run_key="km", action="dissolve", clusters=["3"])
    press_execute(run, run_key="km", action="absorb_noise", min_similarity=-1.0)
    check_records(run)
    done = [record["action"] for record in log_of(run)]
    assert done == ["rename", "merge", "split", "move", "dissolve", "absorb_noise"]
    press_execute(run, run_key="km", action="undo")
    press_execute(run, run_key="km", action="redo")
    press_execute(run, "build_cluster_hierarchy", run_key="km", n_coarse=2)
    press_execute(run, run_key="km", action="rename", level="coarse", cluster="1", name="rest")
    assert "rest" in run.count_values("km_coarse.label")


def test_names_are_shown_as_text():
    done = {"text": "Renamed 'a' to '<img src=x>'", "n_changed": 1, "clusters": [{"label": "*b*", "size": 3}]}
    text = edit_clusters.edit_text(done)
    assert "\\<img src=x\\>" in text and "\\*b\\*: 3" in text


def test_the_hierarchy_form(run):
    form = draw(run, "build_cluster_hierarchy", run_key="km")
    assert form["n_coarse"]["default"] == 2 and set(form["linkage"]["type"]["values"]) == {"ward", "average"}
    form = draw(run, "build_cluster_hierarchy", run_key="km", n_coarse=9)
    assert "choose an integer from 2 to 4" in form["n_coarse"]["error_message"]
    assert build_cluster_hierarchy.check_n_coarse(500, None) == 22


def test_selected_patches_in_the_grid_of_images(patches, compute):
    compute(patches, run_key="km", embeddings="emb", patches_field="things")
    labels = patches.values("things.detections.id", unwind=True)[:2]
    chosen = [{"label_id": label, "sample_id": patches.first().id, "field": "things"} for label in labels]
    ctx = {"dataset": patches, "params": {"run_key": "km", "action": "move", "name": "x"}, "selected_labels": chosen}
    foo.execute_operator("@constellation/clusters/edit_clusters", ctx=ctx)
    assert patches.count_values("things.detections.km.label")["x"] == 2
    view = patches.to_patches("things")
    ctx = {"view": view, "params": {"run_key": "km", "action": "move", "name": "y"}, "selected": view.values("id")[:3]}
    foo.execute_operator("@constellation/clusters/edit_clusters", ctx=ctx)
    assert patches.count_values("things.detections.km.label")["y"] == 3
