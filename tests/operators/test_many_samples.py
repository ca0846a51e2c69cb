"""Every operator with more samples than a query may name: no command to the database has a longer list of ids.

The bound is lowered to 50 ids, and every cluster has more members than that.
"""

import base64
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone.plugins.orgs.constellation.clusters import operators
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import reduction
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import run_documents
from fiftyone.plugins.orgs.constellation.clusters.operators.evaluation import maps
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.events import map as map_events
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import map_places
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.map_points import read_points
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from PIL import Image
from queries import longest_ids, watched

from .conftest import get, group_vectors
from .panel.panel_browser import Browser

BOUND, IN_RUN, NEW = 50, 130, 70
SMALL = {"image_size": 32, "precision": "float32", "device": "cpu"}
# Operators that read no samples, need a server or several minutes, or do in the App what others here do in Python
ELSEWHERE = {
    "choose_on_map",
    "cluster_embeddings",  # compute_clusters under its older name
    "delete_encoder",
    "export_encoder",
    "group_by_criterion",
    "import_encoder",
    "label_clusters_with_gpt4v",  # label_clusters under its older name
    "list_encoders",
    "open_clusters_panel",
    "show_cluster_colors",
    "stop_clustering",
    "train_encoder",
    "watch_clustering_runs",
}


@pytest.fixture
def many(dataset, tmp_path, monkeypatch):
    """200 images in two groups; vectors in ``emb``, of which the first 130 are clustered as ``km`` with a map."""
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)).save(tmp_path / "one.png")
    X, which = group_vectors(IN_RUN + NEW, 2)
    samples = [
        fo.Sample(filepath=str(tmp_path / "one.png"), emb=x, kind="ab"[w]) for x, w in zip(X, which, strict=True)
    ]
    dataset.add_samples(samples, progress=False)
    monkeypatch.setattr(reduction, "project_2d", lambda X, **_: np.ascontiguousarray(X[:, :2]))
    for module in (map_places, maps, map_events):
        monkeypatch.setattr(module, "LISTED", BOUND)
    return dataset


@pytest.fixture
def few(few_ids, many):
    """The same, with the bound on ids lowered before anything is done."""
    compute(many, "km", 2)
    return many


def compute(dataset, run_key, k, **options):
    """Makes a run of the first 130 samples; a filter, unlike limit(), is no reason to look for ids."""
    return get("compute_clusters")(
        dataset.limit(IN_RUN), run_key=run_key, embeddings="emb", reduce="none", params={"n_clusters": k}, **options
    )


def clusters_of(dataset, key="km"):
    return dict(zip(*dataset.values(["id", f"{key}.cluster"]), strict=True))


def evaluate(dataset, tmp_path):
    found = get("evaluate_clusters")(dataset, run_key="km", ground_truth="kind")
    assert found["n"] == IN_RUN and found["scores"]["ari"] == 1


def assign(dataset, tmp_path):
    done = get("assign_clusters")(dataset, run_key="km")
    assert done["n_assigned"] == NEW
    assert get("assign_clusters")(dataset, run_key="km", cluster_field="copy")["n_assigned"] == IN_RUN + NEW
    assert get("assign_clusters")(dataset, run_key="km", overwrite=True)["n_assigned"] == NEW


def embed_and_assign(dataset, tmp_path):
    get("compute_embeddings")(
        dataset.limit(IN_RUN), encoder="efficientnet_lite0", embeddings="lite", encoder_params=SMALL
    )
    get("compute_clusters")(dataset.limit(IN_RUN), run_key="two", embeddings="lite", visualize=False)
    dataset.set_values("filepath", {key: "/nowhere.png" for key in dataset.skip(IN_RUN).values("id")}, key_field="id")
    done = get("assign_clusters")(dataset, run_key="two")
    assert sum(done["skipped"].values()) == NEW and dataset.match_tags("embedding_failed").count() == NEW


def compare(dataset, tmp_path):
    compute(dataset, "other", 3, visualize=False)
    found = get("compare_clusterings")(dataset, run_key="km", other_run_key="other")
    assert found["n_compared"] == IN_RUN and found["view"].count() == found["n_moved"] > 0
    assert get("compare_clusterings")(dataset, run_key="km", other_run_key="kind")["n_moved"] == 0


def export(dataset, tmp_path):
    for kind in ("csv", "json", "html", "folders"):
        assert (
            get("export_clusters")(dataset, run_key="km", path=str(tmp_path / f"out.{kind}"), format=kind)["n"]
            == IN_RUN
        )


