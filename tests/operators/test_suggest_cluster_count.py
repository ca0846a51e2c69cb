import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import jobs

from .app_stream import app_messages
from .conftest import get, group_vectors
from .inputs.test_forms import draw, flat


def kept(dataset, **params):
    """What the App's panel is given to show, after the dialog has closed."""
    told = [name.rpartition("/")[2] for name, _ in app_messages(dataset, "suggest_cluster_count", params)]
    assert told == ["notify", "open_clusters_panel"]
    return jobs.list_jobs(dataset)[-1]


def test_three_numbers_with_reasons_and_parameters(blobs):
    fields = set(blobs.get_field_schema())
    done = get("suggest_cluster_count")(blobs, embeddings="emb")
    assert done["natural"] == 3 and done["coarse"] <= 3 <= done["fine"] and done["verdict"] == "clear"
    assert done["params"]["natural"] == {"n_clusters": 3} and set(done["reasons"]) == {"coarse", "natural", "fine"}
    assert done["n_used"] == done["n_vectors"] == 60 and done["embeddings"] == "emb"
    assert "60 vectors allow no more than 15 clusters" in done["notes"][0]
    blobs.reload()
    assert set(blobs.get_field_schema()) == fields and not blobs.list_runs()


def test_a_view_and_its_unusable_vectors(blobs):
    sample = blobs.first()
    sample["emb"] = None
    sample.save()
    done = get("suggest_cluster_count")(blobs.limit(40), max_clusters=10)
    assert done["n_used"] == 39 and "1 images have no vector" in done["notes"][0]


def test_of_many_vectors_only_the_sample_is_fetched(blobs, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.operators.dataset import vectors

    first, later = blobs.values("id")[:4], blobs.values("id")[4:]
    blobs.select(first).clear_sample_field("emb")
    fetched, decode = [], vectors.decode
    monkeypatch.setattr(vectors, "decode", lambda stored: fetched.append(1) or decode(stored))
    done = get("suggest_cluster_count")(blobs, sample_size=30, max_clusters=8)
    assert done["natural"] == 3 and done["n_used"] == len(fetched) == 30 and done["n_vectors"] == 56
    assert done["notes"][0] == "4 images have no vector"
    assert get("suggest_cluster_count")(blobs, sample_size=30, max_clusters=8)["trials"] == done["trials"]
    blobs.set_values("emb", dict.fromkeys(later[:50], np.zeros(32)), key_field="id")
    with pytest.raises(ValueError, match="vectors are too few"):
        get("suggest_cluster_count")(blobs, sample_size=30)


def test_of_many_patches_only_the_sample_is_fetched(patches):
    for samples, kwargs in ((patches, {"patches_field": "things"}), (patches.to_patches("things"), {})):
        done = get("suggest_cluster_count")(samples, sample_size=31, max_clusters=8, **kwargs)
        assert done["natural"] == 3 and done["n_used"] == 31 and done["n_vectors"] == 60


def test_patches(patches):
    for samples, kwargs in ((patches, {"patches_field": "things"}), (patches.to_patches("things"), {})):
        done = get("suggest_cluster_count")(samples, max_clusters=10, **kwargs)
        assert done["natural"] == 3 and done["patches_field"] == "things" and done["n_used"] == 60


def test_hdbscan_sizes_grow_with_the_dataset(dataset):
    X, _ = group_vectors(400, groups=4, d=10)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)])
    done = get("suggest_cluster_count")(dataset, method="hdbscan", sample_size=200)
    assert done["natural"] == 4 and done["n_used"] == 200
    assert done["params"]["natural"]["min_cluster_size"] == 2 * done["values"]["natural"]
    run = get("compute_clusters")(
        dataset, method="hdbscan", params=done["params"]["natural"], visualize=False, reduce="none"
    )
    assert run["n_clusters"] == 4


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"embeddings": "nope"}, "there is no field 'nope'; the vector fields are emb"),
        ({"method": "birch"}, "method='birch' is not offered here; choose one of kmeans, hdbscan"),
        ({"reduce": "tsne"}, "reduce='tsne' is not offered"),
        ({"max_clusters": 1}, "max_clusters=1"),
        ({"sample_size": 2.5}, "sample_size=2.5"),
        ({"patches_field": "ground_truth"}, "holds Classification"),
    ],
)
def test_what_is_refused(blobs, kwargs, words):
    with pytest.raises(ValueError, match=words):
        get("suggest_cluster_count")(blobs, **kwargs)
    with pytest.raises(ValueError, match=words):
        get("suggest_cluster_count")(blobs, delegate=True, **kwargs)


