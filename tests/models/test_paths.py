"""Paths as people enter them: of this machine, or refused."""

from pathlib import Path

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.paths import local_path
from fiftyone.plugins.orgs.constellation.clusters.models.training import store


@pytest.mark.parametrize("address", ["s3://b/x.csv", "gs://b/x", "https://host/x.csv", "file:///tmp/x.csv", "s3:/b/x"])
def test_addresses_are_not_folders(address):
    with pytest.raises(ValueError, match="is an address; give a path on this machine"):
        local_path(address)


@pytest.mark.parametrize("path", [None, 3, "", "  ", "a\0b", b"bytes", ["a"]])
def test_what_is_no_path(path):
    with pytest.raises(ValueError, match="is not a path"):
        local_path(path)


def test_paths_are_absolute_and_know_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert local_path("~/x.csv") == local_path("x.csv") == local_path(tmp_path / "x.csv") == tmp_path / "x.csv"
    assert local_path("C:x") == Path(tmp_path / "C:x")


def test_encoders_come_from_paths_of_this_machine():
    with pytest.raises(ValueError, match="is an address"):
        store.import_file("s3://bucket/encoder.safetensors")
