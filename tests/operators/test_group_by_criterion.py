"""Grouping by criterion, end to end against a server with scripted answers."""

import inspect
import json
import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import asking
from naming_server import NamingServer, say, status
from PIL import Image

from .conftest import get

PLACES = {"beach": (220, 200, 120), "forest": (20, 120, 30), "sea": (20, 40, 200)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def scenes(dataset, tmp_path, compute):
    """A dataset of ``n`` images of three places, each place in several kinds, in a run of two clusters."""

    def make(n):
        rng = np.random.default_rng(0)
        for name, color in PLACES.items():
            Image.new("RGB", (16, 16), color).save(tmp_path / f"{name}.png")
        kinds = rng.normal(size=(12, 8)) * 6
        dataset.add_samples(
            [
                fo.Sample(
                    filepath=str(tmp_path / f"{list(PLACES)[i % 3]}.png"),
                    emb=kinds[i % 12] + rng.normal(size=8) * 0.3,
                    place=list(PLACES)[i % 3],
                )
                for i in range(n)
            ],
            progress=False,
        )
        compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": 2}, normalize=False)
        return dataset

    return make


def script(asked):
    """Says where each image was taken, groups the captions, and sorts them."""
    if asked.images:
        colors = [asked.color(i) for i in range(len(asked.images))]
        nearest = [min(PLACES, key=lambda p: np.abs(np.subtract(PLACES[p], c)).sum()) for c in colors]
        captions = [{"image": i, "caption": f"at the {p}, spot {i % 2}"} for i, p in enumerate(nearest, 1)]
        return say(json.dumps({"captions": captions}))
    if "The groups:" not in asked.text:
        groups = [{"name": f"{p} <b>scenes</b>", "description": f"Taken at the {p}."} for p in PLACES]
        return say(json.dumps({"groups": [*groups, {"name": "Nowhere", "description": "No image is here."}]}))
    captions = re.findall(r"^(\d+)\. at the (\w+), spot", asked.text, re.MULTILINE)
    found = [{"caption": int(n), "group": 1 + list(PLACES).index(place)} for n, place in captions]
    return say(json.dumps({"captions": found}))


def group(dataset, server, **kwargs):
    defaults = {"run_key": "km", "criterion": "place", "model": "tiny-vl", "base_url": server.url, "image_size": 64}
    return get("group_by_criterion")(dataset, **{**defaults, **kwargs})


def test_two_thousand_images_by_place(scenes):
    dataset = scenes(2000)
    with NamingServer(script) as server:
        plan = group(dataset, server, dry_run=True)
        assert server.connections == 0 and plan["calls"] <= 100 and plan["n_images"] == 2000
        done = group(dataset, server, max_concurrency=8)
        print(f"{done['text']} ({100 * done['calls'] / 2000:.1f} % of the images)")
        assert done["calls"] == plan["calls"] == len(server.questions) <= 100
    assert {g["name"] for g in done["groups"]} == {f"{p} scenes" for p in PLACES} and done["failures"] == {}
    key = done["run_key"]
    assert key == "km_by_criterion" and sum(g["size"] for g in done["groups"]) == 2000
    names = [f"{place} scenes" for place in dataset.values("place")]
    assert dataset.values(f"{key}.label") == names  # every image, also those that nobody captioned
    info = get("get_clustering_run_info")(dataset, run_key=key)
    assert info["method"] == "criterion" and info["params"]["criterion"] == "place" and info["n_clusters"] == 3
    assert "calls to tiny-vl at 127.0.0.1" in info["notes"][0]
    get("rename_clustering_run")(dataset, run_key=key, new_run_key="places")
    get("delete_clustering_run")(dataset, run_key="places")
    assert not dataset.has_field("places") and dataset.has_field("km")


def test_a_repeated_call_asks_only_what_is_missing(scenes):
    dataset = scenes(120)

    def behave(asked):
        return say("", refusal="no") if asked.images and asked.number == 2 else script(asked)

    with NamingServer(behave) as server:
        first = group(dataset, server)
        assert first["failures"] == {"refused": 1} and first["calls"] == 6
        again = group(dataset, server, new_run_key="again")
    # the cluster that was refused, then groups and sorting of what are other captions now, or the same
    assert again["failures"] == {} and again["calls"] <= 3 and len(dataset.exists("again")) == 120


def test_a_failure_leaves_nothing_behind(scenes):
    dataset = scenes(60)
    server = NamingServer(lambda asked: script(asked) if asked.images else say('{"groups": []}'))
    with server, pytest.raises(ValueError, match=r"'tiny-vl' proposed no groups by 'place': fewer than two groups"):
        group(dataset, server)
    assert dataset.list_runs() == ["km"] and not dataset.has_field("km_by_criterion")
    with NamingServer(lambda asked: status(401)) as server, pytest.raises(ValueError, match="key refused"):
        group(dataset, server, model="other")
    with NamingServer(script) as server:
        assert group(dataset, server)["n_groups"] == 3  # the captions were kept


def test_unreadable_files_are_counted_and_the_model_is_not_to_blame(scenes, tmp_path):
    dataset = scenes(60)
    (tmp_path / "bad.heic").write_bytes(b"no image")
    beach = dataset.match({"place": "beach"})
    beach.set_values("filepath", [str(tmp_path / "bad.heic"), "/nowhere/a.png"] * 10)
    with NamingServer(script) as server:
        done = group(dataset, server)
        assert done["skipped"].keys() == {"missing file", "HEIC image: install pillow-heif or convert it"}
        assert sum(done["skipped"].values()) <= 20 and done["skipped"]["missing file"] > 0
        note = f"{sum(done['skipped'].values())} images to caption could not be read ("
        assert note in done["text"]
        assert any(note in text for text in get("get_clustering_run_info")(dataset, run_key=done["run_key"])["notes"])
        dataset.set_values("filepath", ["s3://bucket/a.png"] * 30 + ["/nowhere/a.png"] * 30)
        asked = len(server.questions)
        why = r"none of the 20 images to caption can be read \(\d+ (missing|address).*\); check their paths"
        with pytest.raises(ValueError, match=why) as raised:
            group(dataset, server, new_run_key="new")
        assert "download the images first" in str(raised.value) and "tiny-vl" not in str(raised.value)
        assert len(server.questions) == asked and not dataset.has_field("new")


def test_a_cap_on_spending_keeps_what_was_answered(scenes):
    dataset = scenes(60)
    with NamingServer(script) as server:
        cap = {"price": [10, 50], "max_spend": 0.037, "max_concurrency": 1}
        with pytest.raises(ValueError, match=r"max_spend=0.037 ended it after \d calls for \$0\.0\d+; .* are kept, so"):
            group(dataset, server, **cap)
        asked = len(server.questions)
        assert 0 < asked < 6 and dataset.list_runs() == ["km"] and not dataset.has_field("km_by_criterion")
        assert group(dataset, server, **{**cap, "max_spend": 1.0})["n_groups"] == 3
        assert len(server.questions) == 6  # nothing was asked twice


def test_nothing_leaves_before_consent(scenes):
    dataset = scenes(60)
    with NamingServer(script, host="0.0.0.0") as server:
        with pytest.raises(ValueError, match=r"nothing was sent: up to 20 images of at most 64 x 64 pixels"):
            group(dataset, server)
        op = get("group_by_criterion")
        params = {"base_url": server.url, "model": "tiny-vl", "criterion": "place"}
        ctx = foo.ExecutionContext({"dataset_name": dataset.name, "params": params}, operator_uri=op.uri)
        drawn = op.resolve_type(ctx, "inputs").to_json()
        own = ("step_", "price_", "consent_", "plan", "key_problem")
        names = {name for name in drawn["type"]["properties"] if not name.startswith(own)}
        assert {"max_concurrency", "max_spend"} <= names <= set(inspect.signature(op.work).parameters)
        form = json.dumps(drawn)
        assert (
            "Up to 20 images of at most 512 x 512 pixels, about 0.4 MB, in 6 questions to 0.0.0.0:" in form
            and ", for 60 images in all" in form
            and "the price of tiny-vl is not known, enter it above" in form
            and "Send these images to 0.0.0.0" in form
        )
        assert server.connections == 0 and group(dataset, server, consent=True)["n_groups"] == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"criterion": "  "}, "has 0 letters"),
        ({"criterion": "x" * 300}, "has 300 letters"),
        ({"run_key": "nope"}, "there is no clustering run"),
        ({"new_run_key": "km"}, "is taken"),
        ({"new_run_key": "a b"}, "is not valid"),
        ({"new_run_key": "place"}, "exists"),
        ({"n_groups": 1}, "n_groups=1 is not valid"),
        ({"max_spend": 1.0, "base_url": "http://10.0.0.1/v1", "consent": True}, "is not known"),
    ],
)
def test_what_is_refused_is_refused_in_one_sentence(scenes, wrong, sentence):
    dataset = scenes(24)
    with NamingServer(script) as server:
        with pytest.raises(ValueError, match=sentence):
            group(dataset, server, **wrong)
        assert server.connections == 0
