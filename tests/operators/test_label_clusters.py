"""Names from a vision model through the operator: consent, keys, repeats, kills, odd images, forms."""

import inspect
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from bson import ObjectId, json_util
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.models.naming import asking
from fiftyone.plugins.orgs.constellation.clusters.operators.naming import server as llm_server
from naming_server import GOOD, NamingServer, hang, say, slow, status
from PIL import Image

from .conftest import get
from .handles import clusters_of, read_result, rename_clusters

KEY = "sk-test-0123456789-very-secret"
COLORS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
SECRETS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CONSTELLATION_LLM_API_KEY", "CONSTELLATION_LLM_MODEL")


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Squares of three colours and a white one."""
    where, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for name, color in {**COLORS, "white": (255, 255, 255)}.items():
        for i in range(6):
            pixels = np.clip(rng.integers(-20, 20, (24, 24, 3)) + np.array(color), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(where / f"{name}_{i}.png")
    return where


@pytest.fixture
def squares(dataset, folder, compute):
    """18 images of three colours, and a run ``km`` of three clusters."""
    rng = np.random.default_rng(0)
    dataset.add_samples(
        [
            fo.Sample(
                filepath=str(folder / f"{name}_{i}.png"), emb=5 * np.eye(3)[c] + 0.3 * rng.normal(size=3), color=name
            )
            for c, name in enumerate(COLORS)
            for i in range(6)
        ],
        progress=False,
    )
    compute(dataset, run_key="km", embeddings="emb")
    return dataset


def by_color(asked, **entries):
    """Names a cluster after its first image."""
    return {**GOOD, "name": f"{list(COLORS)[int(np.argmax(asked.color()))]} squares", **entries}


def label(dataset, server, **kwargs):
    defaults = {"run_key": "km", "model": "tiny-vl", "base_url": server.url}
    return get("label_clusters")(dataset, **{**defaults, **kwargs})


def names_of(dataset, run_key="km"):
    dataset.reload()
    return {c["id"]: c["label"] for c in clusters_of(dataset, run_key)}


def draw(dataset, **params):
    op = get("label_clusters")
    ctx = foo.ExecutionContext(
        {"dataset_name": dataset.name, "params": params}, operator_uri=op.uri, required_secrets=list(SECRETS)
    )
    return op.resolve_type(ctx, "inputs").to_json()


def field(form, label):
    found = {p["view"].get("label"): (n, p) for n, p in form["type"]["properties"].items()}
    return next(found[text] for text in found if text and text.startswith(label))


def test_names_go_to_the_run_and_the_labels(squares):
    ids = dict(zip(*squares.values(["id", "km.cluster"]), strict=True))
    with NamingServer(by_color) as server:
        done = label(squares, server)
    assert done["named"] == 3 and done["failures"] == {} and done["calls"] == 3 and done["text"] == "3 of 3 named"
    assert (done["input_tokens"], done["output_tokens"], done["cost"]) == (300, 60, 0.0)
    assert done["images_sent"] == 3 * (6 + 2) == sum(len(asked.images) for asked in server.questions)
    assert squares.count_values("km.label") == {f"{name} squares": 6 for name in COLORS}
    assert squares.match({"$expr": {"$ne": ["$km.label", {"$concat": ["$color", " squares"]}]}}).count() == 0
    assert dict(zip(*squares.values(["id", "km.cluster"]), strict=True)) == ids
    about = read_result(squares, "km", "names")["0"]
    assert about["host"] == server.url[7:-3] and about["model"] == "tiny-vl" and len(about["images"]) == 6
    assert (
        about["tokens"] == {"input": 100, "output": 20} and about["prompt_version"] == 1 and len(about["digest"]) == 64
    )
    assert about["coherent"] and about["odd"] == [] and about["description"] == "They are good."
    get("edit_clusters")(squares, run_key="km", action="undo")
    assert set(squares.count_values("km.label")) == {"cluster 00", "cluster 01", "cluster 02"}


def test_members_and_neighbours_are_told_apart(squares):
    with NamingServer(by_color) as server:
        label(squares, server, contrast="images", context="squares", max_words=2)
        label(squares, server, contrast="names")
    first, named = server.questions[0], server.questions[3]
    colors = [np.argmax(first.color(i)) for i in range(8)]
    assert len(set(colors[:6])) == 1 and colors[0] not in colors[6:] and len(set(colors[6:])) == 2
    assert "The images are: squares" in first.system and "at most 2 words" in first.system
    assert len(named.images) == 6 and "Groups nearby are called" in named.text and "squares" in named.text


def test_nothing_leaves_before_consent(squares):
    with NamingServer(by_color, host="0.0.0.0") as server:
        with pytest.raises(
            ValueError, match=r"nothing was sent: up to 18 images .* 512 x 512 .* 0\.0\.0\.0:\d+; set consent"
        ):
            label(squares, server)
        form = draw(squares, base_url=server.url, model="tiny-vl")
        assert field(form, "Send these images to 0.0.0.0")[1]["invalid"]
        preview = label(squares, server, dry_run=True)
        assert len(preview["questions"]) == 3 and preview["n_images"] == 24 and preview["n_bytes"] > 10_000
        assert Image.open(io.BytesIO(preview["questions"][0]["pictures"][0])).format == "JPEG"
        with pytest.raises(ValueError, match="nothing was sent"):
            label(squares, server, delegate=True)
        assert server.connections == 0 and set(squares.count_values("km.label")) >= {"cluster 00"}
        assert label(squares, server, consent=True)["named"] == 3 and server.connections > 0
    assert read_result(squares, "km", "naming")["consent"] is True


def test_the_key_is_nowhere(squares, monkeypatch, caplog):
    from fiftyone.core.odm import get_db_conn

    caplog.set_level(logging.DEBUG)
    said = []

    def leak(asked):
        if asked.number == 1:
            return status(500, f"your key is {asked.headers['authorization']}")
        if asked.number == 2:
            return status(400, f"content_filter: {KEY}")
        return {
            **GOOD,
            "name": f"Cats {KEY}",
            "description": f"key {KEY}",
            "distinguishes": asked.headers["authorization"],
        }

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with NamingServer(leak, key=KEY) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        said.append(label(squares, server))
        queued = label(squares, server, delegate=True, overwrite=True)
        DelegatedOperationService().execute_queued_operations(limit=1, log=False)
        assert DelegatedOperationService().get(ObjectId(queued["id"])).run_state == "completed"
        said.append(json.dumps(draw(squares), default=str))
    with NamingServer(leak, key="another") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(ValueError, match=r"key refused \(401\)") as caught:
            label(squares, server, overwrite=True, clusters=[0])
        said.append(str(caught.value))
    assert said[0]["named"] == 2 and said[0]["failures"] == {"filtered": 1}
    database = get_db_conn()
    for name in database.list_collection_names():
        for document in database[name].find():
            assert "0123456789" not in json_util.dumps(document), name
            said += [bytes(v).decode("latin-1") for v in document.values() if isinstance(v, bytes)]
    assert "0123456789" not in caplog.text and "0123456789" not in repr(said)


def test_openais_key_goes_to_openai_only(squares, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with NamingServer(by_color) as server:
        label(squares, server)
        assert KEY not in json.dumps(server.questions[0].headers)
        monkeypatch.setenv("CONSTELLATION_LLM_API_KEY", "other-key")
        label(squares, server, overwrite=True)
        assert server.questions[-1].headers["authorization"] == "Bearer other-key"
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ValueError, match="there is no key for api.openai.com; set OPENAI_API_KEY"):
        get("label_clusters")(squares, run_key="km", consent=True)


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(squares, monkeypatch):
    with NamingServer(by_color, key=KEY) as server:
        for key in ("hunter2 hunter2", "hunter2\r\nX-Evil: 1", "hunter2é"):
            monkeypatch.setenv("CONSTELLATION_LLM_API_KEY", key)
            with pytest.raises(ValueError, match="the secret CONSTELLATION_LLM_API_KEY has .* characters") as caught:
                label(squares, server)
            assert "hunter2" not in str(caught.value) and not server.questions
        monkeypatch.setenv("CONSTELLATION_LLM_API_KEY", f" {KEY}\n")  # as copied
        assert label(squares, server)["named"] == 3


def test_openais_key_needs_openais_scheme_and_port():
    choose = llm_server.choose_server
    for url, there in (("https://api.openai.com:443/v1", True), ("https://API.openai.com/v1/", True)):
        assert (llm_server.key_for(choose(url, "m", "auto", None, {}), {"OPENAI_API_KEY": KEY}) == KEY) is there
    for url in ("http://api.openai.com/v1", "https://api.openai.com:444/v1", "https://api.openai.com.example/v1"):
        assert llm_server.key_for(choose(url, "m", "auto", None, {}), {"OPENAI_API_KEY": KEY}) is None


def test_an_address_of_the_environment_is_not_agreed_to_unseen(squares, monkeypatch):
    with NamingServer(by_color, host="0.0.0.0") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        where = r"would go to 0\.0\.0\.0:\d+; its address is from the secret OPENAI_BASE_URL, so add base_url="
        with pytest.raises(ValueError, match=where):
            get("label_clusters")(squares, run_key="km", model="tiny-vl", consent=True)
        with pytest.raises(ValueError, match=where):
            get("group_by_criterion")(squares, run_key="km", criterion="place", model="tiny-vl", consent=True)
        assert server.connections == 0
        box, _ = field(draw(squares, model="tiny-vl"), "Send these images to 0.0.0.0")
        params = {"model": "tiny-vl", box: True}  # in the App, the box names the host
        result = foo.execute_operator(get("label_clusters").uri, ctx={"dataset": squares, "params": params})
        assert result.error is None and len(server.questions) == 3


def test_a_repeated_call_asks_only_what_is_missing_or_changed(squares, folder):
    failing = {1}
    with NamingServer(lambda a: say("", refusal="no") if a.number in failing else by_color(a)) as server:
        first = label(squares, server)
        assert first["text"] == "2 of 3 named, 1 needs another try: refused (1)"
        again = label(squares, server)
        assert again["named"] == 1 and again["unchanged"] == 2 and len(server.questions) == 4
        assert label(squares, server)["text"].startswith("All 3 had a name") and len(server.questions) == 4
        rename_clusters(squares, "km", {0: "mine"})
        assert label(squares, server)["named"] == 0 and names_of(squares)[0] == "mine"
        moved = squares.match({"km.cluster": 1}).first().id
        get("edit_clusters")(squares, run_key="km", action="move", ids=[moved], cluster=2)
        assert label(squares, server)["named"] == 2 and len(server.questions) == 6
        assert label(squares, server, focus="the colour")["named"] == 2 and names_of(squares)[0] == "mine"
        label(squares, server, contrast="none")
        moved = squares.match({"km.cluster": 1}).first().id
        get("edit_clusters")(squares, run_key="km", action="move", ids=[moved], cluster=2)
        asked = len(server.questions)
        assert label(squares, server, contrast="none")["named"] == 2 and len(server.questions) == asked + 2
        assert label(squares, server, model="large-vl", clusters=[0])["named"] == 1
        assert names_of(squares)[0] != "mine" and label(squares, server, overwrite=True)["named"] == 3


def test_equal_names_are_told_apart_by_one_question(squares):
    def behave(asked):
        if "too much alike" in asked.text:
            groups = [{"group": 1, "name": "Left"}, {"group": 3, "name": "Right"}, {"group": 9, "name": "Nobody"}]
            return say(json.dumps({"names": groups}))
        return {**GOOD, "name": "Square" if asked.number else "the squares"}

    with NamingServer(behave) as server:
        done = label(squares, server)
        assert len(server.questions) == 4 and len(server.questions[-1].images) == 9
        assert sorted(done["names"].values())[:2] == ["Left", "Right"] and done["shared"] == []
        about = next(a for a in read_result(squares, "km", "names").values() if a["name"] == "Right")["told_apart"]
        assert about["group"] == [0, 1, 2] and about["first_name"].casefold() in ("square", "the squares", "squares")
        assert about["tokens"] == {"input": 100, "output": 20}
        assert label(squares, server)["calls"] == 0  # nothing is asked twice
    with NamingServer(lambda asked: {**GOOD, "name": "Square"}) as server:  # it knows no other word
        done = label(squares, server, overwrite=True)
    assert done["named"] == 3 and done["shared"] == [[0, 1, 2]]
    assert squares.count_values("km.label") == {"Square": 6, "Square (2)": 6, "Square (3)": 6}


def test_odd_images_are_a_view_and_mixed_clusters_are_marked(squares):
    def behave(asked):
        blue = np.argmax(asked.color()) == 2
        return by_color(asked, coherent=not blue, odd_images=[2, 2, 99, -1] if blue else [])

    with NamingServer(behave) as server:
        done = label(squares, server)
    assert done["mixed"] == 1
    cluster = next(c for c, name in done["names"].items() if name == "blue squares")
    about = read_result(squares, "km", "names")[str(cluster)]
    assert not about["coherent"] and about["odd"] == [about["images"][1]]
    assert get("load_odd_images")(squares, run_key="km").values("id") == about["odd"]
    with pytest.raises(ValueError, match="no odd images are known of cluster"):
        get("load_odd_images")(squares, run_key="km", cluster=(cluster + 1) % 3)


def test_noise_is_never_sent(squares, folder, compute):
    rng = np.random.default_rng(1)
    far = [fo.Sample(filepath=str(folder / f"white_{i}.png"), emb=40 * rng.normal(size=3)) for i in range(6)]
    squares.add_samples(far, progress=False)
    compute(squares, run_key="hdb", embeddings="emb", method="hdbscan", params={"min_cluster_size": 4}, reduce="none")
    assert squares.count_values("hdb.cluster")[-1] >= 6
    with NamingServer(by_color) as server:
        done = label(squares, server, run_key="hdb")
    assert -1 not in done["names"] and squares.count_values("hdb.label")["noise"] >= 6
    assert all(min(asked.color(i)) < 150 for asked in server.questions for i in range(len(asked.images)))
    with NamingServer(by_color) as server, pytest.raises(ValueError, match="no cluster -1"):
        label(squares, server, run_key="hdb", clusters=[-1])


def test_hostile_names_are_text(squares):
    evil = "<img src=x onerror=alert(1)> {0.__class__} $where ../../x http://evil.example " + "long " * 1000
    with NamingServer(lambda a: {**GOOD, "name": evil, "description": evil, "distinguishes": evil}) as server:
        label(squares, server, contrast="none")
    name = names_of(squares)[0]
    assert len(name) <= 60 and not set(name) & set("<>{}$\\`") and "http" not in name and "\n" not in name
    assert set(squares.get_field_schema()) == {
        "id",
        "filepath",
        "tags",
        "metadata",
        "created_at",
        "last_modified_at",
    } | {
        "emb",
        "color",
        "km",
    }
    assert squares.count_values("km.label") == {name: 6, f"{name} (2)": 6, f"{name} (3)": 6}
    about = read_result(squares, "km", "names")["0"]
    assert len(about["description"]) <= 240 and "<" not in about["description"]


def test_patches_are_sent_as_crops(dataset, folder, compute):
    pixels = np.full((100, 200, 3), 255, np.uint8)
    pixels[10:90, 10:90], pixels[10:90, 110:190] = COLORS["red"], COLORS["blue"]
    Image.fromarray(pixels).save(folder / "both.png")
    rng = np.random.default_rng(0)
    for _ in range(4):
        boxes = [
            fo.Detection(
                label="x", bounding_box=[0.05 + 0.5 * j, 0.1, 0.4, 0.8], emb=5 * np.eye(2)[j] + 0.1 * rng.normal(size=2)
            )
            for j in range(2)
        ]
        dataset.add_sample(fo.Sample(filepath=str(folder / "both.png"), things=fo.Detections(detections=boxes)))
    dataset.add_sample_field("things.detections.emb", fo.VectorField)
    compute(dataset, run_key="km", patches_field="things", embeddings="emb", params={"n_clusters": 2}, normalize=False)
    with NamingServer(by_color) as server:
        done = label(dataset, server)
    assert sorted(done["names"].values()) == ["blue squares", "red squares"]
    colors = [np.argmax(server.questions[0].color(i)) for i in range(5)]
    assert len(set(colors[:4])) == 1 and colors[4] != colors[0]
    assert dataset.count_values("things.detections.km.label") == {"blue squares": 4, "red squares": 4}


def test_files_that_cannot_be_read_are_left_out(squares, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    red = squares.match({"color": "red"})
    red.limit(2).set_values("filepath", [str(broken), "/nowhere/x.png"])
    squares.match({"color": "green"}).set_values("filepath", ["/nowhere/y.png"] * 6)
    with NamingServer(by_color) as server:
        done = label(squares, server)
    assert done["named"] == 2 and done["failures"] == {"no readable image (missing file)": 1}
    assert all(b"no image" not in image for asked in server.questions for image in asked.images)


def test_caps_end_the_job_cleanly(squares):
    with NamingServer(by_color) as server:
        done = label(squares, server, max_clusters=2)
        assert done["named"] == 2 and done["failures"] == {"over max_clusters": 1}
        assert label(squares, server)["named"] == 1
        done = label(squares, server, overwrite=True, price=[10, 50], max_spend=0.041, max_concurrency=1)
        assert done["stopped"] == "spend cap reached" and 0 < done["named"] < 3 and done["cost"] <= 0.041
        assert done["failures"] == {"not asked": 3 - done["named"]}
        assert done["text"].endswith("; ended early: spend cap reached")
        with (
            NamingServer(by_color, host="0.0.0.0") as other,
            pytest.raises(ValueError, match="price of 'x' is not known"),
        ):
            label(squares, other, model="x", max_spend=1.0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"run_key": "nope"}, "there is no clustering run 'nope'"),
        ({"base_url": "ollama"}, "is no address"),
        ({"base_url": "http://u:hunter2@x/v1"}, "keep the key as a secret"),
        ({"model": ""}, "names no model"),
        ({"source": "guess"}, "source='guess' is not valid"),
        ({"n_exemplars": 0}, "n_exemplars=0 is not valid"),
        ({"max_words": 99}, "max_words=99 is not valid"),
        ({"clusters": [7]}, "has no cluster 7"),
        ({"clusters": []}, "has no cluster"),
        ({"vocabulary": "/nowhere/words.txt"}, "cannot be read"),
        ({"vocabulary": " , "}, "has no words"),
        ({"max_spend": -1.0}, "max_spend=-1.0 is not valid"),
        ({"price": [1]}, "two numbers"),
        ({"source": "field"}, "needs a label field"),
        ({"max_concurrency": 0}, "max_concurrency=0 is not valid"),
    ],
)
def test_what_is_refused_is_refused_in_one_sentence(squares, wrong, sentence):
    with NamingServer(by_color) as server:
        with pytest.raises(ValueError, match=sentence) as caught:
            label(squares, server, **wrong)
        assert server.connections == 0 and "\n" not in str(caught.value) and "hunter2" not in str(caught.value)


def test_a_server_that_cannot_be_used_is_said_in_one_sentence(squares):
    with NamingServer(lambda asked: status(404, "no such model")) as server:
        with pytest.raises(ValueError, match=r"tiny-vl': model or address not found \(404\) \(no such model\); check"):
            label(squares, server)
        assert len(server.questions) == 1
    assert set(names_of(squares).values()) == {"cluster 00", "cluster 01", "cluster 02"}


def test_a_stop_keeps_what_came(squares):
    def stop(fraction, message):
        if "1 of 3 named" in message:
            raise RuntimeError("enough")

    server = NamingServer(lambda asked: by_color(asked) if asked.number < 1 else hang)
    with server, pytest.raises(RuntimeError, match="enough"):
        label(squares, server, progress=stop)
    assert sum(not name.startswith("cluster") for name in names_of(squares).values()) == 1
    with NamingServer(by_color) as server:
        assert label(squares, server)["named"] == 3  # another host: asked anew


def test_killed_and_repeated_no_answered_cluster_is_asked_again(dataset, folder, compute):
    n = 24
    rng = np.random.default_rng(0)
    for i in range(n):
        path = str(folder / f"{list(COLORS)[i % 3]}_{i % 6}.png")
        center = 20 * rng.normal(size=8)
        for _ in range(2):
            dataset.add_sample(fo.Sample(filepath=path, emb=center + 0.1 * rng.normal(size=8)))
    dataset.persistent = True  # it is opened by another process
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": n}, normalize=False)
    killed = threading.Event()

    def behave(asked):
        if len(server.questions) > 12:  # some are under way when it is killed, and most are not asked yet
            killed.wait(240)
        return {**GOOD, "name": f"name {asked.number}"}

    with NamingServer(behave) as server:
        code = f"""