def load(dataset, tmp_path):
    load = get("load_clustering_view")
    assert load(dataset, run_key="km").count() == IN_RUN
    for order in ("confidence", "typical", "atypical", "borderline"):
        assert load(dataset, run_key="km", cluster=0, order=order).count() > 0
    assert load(dataset, run_key="km", order="borderline").count() > 0
    with pytest.raises(ValueError, match="no odd images"):
        get("load_odd_images")(dataset, run_key="km")


def odd_images(dataset, tmp_path):
    """A model has pointed out more than a view can name."""
    run = Run.open(dataset, "km")
    first = run.members().by_cluster()[0]
    odd = {c: {"odd": [run.members().ids[row] for row in rows]} for c, rows in run.members().by_cluster().items()}
    run.write(names={str(c): about for c, about in odd.items()})
    with pytest.raises(ValueError, match=f"at most {BOUND} samples by their ids, not {IN_RUN}"):
        get("load_odd_images")(dataset, run_key="km")
    run.write(names={"0": {"odd": odd[0]["odd"][:BOUND]}})
    assert len(first) > BOUND and get("load_odd_images")(dataset, run_key="km", cluster=0).count() == BOUND


def duplicates(dataset, tmp_path):
    found = get("find_cluster_duplicates")(dataset, run_key="km", min_similarity=0.1, tag="twice")
    assert found["n_extra"] == IN_RUN - 2 and dataset.match_tags("twice").count() == IN_RUN - 2
    assert found["n_groups"] == 2 and found["n_shown"] == 0 and found["view"].count() == 0
    found = get("find_cluster_duplicates")(dataset, run_key="km", min_similarity=0.8)
    assert found["view"].count() == sum(len(group["ids"]) for group in found["groups"][: found["n_shown"]]) <= BOUND


def draw_samples(dataset, tmp_path):
    done = get("sample_clusters")(dataset, run_key="km", n_per_cluster=BOUND // 2, tag="some", view_name="some")
    assert done["n"] == done["view"].count() == BOUND and dataset.match_tags("some").count() == BOUND
    assert dataset.load_saved_view("some").count() == BOUND
    with pytest.raises(ValueError, match=r"not 60; .*n_per_cluster"):
        get("sample_clusters")(dataset, run_key="km", n_per_cluster=30, tag="more")
    assert dataset.match_tags("more").count() == 0


def tabulate(dataset, tmp_path):
    assert (
        sum(row["size"] for row in get("tabulate_clusters")(dataset, run_key="km", group_by="kind")["rows"]) == IN_RUN
    )


def propagate(dataset, tmp_path):
    kinds = dataset.values("kind")
    dataset.set_values("known", [kind if i < 20 else None for i, kind in enumerate(kinds)])
    done = get("propagate_labels")(dataset, run_key="km", ground_truth="known", output_field="new")
    assert done["n_proposed"] == IN_RUN - 20


def edits(dataset, tmp_path):
    before = clusters_of(dataset)
    edit = lambda action, **given: get("edit_clusters")(dataset, run_key="km", action=action, **given)  # noqa: E731
    ids = [key for key, cluster in before.items() if cluster == 0]
    assert len(ids) > BOUND
    edit("rename", names={0: "first"})
    edit("confirm", ids=ids)
    edit("move", ids=ids[:60])
    edit("split", cluster=1)
    edit("dissolve", clusters=[0])
    edit("absorb_noise", min_similarity=-1.0)
    others = [cluster for cluster in Run.open(dataset, "km").names if cluster >= 0]
    assert len(others) > 1
    edit("keep_apart", clusters=others)
    kept = edit("merge", clusters=others)["clusters"][0]["id"]
    dataset.set_values("km.label", {key: "mine" for key in ids}, key_field="id")  # a person's corrections
    edit("rename", names={kept: "all"})
    for _ in range(9):
        edit("undo")
    assert clusters_of(dataset) == before
    edit("redo")


def hierarchy(dataset, tmp_path):
    compute(dataset, "fine", 6, visualize=False)
    assert len(get("build_cluster_hierarchy")(dataset, run_key="fine", n_coarse=2)["clusters"]) == 2
    get("edit_clusters")(dataset, run_key="fine", action="undo")


def name(dataset, tmp_path):
    done = get("label_clusters")(dataset, run_key="km", source="field", label_field="kind")
    assert set(done["names"].values()) == {"a", "b"}


def suggest(dataset, tmp_path):
    found = get("suggest_cluster_count")(dataset, embeddings="emb", sample_size=120, max_clusters=4)
    assert found["n_used"] == 120
    found = get("check_neighbors")(dataset, embeddings="emb", ground_truth="kind", sample_size=3, n_neighbors=5)
    assert found["view"].count() <= BOUND
    with pytest.raises(ValueError, match="lower n_neighbors"):
        get("check_neighbors")(dataset, embeddings="emb", sample_size=5, n_neighbors=40)


def manage(dataset, tmp_path):
    assert get("get_clustering_run_info")(dataset, run_key="km")["n_used"] == IN_RUN
    get("rename_clustering_run")(dataset, run_key="km", new_run_key="other")
    get("delete_clustering_run")(dataset, run_key="other")
    assert not dataset.list_runs()


def panel(dataset, tmp_path):
    """Cards, ticks, lassos and the widgets' questions."""
    browser = Browser(dataset, simple=False)
    browser.call("on_card", cluster=0)
    assert len(browser.read("cards")["cards"]) == 2
    browser.read("sheets", clusters=[0, 1])
    browser.read("positions")
    browser.read("colors")
    points = read_points(Run.open(dataset, "km"))
    rows = base64.b64encode(np.arange(len(points), dtype="<u4").tobytes()).decode()
    told = {"digest": browser.read("positions")["digest"], "window": "one"}
    browser.call("on_map_tag", lasso={"rows": rows}, value="lassoed", **told)
    assert dataset.match_tags("lassoed").count() == IN_RUN
    browser.call("on_map_only", lasso={"cluster": 0}, **told)
    assert set(browser.view.values("km.cluster")) == {0} and browser.view.count() > BOUND
    browser.call("on_map_only", lasso={"rows": rows}, **told)
    assert "the grid takes 50 at once" in str(browser.got("notify"))
    corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    browser.call("on_map_only", lasso={"polygon": corners}, **told)
    assert browser.view.count() > BOUND
    browser.call("on_map_new", lasso={"rows": rows}, version=0, **told)
    assert set(clusters_of(dataset).values()) == {2, None}


WALKS = [
    evaluate,
    assign,
    embed_and_assign,
    compare,
    export,
    load,
    odd_images,
    duplicates,
    draw_samples,
    tabulate,
    propagate,
    edits,
    hierarchy,
    name,
    suggest,
    manage,
    panel,
]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__)
def test_no_query_has_more_ids_than_the_bound(few, tmp_path, walk):
    walk(few, tmp_path)


