"""One server that is not ours: LiteLLM's proxy, an OpenAI-compatible server from PyPI with scripted answers.

Its dependencies would change those of the plugin, so it lives in an environment of its own:
``python -m venv other && other/bin/pip install 'litellm[proxy]'``, then ``CONSTELLATION_LITELLM=other/bin/litellm``.
"""

import io
import json
import os
import shutil
import socket
import subprocess
import time

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import prompt
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import read_answer
from fiftyone.plugins.orgs.constellation.clusters.models.naming.asking import Asker, ask_all
from fiftyone.plugins.orgs.constellation.clusters.models.naming.client import Server
from fiftyone.plugins.orgs.constellation.clusters.models.naming.prices import Budget
from naming_server import GOOD
from PIL import Image
from stack import free_port

LITELLM = os.environ.get("CONSTELLATION_LITELLM") or shutil.which("litellm")
pytestmark = pytest.mark.skipif(not LITELLM, reason="no litellm here; see the head of this file")
KEY = "sk-other-1234567890"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """The proxy with one model that answers well and one that talks."""
    folder, port = tmp_path_factory.mktemp("litellm"), free_port()
    models = {"namer": json.dumps({**GOOD, "name": "Red squares"}), "talker": "What a lovely picture!"}
    entries = [
        {"model_name": name, "litellm_params": {"model": "openai/none", "api_key": "none", "mock_response": answer}}
        for name, answer in models.items()
    ]
    config = {"model_list": entries, "general_settings": {"master_key": KEY}}
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML too
    command = [LITELLM, "--config", str(folder / "config.yaml"), "--port", str(port), "--host", "127.0.0.1"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.5)
    else:
        raise RuntimeError((folder / "log").read_text()[-2000:])
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait(30)


def ask(url, model, key=KEY, api="chat"):
    """The answers to two questions, and why there are none."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "JPEG")
    question = prompt.name_question([file.getvalue()] * 2, [], [], prompt.Instructions())
    answers, reasons = {}, {}
    ask_all(
        Asker(Server(url, model, api, key, 60), Budget(None)),
        [(i, lambda: question, lambda text, lenient: read_answer(text, 2, lenient=lenient)) for i in range(2)],
        2,
        lambda key, value, used: answers.update({key: (value, used)}),
        lambda key, failure: reasons.update({key: failure.reason}),
    )
    return answers, reasons


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_names_from_another_server(proxy, api):
    answers, reasons = ask(proxy, "namer", api=api)
    assert not reasons and {answer.name for answer, _ in answers.values()} == {"Red squares"}
    assert all(used.input_tokens > 0 for _, used in answers.values())


def test_its_refusals_are_told_apart(proxy):
    assert ask(proxy, "talker")[1] == {0: "no JSON in the answer", 1: "no JSON in the answer"}
    for model, key in (("namer", "sk-wrong-1234567890"), ("nobody", KEY)):
        answers, reasons = ask(proxy, model, key)  # it says 400 where OpenAI says 401 and 404
        assert not answers and set(reasons.values()) <= {"request refused (400)", "key refused (401)", "not asked"}
