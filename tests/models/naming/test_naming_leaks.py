"""Data that leaves this machine for a model server: nothing of the environment, and nothing to another host."""

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import asking, prompt
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import read_answer
from fiftyone.plugins.orgs.constellation.clusters.models.naming.asking import Asker
from fiftyone.plugins.orgs.constellation.clusters.models.naming.client import Server
from fiftyone.plugins.orgs.constellation.clusters.models.naming.jobs import ask_all
from fiftyone.plugins.orgs.constellation.clusters.models.naming.prices import Budget
from naming_server import GOOD, NamingServer, redirect, say, send

KEY = "sk-test-1234567890-secret"
PICTURE = b"\xff\xd8 a picture"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(asking, "expected_tokens", lambda text, pictures: 100)


def ask(url, key=KEY, n=1):
    """The names that came, and why others did not."""
    names, reasons = {}, {}
    question = prompt.name_question([PICTURE], [], [], prompt.Instructions())
    jobs = [(i, lambda: question, lambda text, lenient: read_answer(text, 1, lenient=lenient)) for i in range(n)]
    asker = Asker(Server(url, "tiny-vl", "chat", key, 20), Budget(None))
    ask_all(asker, jobs, 2, lambda k, v, u: names.update({k: v.name}), lambda k, f: reasons.update({k: str(f)}))
    return names, reasons


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_takes_neither_key_nor_images_along(code):
    with NamingServer() as other:
        where = [("Location", f"{other.url}/chat/completions")]
        with NamingServer(lambda asked: lambda h, a, s: send(h, b"", code, headers=where)) as server:
            names, reasons = ask(server.url, n=3)
        assert not names and reasons[0].startswith(f"redirected ({code})") and reasons[1] == "not asked"
        assert len(server.questions) == 1 and other.connections == 0


def test_a_list_of_models_is_not_asked_for_elsewhere():
    import asyncio

    from fiftyone.plugins.orgs.constellation.clusters.models.naming.failures import Failure

    async def listed(url):
        server = Server(url, "x", "auto", KEY, 5)
        try:
            return await server.models()
        finally:
            await server.close()

    class Moved(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            redirect(f"{other.url}/models")(self, None, None)

    with NamingServer() as other:
        http = ThreadingHTTPServer(("127.0.0.1", 0), Moved)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        with pytest.raises(Failure, match="redirected"):
            asyncio.run(listed(f"http://127.0.0.1:{http.server_address[1]}/v1"))
        http.shutdown()
        http.server_close()
        assert other.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_environment_sends_images_nowhere_and_adds_nothing(monkeypatch, host):
    with NamingServer(host=host) as wanted, NamingServer() as other:
        proxy = other.url.removesuffix("/v1")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("OPENAI_BASE_URL", other.url)
        for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, f"environment-{name}")
        added = ["Authorization: Bearer environment", "Host: environment.example", "X-Extra: environment"]
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "\n".join(added))
        for key in (None, KEY):
            assert ask(wanted.url, key)[0] == {0: "Good things"}
    assert len(wanted.questions) == 2 and other.connections == 0
    assert "environment" not in json.dumps([asked.headers for asked in wanted.questions]).lower()
    for asked, key in zip(wanted.questions, ("not-needed", KEY), strict=True):
        assert asked.headers["authorization"] == f"Bearer {key}" and asked.headers["host"] == f"{host}:{wanted.port}"


def test_nothing_is_told_of_this_machine():
    with NamingServer() as server:
        ask(server.url)
    sent = {"host", "connection", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
    assert set(server.questions[0].headers) == sent | {"authorization", "x-stainless-raw-response"}


def test_the_key_is_taken_out_of_answers():
    with NamingServer(lambda asked: say(json.dumps({**GOOD, "name": f"Cats {KEY}"})), key=KEY) as server:
        assert ask(server.url)[0] == {0: "Cats"} and server.questions


def test_a_certificate_that_nobody_vouches_for_ends_it(tmp_path):
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    try:
        subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with NamingServer() as server:
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        names, reasons = ask(f"https://localhost:{server.port}/v1", n=3)
        assert not names and "TLS failure" in reasons[0] and "certificate" in reasons[0]
        assert sorted(reasons) == [0, 1, 2] and not server.questions


def test_plain_http_where_tls_is_expected_ends_it():
    with NamingServer() as server:
        names, reasons = ask(server.url.replace("http:", "https:"), n=3)
    assert not names and reasons[0].startswith("TLS failure") and not server.questions
