"""Clusters of several vector fields at once, joined by id."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.placement import place
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.operators.dataset.vectors import read_spaces
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs import clustering as form_arguments
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.run_info import info_text

from ..conftest import get
from ..handles import read_arrays
from ..inputs.test_forms import context, draw, flat

PARAMS = {"n_clusters": 4, "steps": 60, "heads": 1, "start": "kmeans"}


def halves(n=120, seed=0):
    """Four groups, of which one space tells halves apart and the other space the other halves."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 4
    first, second = np.eye(20)[truth // 2] + 0.05 * rng.normal(size=(n, 20)), np.eye(30)[truth % 2]
    return first.astype(np.float32), (second + 0.05 * rng.normal(size=(n, 30))).astype(np.float32), truth


@pytest.fixture
def two(dataset):
    """120 samples with vectors in ``clip`` and ``dino``, which only together tell the four classes apart."""
    rows = zip(*halves(), strict=True)
    dataset.add_samples(
        [
            fo.Sample(filepath=f"/nowhere/{i}.png", clip=a, dino=b, ground_truth=fo.Classification(label="abcd"[c]))
            for i, (a, b, c) in enumerate(rows)
        ]
    )
    return dataset


def test_a_run_on_two_fields_finds_what_neither_shows(two, compute):
    given = dict(method="turtle", params=PARAMS, ground_truth="ground_truth")
    both = compute(two, run_key="both", embeddings=["clip", "dino"], **given)
    alone = compute(two, run_key="alone", embeddings="clip", **given)
    assert both["scores"]["acc"] > 0.95 > 0.8 > alone["scores"]["acc"]
    config = two.get_run_info("both").config
    assert config.embeddings == "clip"
    assert [(s["embeddings"], s["dimension"]) for s in config.spaces] == [("clip", 20), ("dino", 30)]
    assert two.get_run_info("alone").config.spaces == []
    text = info_text(get("get_clustering_run_info")(two, run_key="both"))
    assert "**Vectors** `clip` and `dino` by an unrecorded encoder and an unrecorded encoder" in text


def test_new_samples_are_placed_by_all_fields(two, compute):
    compute(two, run_key="both", embeddings=["clip", "dino"], method="turtle", params=PARAMS)
    config = two.get_run_info("both").config
    table, _ = read_spaces(two, [space["embeddings"] for space in config.spaces])
    labels, confidence = place(config.placement, read_arrays(two, "both"), table.X)
    np.testing.assert_array_equal(labels, two.values("both.cluster"))
    np.testing.assert_allclose(confidence, two.values("both.confidence"), atol=1e-5)
    with pytest.raises(ValueError, match="do not fit a run on 50 dimensions"):
        place(config.placement, read_arrays(two, "both"), table.X[:, :20])


def test_newcomers_go_where_the_estimator_puts_them(two, compute):
    first, second, _ = halves()
    compute(two.limit(100), run_key="both", embeddings=["clip", "dino"], method="turtle", params=PARAMS)
    assert get("assign_clusters")(two.skip(100), run_key="both")["n_assigned"] == 20
    X = np.hstack([l2_normalize(first), l2_normalize(second)])
    model = get_clusterer("turtle")(**PARAMS, widths=[20, 30]).fit(X[:100])
    np.testing.assert_array_equal(model.predict(X[100:]), two.skip(100).values("both.cluster"))


def test_the_run_is_the_estimators_own(two, compute):
    compute(two, run_key="both", embeddings=["clip", "dino"], method="turtle", params=PARAMS, seed=3)
    first, second, _ = halves()
    X = np.hstack([l2_normalize(first), l2_normalize(second)])
    model = get_clusterer("turtle")(**PARAMS, widths=[20, 30], random_state=3).fit(X)
    np.testing.assert_array_equal(model.labels_, two.values("both.cluster"))


def test_what_lacks_one_of_the_fields_is_skipped_and_counted(two, compute):
    ids = two.values("id")
    two.set_values("clip", {ids[3]: None}, key_field="id")
    two.set_values("dino", {ids[3]: None, ids[7]: None, ids[9]: np.zeros(30)}, key_field="id")
    summary = compute(two, run_key="both", embeddings=["clip", "dino"], method="turtle", params=PARAMS)
    assert summary["skipped"] == {"no vector in clip": 1, "no vector in dino": 1, "zero vector in dino": 1}
    assert summary["n_used"] == 117
    assert [i for i, label in enumerate(two.values("both")) if label is None] == [3, 7, 9]


def test_fields_are_joined_by_id(two):
    shuffled = two.shuffle(seed=1)
    table, widths = read_spaces(shuffled, ["dino", "clip"])
    assert widths == [30, 20] and table.ids == shuffled.values("id")
    by_id = dict(zip(two.values("id"), zip(two.values("dino"), two.values("clip"), strict=True), strict=True))
    for key, row in zip(table.ids, table.X, strict=True):
        np.testing.assert_allclose(row, np.concatenate(by_id[key]), atol=1e-6)


def test_patches_with_two_fields(dataset, compute):
    first, second, _ = halves()
    box = [0.1, 0.1, 0.5, 0.5]
    for i in range(30):
        rows = range(4 * i, 4 * i + 4)
        boxes = [fo.Detection(label="x", bounding_box=box, clip=first[r], dino=second[r]) for r in rows]
        dataset.add_sample(fo.Sample(filepath=f"/nowhere/{i}.png", things=fo.Detections(detections=boxes)))
    for name in ("clip", "dino"):
        dataset.add_sample_field(f"things.detections.{name}", fo.VectorField)
    given = dict(embeddings=["clip", "dino"], patches_field="things", method="turtle", params=PARAMS)
    assert sorted(compute(dataset, run_key="both", **given)["sizes"].values()) == [30] * 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"embeddings": ["clip", "dino"]}, "kmeans takes one vector field, not 2; name one, or choose turtle"),
        ({"embeddings": ["clip", "clip"], "method": "turtle"}, "names a vector field twice"),
        (
            {"embeddings": ["clip", "clap"], "method": "turtle"},
            "there is no field 'clap'; the vector fields are clip, dino",
        ),
        ({"embeddings": ["clip", "dino"], "method": "turtle", "reduce": "pca"}, "would mix the 2 vector fields"),
        ({"embeddings": ["clip", 3], "method": "turtle"}, "embeddings"),
    ],
)
def test_refusals(two, compute, given, words):
    with pytest.raises(ValueError, match=words):
        compute(two, run_key="a", **{"params": {}, **given})
    assert two.list_runs() == [] and not two.has_field("a")


def test_a_list_of_one_is_that_field(two, compute):
    assert compute(two, run_key="a", embeddings=["dino"], params={"n_clusters": 2})["embeddings"] == "dino"


def test_the_map_is_that_of_the_first_field(two):
    op = get("compute_clusters")
    both = op(two, run_key="both", embeddings=["clip", "dino"], method="turtle", params=PARAMS)
    alone = op(two, run_key="alone", embeddings="clip", params={"n_clusters": 2})
    assert both["visualization"] == alone["visualization"]


def test_the_form_offers_the_other_fields(two):
    form = flat(draw(two, source="clip", method="turtle"))
    assert form["spaces"] and "dino" in form and "widths" not in form
    assert "spaces" not in flat(draw(two, source="clip", method="scan"))
    entered = dict(source="clip", method="turtle", spaces={"dino": True, "clip": True})
    _, kwargs = form_arguments.arguments(context(two, **entered))
    assert kwargs["embeddings"] == ["clip", "dino"] and "spaces" not in kwargs
    _, kwargs = form_arguments.arguments(context(two, **{**entered, "method": "kmeans"}))
    assert kwargs["embeddings"] == "clip"
    assert "120 images" in flat(draw(two, **entered))["estimate"]["view"]["label"]
