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


FORMS = [name for name in NAMES if "resolve_input" in vars(type(get(name)))]


def draw(name, dataset, params):
    ctx = foo.ExecutionContext({"dataset_name": dataset.name, "params": params}, operator_uri=PREFIX + name)
    form = get(name).resolve_type(ctx, "inputs")
    return inputs_of(form.to_json()["type"].get("properties") or {})


def inputs_of(form):
    """All inputs of a form with the names of the objects around them: ``{("method_kmeans", "n_clusters"): ...}``."""
    found = {}
    for key, prop in form.items():
        found[(key,)] = prop
        inner = inputs_of(prop["type"].get("properties") or {}) if isinstance(prop.get("type"), dict) else {}
        found |= {(key, *path): one for path, one in inner.items()}
    return found


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


@pytest.mark.parametrize("name", FORMS)
def test_forms_refuse_what_is_typed_in_a_readable_sentence(name, blobs, compute):
    """Each text and path in turn is huge, as after a wrong paste: the form is drawn, and says so shortly."""
    compute(blobs, run_key="km", embeddings="emb")
    for path, field in draw(name, blobs, {}).items():
        if field["type"]["name"] not in ("String", "File"):
            continue
        typed = HUGE["text"] if field["type"]["name"] == "String" else {"absolute_path": HUGE["text"]}
        for prop in draw(name, blobs, nested(path, typed)).values():
            for said in (prop.get("error_message"), (prop.get("view") or {}).get("label")):
                assert len(said or "") < LIMIT, path
