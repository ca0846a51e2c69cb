"""Methods that are fitted to a sample: whom it has, where the others go, and what is said of it."""

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import costs
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import validated
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.normalize import l2_normalize
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import get_reduction
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.samples import draw_rows
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering import sampling
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering.sampling import Costs, SampleError, sample_size

from ..conftest import get, group_vectors
from ..inputs.test_forms import draw, flat

N = 300


@pytest.fixture
def many(dataset):
    """300 samples in three groups; the last three are copies of the first three."""
    X, which = group_vectors(N)
    X[-3:], which[-3:] = X[:3], which[:3]
    samples = [
        fo.Sample(filepath=f"/nowhere/{i}.png", emb=x, kind="abc"[w])
        for i, (x, w) in enumerate(zip(X, which, strict=True))
    ]
    dataset.add_samples(samples, progress=False)
    return dataset


def fit_on_sample(dataset, compute, size=90, **options):
    return compute(dataset, run_key="km", embeddings="emb", ground_truth="kind", fit_on=size, **options)


def found(dataset):
    dataset.reload()
    return dataset.values("km.cluster"), dataset.values("km.confidence")


@pytest.mark.parametrize(
    "method, params, reduce",
    [
        ("kmeans", {"n_clusters": 3}, "none"),
        ("kmeans", {"n_clusters": 3}, "pca"),
        ("minibatch_kmeans", {"n_clusters": 3}, "none"),
        ("gaussian_mixture", {"n_clusters": 3}, "none"),
        ("birch", {"n_clusters": 3}, "none"),
        ("agglomerative", {"n_clusters": 3}, "none"),
        ("hdbscan", {"min_cluster_size": 10}, "none"),
        ("kmeans", {"n_clusters": 3}, "umap"),
    ],
)
def test_the_others_go_where_the_fitted_placement_puts_them(many, compute, method, params, reduce):
    done = fit_on_sample(many, compute, method=method, params=params, reduce=reduce)
    assert done["fit_on"] == 90 and done["n_used"] == N and done["scores"]["ari"] > 0.95
    assert sum(done["sizes"].values()) == N and done["n_clusters"] == 3
    assert any("fitted on a sample of 90 of 300 images" in note and "fit_on=90" in note for note in done["notes"])
    assert many.get_run_info("km").config.fit_on == 90
    clusters, confidence = found(many)
    assert clusters[-3:] == clusters[:3] and confidence[-3:] == confidence[:3]  # copies agree
    if reduce == "umap":
        return
    X = l2_normalize(np.stack(many.values("emb")).astype(np.float32))
    rows = draw_rows(N, 90, 51)
    reducer = get_reduction(reduce)(random_state=51) if reduce != "none" else get_reduction("none")()
    estimator = get_clusterer(method)(**params)
    estimator.fit(reducer.fit_transform(X[rows]))
    expected = estimator.predict(reducer.transform(X))
    assert clusters == expected.tolist()
    assert np.array(clusters)[rows].tolist() == estimator.labels_.tolist()


def test_new_samples_go_where_the_others_went(many, compute):
    fit_on_sample(many, compute)
    clusters, _ = found(many)
    again = [fo.Sample(filepath=f"/nowhere/new{i}.png", emb=x) for i, x in enumerate(many.limit(60).values("emb"))]
    many.add_samples(again, progress=False)
    assert get("assign_clusters")(many, run_key="km")["n_assigned"] == 60
    assert many.values("km.cluster")[N:] == clusters[:60]


def test_the_same_seed_gives_the_same_clusters_and_another_sample_for_another(many, compute):
    fit_on_sample(many, compute)
    first = found(many)
    get("delete_clustering_run")(many, run_key="km")
    fit_on_sample(many, compute)
    assert found(many) == first
    assert draw_rows(N, 90, 51).tolist() == draw_rows(N, 90, 51).tolist()
    assert draw_rows(N, 90, 51).tolist() != draw_rows(N, 90, 52).tolist()
    assert draw_rows(N, N, 51) is None


def test_what_fits_is_fitted_as_a_whole_and_as_before(many, compute):
    results = {}
    for fit_on in ("auto", "all", N, N + 1, str(N)):
        done = fit_on_sample(many, compute, fit_on)
        results[str(fit_on)] = (*found(many), done["scores"], done["notes"])
        assert done["fit_on"] is None and not any("sample" in note for note in done["notes"])
        get("delete_clustering_run")(many, run_key="km")
    assert len({repr(result) for result in results.values()}) == 1
    X = l2_normalize(np.stack(many.values("emb")).astype(np.float32))
    assert results["auto"][0] == get_clusterer("kmeans")(n_clusters=3).fit(X).labels_.tolist()


