from typing import Annotated, Literal

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import (
    base_type,
    bounds,
    choices,
    is_optional,
    parameters,
    validated,
)
from pydantic import Field


class Method:
    name = "method"

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, le=9, description="How many")] = 3,
        linkage: Annotated[Literal["ward", "average"], Field(description="How to join")] = "ward",
        threshold: Annotated[float | None, Field(gt=0, description="Where to cut")] = None,
        random_state: Annotated[int | None, Field(description="Seed")] = None,
    ):
        pass


def test_signature_becomes_data():
    found = parameters(Method)
    assert list(found) == ["n_clusters", "linkage", "threshold"]
    assert bounds(found["n_clusters"]) == (2, 9)
    assert choices(found["linkage"]) == ["ward", "average"] and choices(found["n_clusters"]) is None
    assert [base_type(i) for i in found.values()] == [int, str, float]
    assert [is_optional(i) for i in found.values()] == [False, False, True]
    assert found["n_clusters"].description == "How many"


def test_defaults_are_filled_in():
    assert validated(Method, {"threshold": 2}) == {"n_clusters": 3, "linkage": "ward", "threshold": 2.0}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_clusters": 1}, ["n_clusters=1", "greater than or equal to 2"]),
        ({"n_clusters": 2.5}, ["n_clusters=2.5", "integer"]),
        ({"n_clusters": "4"}, ["n_clusters='4'"]),
        ({"n_clusters": True}, ["n_clusters=True"]),
        ({"linkage": "wrd"}, ["linkage='wrd'", "ward"]),
        ({"n_cluster": 4}, ["no parameter 'n_cluster'", "'n_clusters'"]),
        ({"random_state": 4}, ["no parameter 'random_state'"]),
    ],
)
def test_one_sentence_says_what_is_wrong(params, words):
    with pytest.raises(ValueError) as caught:
        validated(Method, params)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
