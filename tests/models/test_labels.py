"""Cluster numbers with a meaning of their own, and what older runs have stored of them."""

from fiftyone.plugins.orgs.constellation.clusters.models import labels
from fiftyone.plugins.orgs.constellation.clusters.models.labels import MIXED, NOISE, upgrade_mapping


def test_a_number_has_one_meaning():
    numbers = [value for name, value in vars(labels).items() if name.isupper() and not name.startswith("_")]
    assert len(numbers) >= 4 and len(set(numbers)) == len(numbers) and max(numbers) < 0


def test_mixed_clusters_of_older_runs_stay_mixed():
    assert upgrade_mapping({0: -2, 1: 4, NOISE: -2, 2: NOISE}) == {0: MIXED, 1: 4, NOISE: MIXED, 2: NOISE}
    today = {0: MIXED, 3: NOISE, 4: 0}
    assert upgrade_mapping(today) == today and upgrade_mapping({}) == {}
