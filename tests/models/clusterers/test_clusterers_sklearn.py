"""scikit-learn's own checks of every method."""

import warnings

from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer, list_clusterers
from sklearn.utils.estimator_checks import parametrize_with_checks

_ONE_CLUSTER = "sets n_clusters=1, and a clustering has at least two"
_ONE_CLUSTER_CHECKS = (
    "check_dont_overwrite_parameters",
    "check_fit2d_1feature",
    "check_fit2d_predict1d",
    "check_methods_subset_invariance",
)
# Few neighbours and small clusters, because the checks use 10 to 50 samples
_SETTINGS = {
    "hdbscan": {"min_cluster_size": 3},
    "evoc": {"n_neighbors": 3, "min_samples": 2, "base_min_cluster_size": 2, "n_epochs": 5},
}


_BUDGET = {"steps": 40, "heads": 1, "pretrain_steps": 40, "runs": 3, "base": "kmeans"}


def instances():
    found = []
    for cls in map(get_clusterer, list_clusterers()):
        budget = {key: value for key, value in _BUDGET.items() if key in cls().get_params()}
        found.append(cls(**budget, **_SETTINGS.get(cls.name, {})))
    return found


def expected(estimator):
    return {name: _ONE_CLUSTER for name in _ONE_CLUSTER_CHECKS} if hasattr(estimator, "n_clusters") else {}


@parametrize_with_checks(instances(), expected_failed_checks=expected)
def test_scikit_learn_conventions(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
