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


class Base:
    def __init__(
        self,
        epochs: Annotated[int, Field(ge=1, description="How often")] = 10,
        flip: Annotated[bool, Field(description="Mirror")] = True,
        *,
        rate: Annotated[float, Field(gt=0, le=1, description="How fast")] = 0.5,
        device: Annotated[str, Field(description="Where")] = "auto",
    ):
        self.epochs, self.flip, self.rate, self.device = epochs, flip, rate, device


class Middle(Base):
    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many")] = 3,
        *,
        heads: Annotated[int, Field(ge=1, description="How many heads")] = 1,
        rate: float = 0.1,
        decay: Annotated[float, Field(ge=0, description="How much")] = 0.0,
        **shared,
    ):
        super().__init__(rate=rate, **shared)
        self.n_clusters, self.heads, self.decay = n_clusters, heads, decay


class Mixin(Base):
    def __init__(self, color: Annotated[float, Field(ge=0, description="How colorful")] = 1.0, **shared):
        super().__init__(**shared)
        self.color = color


class Leaf(Middle, Mixin):
    def __init__(
        self,
        epochs: Annotated[int, Field(ge=0, description="How often, or never")] = 20,
        more_epochs: Annotated[int, Field(ge=0, description="How often afterwards")] = 5,
        device: str = "cpu",
        **shared,
    ):
        super().__init__(epochs=epochs, device=device, **shared)
        self.more_epochs = more_epochs


class Silent(Leaf):
    pass


class Apart(Leaf):
    def __init__(self, alone: Annotated[int, Field(description="All there is")] = 1):
        super().__init__()


def test_what_is_passed_on_follows_from_the_base():
    assert list(parameters(Base)) == ["epochs", "flip", "rate", "device"]
    assert list(parameters(Middle)) == ["n_clusters", "epochs", "flip", "heads", "rate", "decay", "device"]
    # new ones lead or follow their neighbor, finer ones come last, and the device is brought forward
    order = ["n_clusters", "color", "epochs", "more_epochs", "device", "flip", "heads", "rate", "decay"]
    assert list(parameters(Leaf)) == list(parameters(Silent)) == order
    assert list(parameters(Apart)) == ["alone"]


def test_a_changed_default_keeps_range_and_help_and_a_field_replaces_them():
    found = parameters(Leaf)
    assert found["rate"].default == 0.1 and bounds(found["rate"]) == (0, 1) and found["rate"].description == "How fast"
    assert found["epochs"].default == 20 and bounds(found["epochs"]) == (0, None)
    assert bounds(parameters(Middle)["epochs"]) == (1, None) and parameters(Base)["rate"].default == 0.5


def test_what_is_passed_on_is_checked_and_arrives():
    given = validated(Leaf, {"flip": False, "epochs": 0})
    assert given == {**{name: info.default for name, info in parameters(Leaf).items()}, "flip": False, "epochs": 0}
    made = Leaf(**given)
    assert {name: getattr(made, name) for name in parameters(Leaf)} == given
    with pytest.raises(ValueError, match=r"^Leaf: rate=2 is not valid, input should be less than or equal to 1$"):
        validated(Leaf, {"rate": 2})
    with pytest.raises(ValueError, match=r"^Leaf has no parameter 'shared'; it takes n_clusters, color, epochs, "):
        validated(Leaf, {"shared": 1})
    with pytest.raises(TypeError, match="unexpected keyword argument 'shared'"):
        Leaf(shared=1)