def test_too_few_vectors(blobs):
    with pytest.raises(ValueError, match="7 vectors are too few to look for groups in; use at least 8"):
        get("suggest_cluster_count")(blobs.limit(7))
    blobs.delete_sample_field("emb")
    with pytest.raises(ValueError, match="there is no vector field; compute one with compute_embeddings"):
        get("suggest_cluster_count")(blobs)


def test_the_form_and_what_it_shows(blobs):
    form = flat(draw(blobs, "suggest_cluster_count"))
    assert form["embeddings"]["default"] == "emb" and not [k for k, p in form.items() if p.get("invalid")]
    shown = kept(blobs, embeddings="emb", max_clusters=12)
    assert "| **natural** | **3** |" in shown["result"]
    assert {trace["name"] for trace in shown["plot"]["data"]} >= {"silhouette", "agreement", "coding length"}


def test_every_button_opens_a_form_that_is_filled_in(blobs):
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.suggestion import form_params

    done = get("suggest_cluster_count")(blobs, embeddings="emb", max_clusters=10)
    for level, params in form_params(done).items():
        form = flat(draw(blobs, **params))
        assert not [key for key, prop in form.items() if prop.get("invalid")]
        assert params["method_kmeans"] == {"n_clusters": done[level]} and params["source"] == "emb"
    run = get("compute_clusters")(blobs, params=done["params"]["natural"], embeddings="emb", visualize=False)
    assert run["n_clusters"] == 3


def test_a_sweep_of_sizes_is_drawn_by_size_and_run_where_it_was_tried(dataset):
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.suggestion import form_params

    X, _ = group_vectors(200, groups=4, d=60)
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)])
    shown = kept(dataset, embeddings="emb", method="hdbscan")
    silhouette = next(trace for trace in shown["plot"]["data"] if trace["name"] == "silhouette")
    assert silhouette["x"] == sorted(set(silhouette["x"])) and silhouette["x"][0] == 5
    assert {found[0] for found in silhouette["customdata"]} >= {4} and "**4** (size " in shown["result"]
    done = get("suggest_cluster_count")(dataset, method="hdbscan")
    params = form_params(done)["natural"]
    assert params["reduce"] == done["reduce"] == "pca"
    assert flat(draw(dataset, **params))["reduce"]["default"] is not None
    run = get("compute_clusters")(
        dataset, method="hdbscan", params=done["params"]["natural"], reduce=done["reduce"], visualize=False
    )
    assert run["n_clusters"] == 4


def test_a_sweep_of_patches_fills_in_their_unit(patches):
    from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.suggestion import form_params

    done = get("suggest_cluster_count")(patches, patches_field="things", max_clusters=10)
    params = form_params(done)["natural"]
    form = flat(draw(patches, more=True, **params))
    assert params["unit"] == "things" and form["source"]["default"] == "emb"


def test_the_form_s_sample_and_seed_are_used(blobs):
    form = flat(draw(blobs, "suggest_cluster_count"))
    assert form["sample_size"]["default"] == 5000 and form["seed"]["default"] == 51
    shown = kept(blobs, embeddings="emb", max_clusters=8, sample_size=20)
    assert "Looked at 20 of 60 vectors" in shown["result"]


def test_a_delegated_sweep_says_what_it_found(blobs):
    queued = get("suggest_cluster_count")(blobs, embeddings="emb", max_clusters=10, delegate=True)
    service = DelegatedOperationService()
    service.execute_queued_operations(limit=1, log=False)
    assert "natural 3" in service.get(ObjectId(queued["id"])).status.label


def test_zero_vectors_do_not_divide(dataset):
    X = np.zeros((12, 20), np.float32)
    X[:, 0] = 1
    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=x) for i, x in enumerate(X)])
    with pytest.raises(ValueError, match="all 12 vectors are identical"):
        get("suggest_cluster_count")(dataset)


def test_the_app_is_told_what_is_wrong(blobs):
    blobs.set_values("emb", [None] * 60)
    messages = app_messages(blobs, "suggest_cluster_count", {"embeddings": "emb"})
    told = next(params for name, params in messages if name == "notify")
    assert "0 vectors are too few" in told["message"] and messages[-1][0] == "raised"