import fiftyone as fo, fiftyone.operators as foo
foo.get_operator("@constellation/clusters/label_clusters")(
    fo.load_dataset({dataset.name!r}), run_key="km", model="m", base_url={server.url!r},
    max_concurrency=3, contrast="none")
"""
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 240
        while len(server.questions) < 13 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed.set()
        while server.busy and time.monotonic() < deadline:
            time.sleep(0.05)
        first = len(server.questions)
        done = label(dataset, server, model="m", max_concurrency=3, contrast="none")
        again = len(server.questions) - first
        pictures = [b"".join(asked.images) for asked in server.questions]
    assert 12 <= first < n and done["named"] == n and done["failures"] == {}
    assert n - first <= again <= n - first + 3  # only what was under way when it was killed
    assert len(set(names_of(dataset).values())) == n and len(pictures) == first + again


def test_a_hundred_clusters_with_failures(dataset, folder, compute):
    n, rng = 100, np.random.default_rng(0)
    paths = [str(path) for path in sorted(Path(folder).glob("*_*.png"))]
    samples = []
    for i in range(n):
        center = 20 * rng.normal(size=8)
        samples += [fo.Sample(filepath=paths[i % len(paths)], emb=center + 0.1 * rng.normal(size=8)) for _ in range(2)]
    dataset.add_samples(samples, progress=False)
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": n, "n_init": 1}, normalize=False)
    draws = np.random.default_rng(7).random(1000)
    bad = [status(500), say("", refusal="no"), say("What a picture!")]

    def behave(asked):
        if draws[asked.number] < 0.05:
            return bad[asked.number % 3]
        busy = status(429, headers=[("Retry-After", "0.2")])
        return (
            busy if draws[asked.number] > 0.97 else slow(0.05, say(json.dumps({**GOOD, "name": f"n {asked.number}"})))
        )

    with NamingServer(behave) as server:
        started = time.monotonic()
        first = label(dataset, server, max_concurrency=8, contrast="none", image_size=64)
        assert first["named"] >= 90
        second = label(dataset, server, max_concurrency=8, contrast="none", image_size=64)
        print(f"{first['text']}; {second['text']}; {time.monotonic() - started:.1f} s, {len(server.questions)} calls")
    assert first["named"] + second["named"] == n and len(set(names_of(dataset).values())) == n
    assert 2 <= server.most_busy <= 8


def test_the_form(squares, monkeypatch):
    form = draw(squares)
    assert {"Names from", "Run", "Address", "Model", "API"} <= {
        p["view"].get("label") for p in form["type"]["properties"].values()
    }
    assert not any(
        "key" in name.lower() and name not in ("run_key", "key_problem") for name in form["type"]["properties"]
    )
    told = json.dumps(form)
    assert "api.openai.com" in told and "$" in told and "tokens" in told and "24 images" in told
    assert "there is no key for api.openai.com" in told
    name, box = field(form, "Send these images to api.openai.com")
    assert box["invalid"]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert not field(draw(squares, **{name: True}, base_url=""), "Dry run")[1].get("invalid")
    with NamingServer(by_color, host="0.0.0.0") as server:
        other = draw(squares, **{name: True}, base_url=server.url)
        assert field(other, "Send these images to 0.0.0.0")[1]["invalid"]  # one host's tick is not the next one's
        assert "name a model of 0.0.0.0" in json.dumps(other) and server.connections == 0
        name, _ = field(other, "Send these images to 0.0.0.0")
        listed = json.dumps(draw(squares, **{name: True}, base_url=server.url))
        assert "tiny-vl" in listed and server.connections == 1  # once agreed, the server's own list is offered
        ready = draw(squares, **{name: True}, base_url=server.url, model="tiny-vl")
        assert not [key for key, prop in ready["type"]["properties"].items() if prop.get("invalid")]
    for params in ({"source": "vocabulary"}, {"source": "classifier"}, {"source": "field"}, {"base_url": "nonsense"}):
        told = json.dumps(draw(squares, **params))
        assert "Send these images" not in told
    assert KEY not in told


@pytest.mark.parametrize("source", ["llm", "vocabulary", "classifier", "field"])
def test_every_input_of_the_form_is_an_argument(squares, source):
    own = ("step_", "price_", "consent_", "instructions", "sending", "key_problem", "weights")
    names = {name for name in draw(squares, source=source)["type"]["properties"] if not name.startswith(own)}
    assert names <= set(inspect.signature(get("label_clusters").work).parameters) and "source" in names


def test_the_form_becomes_arguments(squares, monkeypatch):
    with NamingServer(by_color) as server:
        params = {"base_url": server.url, "model": "tiny-vl", "instructions": {"max_words": 3.0, "context": "toys"}}
        result = foo.execute_operator(get("label_clusters").uri, ctx={"dataset": squares, "params": params})
        assert result.error is None
    assert "The images are: toys" in server.questions[0].system and "at most 3 words" in server.questions[0].system
    assert set(names_of(squares).values()) == {f"{name} squares" for name in COLORS}


def test_the_tutorials_name_is_an_alias(squares):
    with NamingServer(by_color) as server:
        done = get("label_clusters_with_gpt4v")(squares, run_key="km", model="tiny-vl", base_url=server.url)
    assert done["named"] == 3
