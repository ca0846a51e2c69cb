"""Two servers that are not ours: LLMock, which also judges how its client repeats calls, and LiteLLM's proxy.

LLMock comes with requirements-dev.txt. LiteLLM's proxy brings 120 packages that would change those of the plugin, so it
lives in an environment of its own and is tested where there is one:
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
from fiftyone.plugins.orgs.constellation.clusters.models.naming import asking, prompt
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import read_answer
from fiftyone.plugins.orgs.constellation.clusters.models.naming.asking import Asker
from fiftyone.plugins.orgs.constellation.clusters.models.naming.client import Server
from fiftyone.plugins.orgs.constellation.clusters.models.naming.jobs import ask_all
from fiftyone.plugins.orgs.constellation.clusters.models.naming.prices import Budget
from naming_server import GOOD
from PIL import Image
from stack import free_port

LITELLM = os.environ.get("CONSTELLATION_LITELLM") or shutil.which("litellm")
needs_litellm = pytest.mark.skipif(not LITELLM, reason="no LiteLLM here; see the head of this file")
KEY = "sk-other-1234567890"
NAME = json.dumps({**GOOD, "name": "Red squares"})


def ask(url, model="namer", key=KEY, api="chat", n=2):
    """The answers to some questions, and why there are none."""
    answers, reasons = {}, {}

    def question(number):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (250, number, 0)).save(file, "JPEG")
        return prompt.name_question([file.getvalue()] * 2, [], [], prompt.Instructions())

    ask_all(
        Asker(Server(url, model, api, key, 60), Budget(None)),
        [
            (i, lambda i=i: question(10 * i), lambda text, lenient: read_answer(text, 2, lenient=lenient))
            for i in range(n)
        ],
        2,
        lambda key, value, used: answers.update({key: (value, used)}),
        lambda key, failure: reasons.update({key: failure.reason}),
    )
    return answers, reasons


@pytest.fixture
def judge(monkeypatch):
    """LLMock on a free port; its verdict at the end of the test must be flawless."""
    pytest.importorskip("llmock", reason="no LLMock here; pip install -r requirements-dev.txt")
    from llmock.pytest_plugin import LLMock
    from llmock.testing import LLMockServer

    monkeypatch.setattr(asking, "FIRST_WAIT", 0.05)
    with LLMockServer() as server:
        handle = LLMock(server)
        yield handle
        handle.assert_resilient(strict=True)


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_llmock_names(judge, api):
    answers, reasons = ask(judge.base_url(), api=api)  # it makes answers up that fit the schema it was sent
    assert not reasons and {answer.name for answer, _ in answers.values()} == {"mock-name"}
    judge.reply(NAME, times=None)
    answers, reasons = ask(judge.base_url(), api=api, n=5)
    assert not reasons and {answer.name for answer, _ in answers.values()} == {"Red squares"}
    assert all(used.input_tokens > 0 and used.output_tokens > 0 for _, used in answers.values())


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_llmock_fails_now_and_then(judge, api):
    judge.reply(NAME, times=None).rate_limit(times=2, retry_after=0.5).fail(500).fail(503, retry_after=0.3)
    answers, reasons = ask(judge.base_url(), api=api, n=6)
    assert len(answers) == 6 and not reasons and len(judge.requests) == 10


@pytest.mark.parametrize(
    ("status", "reason", "calls"),
    [
        (401, "key refused", 1),
        (403, "access denied", 1),
        (404, "model or address not found", 1),
        (503, "server error", 8),
    ],
)
def test_llmock_fails_for_good(judge, status, reason, calls):
    judge.fail(status, times=None, retry_after=0.05 if status == 503 else None)
    answers, reasons = ask(judge.base_url(), n=20)
    assert not answers and reasons.pop(0) == f"{reason} ({status})" and set(reasons.values()) == {"not asked"}
    assert len(judge.requests) == calls


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """LiteLLM's proxy with one model that answers well and one that talks."""
    folder, port = tmp_path_factory.mktemp("litellm"), free_port()
    entries = [
        {"model_name": name, "litellm_params": {"model": "openai/none", "api_key": "none", "mock_response": answer}}
        for name, answer in {"namer": NAME, "talker": "What a lovely picture!"}.items()
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


@needs_litellm
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_litellm_names(proxy, api):
    answers, reasons = ask(proxy, api=api)
    assert not reasons and {answer.name for answer, _ in answers.values()} == {"Red squares"}
    assert all(used.input_tokens > 0 for _, used in answers.values())


@needs_litellm
def test_litellms_refusals_are_told_apart(proxy):
    assert ask(proxy, "talker")[1] == {0: "no JSON in the answer", 1: "no JSON in the answer"}
    for model, key in (("namer", "sk-wrong-1234567890"), ("nobody", KEY)):
        answers, reasons = ask(proxy, model, key)  # it says 400 where OpenAI says 401 and 404
        assert not answers and set(reasons.values()) <= {"request refused (400)", "key refused (401)", "not asked"}
