"""Recipes by name: one file each, found without torch, and with the parameters of what they build on."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import training
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters, validated
from fiftyone.plugins.orgs.constellation.clusters.models.training.network import recipe_from
from fiftyone.plugins.orgs.constellation.clusters.models.training.recipe import KINDS, Recipe

ROOT = Path(__file__).resolve().parents[3]
MIRRORS = f"""
from typing import Annotated, Any

from {training.__name__}.simclr import SimCLR
from pydantic import Field


class Mirrors(SimCLR):
    kind = "mirrors"
    title = "Mirrors"
    when = "Never"
    order = 5

    def __init__(
        self, *, flip: str = "both", angle: Annotated[int, Field(ge=0, description="Where")] = 90, **shared: Any
    ):
        super().__init__(flip=flip, **shared)
        self.angle = angle
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose files are found beside the recipes."""
    known = dict(KINDS)
    monkeypatch.setattr(training, "__path__", [*training.__path__, str(tmp_path)])
    training._import_recipes.cache_clear()
    yield tmp_path
    KINDS.clear()
    KINDS.update(known)
    training._import_recipes.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"{training.__name__}.{path.stem}", None)


def test_a_recipe_is_one_file(folder):
    (folder / "mirrors.py").write_text(MIRRORS)
    (folder / "without_recipe.py").write_text("raise RuntimeError('imported')")
    assert training.list_recipes() == ["mirrors", "simclr", "autoencoder", "conv_autoencoder"]
    cls = training.recipe_class("mirrors")
    assert set(parameters(cls)) == {"angle", *parameters(training.recipe_class("simclr"))}
    made = cls(**validated(cls, {"crop": 0.5}))
    assert (made.angle, made.flip, made.crop, made.temperature) == (90, "both", 0.5, 0.2)


def test_a_kind_has_one_class():
    known = KINDS["simclr"]
    with pytest.raises(ValueError, match=r"^kind 'simclr' of .*test_recipes is taken by .*training.simclr; choose"):
        type("Other", (Recipe,), {"kind": "simclr", "__module__": __name__})
    type("Quiet", (known,), {})
    assert KINDS["simclr"] is known


def test_recipes_are_listed_without_torch():
    code = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from models.parameters import parameters
    from models.training import list_clusterings, list_recipes, recipe_class
    print(*list_recipes(), *list_clusterings(), sum(len(parameters(recipe_class(k))) for k in list_clusterings()) > 0)
    print("torch" in sys.modules)
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["simclr autoencoder conv_autoencoder scan cc pica spice dec idec True", "False"]


@pytest.mark.parametrize("kind", [*training.list_recipes(), *training.list_clusterings()])
def test_a_record_s_parameters_make_the_recipe_again(kind):
    cls = training.recipe_class(kind)
    assert cls.kind == kind and cls.__module__.endswith(f".{kind}")
    params = {name: info.default for name, info in parameters(cls).items()} | {"batch_size": 64, "learning_rate": 0.5}
    made = recipe_from({"kind": kind, "params": params})
    assert {name: getattr(made, name) for name in parameters(cls)} == params
    with pytest.raises(ValueError, match=f"^{cls.__name__} has no parameter 'bach_size'; did you mean 'batch_size'"):
        recipe_from({"kind": kind, "params": {"bach_size": 1}})
    with pytest.raises(ValueError, match=f"^{cls.__name__}: batch_size='64' is not valid"):
        recipe_from({"kind": kind, "params": {"batch_size": "64"}})
    with pytest.raises(TypeError, match="unexpected keyword argument 'bach_size'"):
        cls(bach_size=1)


def test_what_a_clustering_trains_first_has_its_parameters():
    scan = training.clustering_class("scan")(crop=0.7, warmup_epochs=3, n_clusters=4)
    simclr = scan.matching(training.recipe_class("simclr"))
    assert (simclr.crop, simclr.warmup_epochs, simclr.hidden) == (0.7, 3, 256) and not hasattr(simclr, "n_clusters")
