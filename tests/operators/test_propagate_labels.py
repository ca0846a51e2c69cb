import fiftyone as fo
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionError

from .app_stream import app_messages
from .conftest import get
from .inputs.test_forms import draw, flat


@pytest.fixture
def run(blobs, compute):
    """Run ``km``; the first 30 samples have a class, and of cluster c two are mislabelled."""
    compute(blobs, run_key="km", embeddings="emb")
    classes = blobs.values("ground_truth.label")
    classes[2] = classes[5] = "a"
    blobs.set_values("ground_truth", [fo.Classification(label=c) if i < 30 else None for i, c in enumerate(classes)])
    return blobs


def call(samples, **kwargs):
    given = {"run_key": "km", "ground_truth": "ground_truth", "output_field": "new", **kwargs}
    return get("propagate_labels")(samples, **given)


def test_pure_clusters_propose_their_class(run):
    before = run.values("ground_truth.label")
    done = call(run)
    assert done["n_proposed"] == 20 and done["n_known"] == 30 and done["n_left"] == 10
    assert sorted(cluster["purity"] for cluster in done["clusters"]) == [0.8, 1, 1]
    assert [c["reason"] for c in done["clusters"] if c["purity"] < 1] == ["purity 0.80"]
    for i, (proposed, was) in enumerate(zip(run.values("new"), before, strict=True)):
        if proposed is None:
            assert was is not None or i % 3 == 2
        else:
            assert was is None and proposed.label == "abc"[i % 3] and proposed.confidence == 1
    assert run.values("ground_truth.label") == before
    assert run.get_field("new").info["constellation"] == {"role": "proposal", "run_key": "km"}


def test_a_lower_purity_proposes_more(run):
    done = call(run, min_purity=0.8)
    assert done["n_proposed"] == 30 and done["n_left"] == 0
    assert {round(label.confidence, 3) for label in run.values("new") if label} == {0.8, 1.0}


def test_few_known_members_say_nothing(run):
    with pytest.raises(ValueError, match=r"nothing to propose, 30 of 60 .* min_purity=0.9 and min_labeled=11; lower"):
        call(run, min_labeled=11)
    assert "new" not in run.get_field_schema()


def test_a_view_gets_its_own_proposals(run):
    assert call(run.limit(40))["n_proposed"] == 7
    assert run.count("new.label") == 7


def test_what_is_known_of_a_cluster_counts_for_a_view_without_any(run):
    unlabelled = run.skip(30).limit(12)
    done = call(unlabelled)
    assert done["n_proposed"] == 8 and done["n_known"] == 0 and done["n_left"] == 4
    assert sum(cluster["known"] for cluster in done["clusters"]) == 30
    assert set(run.exists("new").values("id")) <= set(unlabelled.values("id"))


def test_patches(patches, compute):
    compute(patches, run_key="p", embeddings="emb", patches_field="things")
    labels = patches.values("things.detections.label")
    names = [[label if i < 5 else None for label in row] for i, row in enumerate(labels)]
    patches.set_values("things.detections.kind", names, dynamic=True)
    done = get("propagate_labels")(patches, run_key="p", ground_truth="kind", output_field="guess")
    assert done["n_proposed"] == 45 and done["unit"] == "patches"
    assert patches.values("things.detections.guess.label")[10] == ["a", "b", "c"]
    assert patches.values("things.detections.guess")[0] == [None] * 3


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"output_field": "ground_truth"}, "field 'ground_truth' exists and is not the leftover"),
        ({"output_field": "km"}, "field 'km' holds the clusters of run 'km'; choose another name"),
        ({"output_field": "1 x"}, "'1 x' is not valid"),
        ({"min_purity": 1.5}, "min_purity=1.5"),
        ({"min_labeled": 0}, "min_labeled=0"),
        ({"ground_truth": "emb"}, "'emb' is VectorField"),
        ({"ground_truth": "nope"}, "'nope' is missing"),
        ({"run_key": "nope"}, "no clustering run 'nope'"),
    ],
)
def test_what_is_refused_changes_nothing(run, kwargs, words):
    before = run.to_dict()["samples"]
    with pytest.raises(ValueError, match=words):
        call(run, **kwargs)
    run.reload()
    assert "new" not in run.get_field_schema() and run.to_dict()["samples"] == before


def test_a_field_without_any_class(run):
    run.clear_sample_field("ground_truth")
    with pytest.raises(ValueError, match="no member of run 'km' has a class in 'ground_truth'; label some first"):
        call(run)


def test_a_failed_write_leaves_no_field(run, monkeypatch):
    monkeypatch.setattr(fo.Dataset, "set_values", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(run)
    run.reload()
    assert "new" not in run.get_field_schema()
    monkeypatch.undo()
    assert call(run)["n_proposed"] == 20


def test_the_form_proposes_a_free_field(run):
    form = flat(draw(run, "propagate_labels", run_key="km"))
    assert form["output_field"]["default"] == "km_proposal" and form["ground_truth"]["default"] == "ground_truth"
    assert flat(draw(run, "propagate_labels", run_key="km", output_field="km"))["output_field"]["invalid"]


def test_the_app_says_what_was_proposed(run):
    messages = app_messages(
        run, "propagate_labels", {"run_key": "km", "ground_truth": "ground_truth", "output_field": "new"}
    )
    text = messages[-1][1]["results"]["text"]
    assert "**20 proposals; 10 images are left without**" in text and "none: purity 0.80" in text
    assert text.count("| 1.00 | 10 | 10 |") == 2
    with pytest.raises(ExecutionError, match="field 'new' exists"):
        app_messages(run, "propagate_labels", {"run_key": "km", "ground_truth": "ground_truth", "output_field": "new"})


def test_delegated(run):
    with pytest.raises(ValueError, match="'nope' is missing"):
        call(run, ground_truth="nope", delegate=True)
    queued = call(run, min_purity=0.8, delegate=True)
    service = DelegatedOperationService()
    service.execute_queued_operations(limit=1, log=False)
    assert service.get(ObjectId(queued["id"])).status.label == "30 proposals in new; 0 images are left without"
    run.reload()
    assert run.count("new.label") == 30


def test_a_stopped_write_leaves_no_field(run):
    def stop(fraction, message=""):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(run, progress=stop)
    run.reload()
    assert "new" not in run.get_field_schema()