def test_every_operator_that_reads_samples_is_walked():
    # the panel is no operator of the list, and asks by `read_for_panel`
    source = Path(__file__).read_text()
    names = {cls().config.name for cls in operators.OPERATORS}
    walked = {name for name in names if f'get("{name}")' in source} | {"read_for_panel"}
    assert names == walked | ELSEWHERE and not walked & ELSEWHERE


def test_patches_are_walked(few_ids, dataset):
    X, _ = group_vectors(240, 2)
    box = [0.1, 0.1, 0.5, 0.5]
    for i in range(80):
        boxes = [fo.Detection(label="ab"[(3 * i + j) % 2], bounding_box=box, emb=X[3 * i + j]) for j in range(3)]
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{i}.png", things=fo.Detections(detections=boxes)))
    dataset.add_sample_field("things.detections.emb", fo.VectorField)
    some = dataset.limit(60)
    options = {"embeddings": "emb", "patches_field": "things", "visualize": False, "params": {"n_clusters": 2}}
    get("compute_clusters")(some, run_key="km", **options)
    assert get("assign_clusters")(dataset, run_key="km")["n_assigned"] == 60
    assert get("evaluate_clusters")(dataset, run_key="km")["n"] == 240
    assert get("load_clustering_view")(dataset, run_key="km", cluster=0).count() == 120
    get("edit_clusters")(dataset, run_key="km", action="merge", clusters=[0, 1])
    get("edit_clusters")(dataset, run_key="km", action="undo")
    found = get("find_cluster_duplicates")(dataset, run_key="km", min_similarity=0.1, tag="twice")
    assert dataset.count_label_tags("things") == {"twice": found["n_extra"]}


def test_the_watcher_sees_a_long_list(many):
    ids = many.values("id")
    with watched() as seen:
        many.select(ids).count()
    assert seen.most == len(ids) and "aggregate" in seen.command
    assert longest_ids({"a": [{"b": [ObjectId(), str(ObjectId())]}, 1]}) == 2


def test_a_view_that_a_run_cannot_keep_is_refused_before_the_work(many, monkeypatch):
    monkeypatch.setattr(run_documents, "_MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"this view takes 0.0 MB to describe .*match\(\)"):
        get("compute_clusters")(many.select(many.values("id")), run_key="km", embeddings="emb", visualize=False)
    assert not many.list_runs() and "km" not in many.get_field_schema()


def test_repeated_samples_beyond_the_bound_are_refused_in_a_sentence(few_ids, many):
    twice = many.concat(many.limit(10))
    with pytest.raises(ValueError, match=r"at most 50 samples by their ids, not 200; use a view without concat\(\)"):
        get("compute_clusters")(twice, run_key="km", embeddings="emb", visualize=False)