@pytest.mark.parametrize(
    "options, said",
    [
        ({"fit_on": 1}, "fit_on=1 is not a number of samples"),
        ({"fit_on": "some"}, "fit_on='some' is not a number of samples; use 'auto', 'all' or a number of at least 2"),
        ({"fit_on": 5, "params": {"n_clusters": 8}}, "n_clusters=8 exceeds the sample of 5 to fit on; raise fit_on"),
        ({"fit_on": 90, "train": "images", "method": "scan"}, "fit_on=90 has no use with train='images'"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_the_work(many, compute, options, said):
    with pytest.raises(ValueError, match=said):
        compute(many, run_key="km", **({"embeddings": "emb"} if "train" not in options else {}), **options)
    many.reload()
    assert not many.list_runs() and many.get_field("km") is None


def test_constraints_are_kept_by_all_and_so_by_no_sample(many, compute):
    compute(many, run_key="first", embeddings="emb", params={"n_clusters": 4})
    get("edit_clusters")(many, run_key="first", action="merge", clusters=[0, 1])
    given = {"run_key": "km", "embeddings": "emb", "constraints_from": "first"}
    with pytest.raises(ValueError, match="fit_on=90 could part what constraints_from keeps together"):
        compute(many, fit_on=90, **given)
    assert compute(many, **given)["fit_on"] is None


def costs_of(method, d=64, reduce="none", **params):
    cls, reducer = get_clusterer(method), get_reduction(reduce)
    return Costs(cls, validated(cls, params), reducer, validated(reducer, None), d)


def test_methods_have_limits_of_their_own(monkeypatch):
    monkeypatch.setattr(sampling, "free_memory", lambda: 10**13)
    for method in ("kmeans", "minibatch_kmeans", "birch", "gaussian_mixture"):
        assert sample_size("auto", 300_000, costs_of(method)) is None
        assert sample_size("auto", 300_001, costs_of(method)) == 300_000
        assert sample_size("all", 10**6, costs_of(method)) is None
    assert sample_size("auto", 15_000, costs_of("agglomerative")) is None
    assert sample_size("auto", 15_001, costs_of("agglomerative")) == 15_000
    assert sample_size("auto", 10**6, costs_of("agglomerative", max_samples=2000)) == 2000
    assert sample_size("auto", 10**6, costs_of("hdbscan")) is None


def test_short_memory_makes_the_sample_smaller_and_none_is_refused(monkeypatch):
    n, asked = 250_000, costs_of("hdbscan", reduce="umap")
    sizes = []
    for free in (10**13, 2 * 10**9, 5 * 10**8, 10**8):
        monkeypatch.setattr(sampling, "free_memory", lambda free=free: free)
        sizes.append(sample_size("auto", n, asked) if free > 10**8 else None)
    assert sizes[0] is None and n > sizes[1] > sizes[2] >= 10_000 and set(sizes[1:3]) <= set(sampling.SIZES)
    with pytest.raises(
        SampleError, match=r"hdbscan needs .* GB of memory even on a sample of 10,000 .*; choose kmeans"
    ):
        sample_size("auto", n, asked)
    monkeypatch.setattr(sampling, "free_memory", lambda: 10**6)
    with pytest.raises(SampleError, match=r"250,000 vectors of 64 dimensions take 0.1 GB and 0.0 GB of memory can be"):
        sample_size("auto", n, asked)
    assert sample_size("auto", 10_000, asked) is None  # few are never refused
    assert costs.free_memory() > 0


def test_the_tree_takes_as_many_as_it_is_told(many, compute):
    options = {"method": "agglomerative", "params": {"n_clusters": 3, "max_samples": 100}}
    done = compute(many, run_key="auto", embeddings="emb", **options)
    assert done["fit_on"] == 100 and many.get_run_info("auto").config.params["max_samples"] == 100
    done = compute(many, run_key="more", embeddings="emb", fit_on=200, **options)
    assert done["fit_on"] == 200 and many.get_run_info("more").config.params["max_samples"] == 200
    done = compute(many, run_key="whole", embeddings="emb", fit_on="all", **options)
    assert done["fit_on"] is None and many.get_run_info("whole").config.params["max_samples"] == N


def test_the_form_asks_behind_more_and_estimates_the_sample(many):
    assert "fit_on" not in flat(draw(many))
    form = flat(draw(many, more=True))
    assert form["fit_on"]["default"] == "auto" and not form["fit_on"]["invalid"]
    assert "sample" not in form["estimate"]["view"]["label"]
    form = flat(draw(many, more=True, fit_on="90"))
    assert "fitted on a sample of 90" in form["estimate"]["view"]["label"]
    assert flat(draw(many, more=True, fit_on="many"))["fit_on"]["invalid"]
    form = flat(draw(many, fit_on="5"))
    assert "exceeds the sample of 5" in str(form["sample_problem"])


def test_memory_that_cannot_suffice_is_said_in_the_form(many, monkeypatch):
    monkeypatch.setattr(sampling, "SIZES", (100, 50))
    monkeypatch.setattr(sampling, "free_memory", lambda: 1000)
    assert "vectors of 32 dimensions take" in str(flat(draw(many))["sample_problem"])
    with pytest.raises(ValueError, match="cluster a view of fewer"):
        get("compute_clusters")(many, run_key="km", embeddings="emb", visualize=False)
