"""Refusals are one sentence of less than 300 characters, whatever was given."""

import inspect

import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.refusals import LIMIT, readable

from ..conftest import get

PREFIX = "@constellation/clusters/"
NAMES = sorted(o.name for o in foo.list_operators(type="operator") if o.uri.startswith(PREFIX))
CALLED = [name for name in NAMES if getattr(get(name), "work", None) is not None]
HUGE = {
    "array": np.random.default_rng(0).normal(size=(2000, 64)),
    "text": "x" * 100_000,
    "list": [f"name {i}" for i in range(20_000)],
    "dict": {f"key {i}": i for i in range(20_000)},
}


def test_both_ends_of_a_sentence_stay():
    text = readable("embeddings=" + "1 " * 10_000 + "is no field; name one")
    assert text.startswith("embeddings=1 1") and text.endswith("is no field; name one") and len(text) < LIMIT


@pytest.mark.parametrize("kind", HUGE)
@pytest.mark.parametrize("name", CALLED)
def test_huge_values_are_refused_in_a_readable_sentence(name, kind, blobs, compute, tmp_path):
    """Each argument in turn is huge; where it is refused, the sentence is short."""
    if "run_key" in (parameters := inspect.signature(type(get(name)).work).parameters):
        compute(blobs, run_key="km", embeddings="emb")
    refused = []
    for argument in parameters:
        if argument in ("samples", "progress", "arguments"):
            continue
        given = {"run_key": "km"} if "run_key" in parameters else {}
        try:
            get(name)(blobs, **{**given, argument: HUGE[kind]})
        except (ValueError, TypeError) as error:
            refused.append(argument)
            assert len(str(error)) < LIMIT, argument
    assert refused or len(parameters) == 1


def test_an_array_for_a_field(blobs):
    with pytest.raises(ValueError, match="embeddings") as raised:
        get("compute_clusters")(blobs, embeddings=HUGE["array"])
    assert len(str(raised.value)) < LIMIT
