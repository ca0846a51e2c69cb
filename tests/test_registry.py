"""Everything that the menus must offer, by name.

Methods and encoders are found by looking through folders, so a file that moves can be lost without an error. Whoever
adds one adds its name here.
"""

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import (
    all_clusterers,
    get_clusterer,
    list_clusterers,
)
from fiftyone.plugins.orgs.constellation.clusters.models.encoders import encoder_class, list_encoders
from fiftyone.plugins.orgs.constellation.clusters.models.training import (
    clustering_class,
    list_clusterings,
    list_recipes,
    recipe_class,
)

CLASSICAL = {"kmeans", "minibatch_kmeans", "birch", "agglomerative", "gaussian_mixture", "hdbscan", "evoc"}
DEEP = {"scan", "temi", "turtle", "cc", "pica", "spice", "dec", "idec", "consensus"}
OPTIONAL = {"evoc"}  # its package is not among the requirements
ENCODERS = {"clip", "efficientnet_lite0", "timm", "zoo"}
RECIPES = {"simclr", "autoencoder", "conv_autoencoder"}
IMAGE_CLUSTERINGS = {"scan", "cc", "pica", "spice", "dec", "idec"}


def test_every_method_is_found():
    names = [cls.name for cls in all_clusterers()]
    assert len(names) == 16 and set(names) == CLASSICAL | DEEP
    assert set(list_clusterers()) | OPTIONAL == CLASSICAL | DEEP


@pytest.mark.parametrize("name", sorted((CLASSICAL | DEEP) - OPTIONAL))
def test_a_method_has_its_class(name):
    cls = get_clusterer(name)
    assert cls.name == name and cls.title and cls.when and cls().get_params()


def test_every_encoder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("CONSTELLATION_MODEL_DIR", str(tmp_path))  # without any that was trained here
    assert set(list_encoders()) == ENCODERS
    assert {encoder_class(name).name for name in ENCODERS} == ENCODERS


def test_every_training_is_found():
    assert set(list_recipes()) == RECIPES and {recipe_class(name).kind for name in RECIPES} == RECIPES
    assert set(list_clusterings()) == IMAGE_CLUSTERINGS < DEEP
    assert {clustering_class(name).kind for name in IMAGE_CLUSTERINGS} == IMAGE_CLUSTERINGS


def test_the_form_offers_them(dataset):
    import fiftyone as fo
    import fiftyone.operators as foo

    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=[1.0 * i, 2.0]) for i in range(20)], progress=False)
    operator = foo.get_operator("@constellation/clusters/compute_clusters")

    def offered(name, **params):
        request = {"dataset_name": dataset.name, "params": {"more": True, **params}}
        ctx = foo.ExecutionContext(request, operator_uri=operator.uri)
        return set(operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"][name]["type"]["values"])

    assert offered("method") >= (CLASSICAL | DEEP) - OPTIONAL
    assert offered("encoder", source="compute new vectors") >= ENCODERS
    assert offered("reduce") == {"auto", "none", "pca", "umap"}
