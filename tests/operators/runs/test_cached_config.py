"""Configurations that readers share: never an old one, and never another run's of the same name."""

import dataclasses

import fiftyone as fo
import pytest

from ..handles import get_config, rename_clusters


def test_a_config_is_shared_and_a_change_is_seen(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    seen = get_config(blobs, "km")
    assert get_config(blobs, "km") is seen
    rename_clusters(blobs, "km", {0: "zero"})
    assert get_config(blobs, "km").clusters[0]["label"] == "zero" != seen.clusters[0]["label"]
    config = blobs.get_run_info("km").config  # as another process does
    config.version = 99
    blobs.update_run_config("km", config)
    blobs.reload()
    assert get_config(blobs, "km").version == 99


def test_a_config_cannot_be_changed_by_its_readers(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_config(blobs, "km").version = 3


def test_a_run_of_the_same_name_after_a_deletion_is_another(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    get_config(blobs, "km")
    blobs.delete_run("km")
    with pytest.raises(ValueError, match="there is no clustering run 'km'"):
        get_config(blobs, "km")
    blobs.register_run("km", fo.RunConfig(kind="other"))
    with pytest.raises(ValueError, match="there is no clustering run 'km'"):
        get_config(blobs, "km")
