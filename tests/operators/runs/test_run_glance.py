"""Configurations that are looked at without a copy: never an old one, and never the one that writers change."""

import fiftyone as fo
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.editing.actions.rename import rename_clusters
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import lifecycle as runs


def test_a_look_is_shared_and_a_change_is_seen(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    seen = runs.look_at(blobs, "km")
    assert runs.look_at(blobs, "km") is seen and runs.get_config(blobs, "km") is not seen
    rename_clusters(blobs, "km", {0: "zero"})
    assert runs.look_at(blobs, "km").clusters[0]["label"] == "zero" != seen.clusters[0]["label"]
    config = blobs.get_run_info("km").config  # as another process does
    config.version = 99
    blobs.update_run_config("km", config)
    blobs.reload()
    assert runs.look_at(blobs, "km").version == 99


def test_what_a_writer_gets_is_its_own(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    runs.get_config(blobs, "km").clusters[0]["label"] = "spoiled"
    assert runs.look_at(blobs, "km").clusters[0]["label"] != "spoiled"


def test_a_run_of_the_same_name_after_a_deletion_is_another(blobs, compute):
    compute(blobs, run_key="km", embeddings="emb")
    runs.look_at(blobs, "km")
    blobs.delete_run("km")
    with pytest.raises(ValueError, match="there is no clustering run 'km'"):
        runs.look_at(blobs, "km")
    blobs.register_run("km", fo.RunConfig(kind="other"))
    with pytest.raises(ValueError, match="there is no clustering run 'km'"):
        runs.look_at(blobs, "km")
