"""The real ``openai`` client over real HTTP against a server that plays every case: good, busy, broken and hostile."""

import asyncio
import io
import json
import socket
import time
from email.utils import formatdate

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import asking, prompt
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import read_answer
from fiftyone.plugins.orgs.constellation.clusters.models.naming.asking import Asker
from fiftyone.plugins.orgs.constellation.clusters.models.naming.client import Server
from fiftyone.plugins.orgs.constellation.clusters.models.naming.failures import Failure
from fiftyone.plugins.orgs.constellation.clusters.models.naming.jobs import ask_all
from fiftyone.plugins.orgs.constellation.clusters.models.naming.prices import Budget, Price
from fiftyone.plugins.orgs.constellation.clusters.models.naming.transport import LARGEST
from naming_server import (
    GOOD,
    NamingServer,
    close_midway,
    compressed,
    drip,
    endless,
    garbage,
    hang,
    html,
    huge,
    nonsense,
    redirect,
    say,
    send,
    status,
)
from PIL import Image

KEY = "sk-test-1234567890-secret"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)


@pytest.fixture(scope="module")
def picture():
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "JPEG")
    return file.getvalue()


class Outcome:
    """The outcomes of some questions."""

    def __init__(
        self, url, picture, n=1, parallel=4, api="chat", timeout=30.0, key=KEY, price=None, cap=None, tick=None
    ):
        self.answers, self.failures, self.used = {}, {}, {}
        server = Server(url, "tiny-vl", api, key, timeout)
        self.asker = Asker(server, Budget(price, cap))
        question = prompt.name_question([picture, picture], [picture], [], prompt.Instructions())

        def done(key, value, used):
            self.answers[key], self.used[key] = value, used

        def failed(key, failure):
            self.failures[key] = failure

        jobs = [(i, lambda: question, lambda text, lenient: read_answer(text, 2, lenient=lenient)) for i in range(n)]
        ask_all(self.asker, jobs, parallel, done, failed, tick)

    @property
    def reasons(self):
        return [self.failures[i].reason for i in sorted(self.failures)]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_both_apis(picture, api):
    with NamingServer(key=KEY) as server:
        outcome = Outcome(server.url, picture, api=api)
    asked = server.questions[0]
    assert outcome.answers[0].name == "Good things" and outcome.used[0].input_tokens == 100
    assert asked.format == "json_schema" and asked.images == [picture] * 3
    assert "first 2 images" in asked.text and "JSON" in asked.system
    if api == "responses":
        assert asked.path == "/v1/responses" and asked.body["store"] is False
        assert asked.body["text"]["format"]["strict"] and asked.body["reasoning"] == {"effort": "none"}
    else:
        assert asked.path == "/v1/chat/completions" and asked.body["response_format"]["json_schema"]["strict"]


def always(play):
    return lambda asked: play


# what is played, the reasons of three questions, and how many calls it takes at most
BAD = {
    "wrong key": (status(401, f"Incorrect API key provided: {KEY}"), ["key refused (401)", *["not asked"] * 2], 1),
    "forbidden": (status(403), ["access denied (403)", *["not asked"] * 2], 1),
    "unknown model": (status(404, "no model"), ["model or address not found (404)", *["not asked"] * 2], 1),
    "no quota": (status(429, error_code="insufficient_quota"), ["quota used up (429)", *["not asked"] * 2], 1),
    "moved": (redirect("http://127.0.0.1:9/v1/chat/completions"), ["redirected (307)", *["not asked"] * 2], 1),
    "page": (html, ["not an API answer"] * 3, 3),
    "no JSON": (nonsense, ["not an API answer"] * 3, 3),
    "a list": (lambda h, a, s: send(h, [1, 2]), ["not an API answer"] * 3, 3),
    "no choices": (lambda h, a, s: send(h, {"choices": []}), ["not an API answer"] * 3, 3),
    "odd types": (lambda h, a, s: send(h, {"choices": {"0": "x"}}), ["not an API answer"] * 3, 3),
    "garbage": (garbage, ["connection broken", *["not asked"] * 2], 5),
    "closes": (close_midway, ["connection broken", *["not asked"] * 2], 5),
    "server error": (status(500), ["server error (500)", *["not asked"] * 2], 5),
    "50 MB": (huge, ["answer too large"] * 3, 3),
    "no end": (endless, ["answer too large"] * 3, 3),
    "zip bomb": (compressed, ["answer too large"] * 3, 3),
    "empty": (lambda h, a, s: send(h, b""), ["not an API answer"] * 3, 3),
    "no charset": (lambda h, a, s: send(h, b"\xff", kind="application/json; charset=x"), ["not an API answer"] * 3, 3),
    "error page": (lambda h, a, s: send(h, b"<html>", 502, "text/html"), ["server error (502)", *["not asked"] * 2], 5),
    "busy": (status(429), ["too many requests (429)", *["not asked"] * 2], 5),
    "no credit": (status(402), ["quota used up (402)", *["not asked"] * 2], 1),
    "flagged": (status(403, "Your input was flagged by moderation"), ["filtered"] * 3, 3),
    "refusal": (say(None, refusal="I will not"), ["refused"] * 3, 3),
    "filter": (say("", "content_filter"), ["filtered"] * 3, 3),
    "filter before": (status(400, "content_filter triggered"), ["filtered"] * 3, 3),
    "truncated": (say('{"name": "Ca', "length"), ["truncated"] * 3, 6),
    "prose": (say("These are some lovely cats. Shall I go on?"), ["no JSON in the answer"] * 3, 6),
    "empty text": (say(""), ["no JSON in the answer"] * 3, 6),
    "no name": (say("{}"), ["no name in the answer"] * 3, 3),
    "huge numbers": (say(json.dumps({"name": "", "confidence": 10**400})), ["no name in the answer"] * 3, 3),
    "bad request": (status(400, "I do not like it"), ["request refused (400)"] * 3, 40),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_servers(picture, case):
    play, reasons, calls = BAD[case]
    with NamingServer(always(play)) as server:
        outcome = Outcome(server.url, picture, n=3, parallel=1)
    assert outcome.reasons == reasons and not outcome.answers
    assert len(server.questions) <= calls
    assert all(KEY not in str(failure) for failure in outcome.failures.values())
    if case in ("50 MB", "no end"):
        assert server.sent < 20 * LARGEST  # what the kernel's buffers took, at most


@pytest.mark.parametrize("case", ["refusal", "filter", "truncated", "prose"])
def test_bad_answers_of_responses(picture, case):
    play, reasons, calls = BAD[case]
    with NamingServer(always(play)) as server:
        outcome = Outcome(server.url, picture, n=3, api="responses", parallel=1)
    assert outcome.reasons == reasons and len(server.questions) <= calls


@pytest.mark.parametrize("play", [hang, drip])
def test_a_server_that_hangs_or_drips_is_left_after_the_timeout(picture, play, monkeypatch):
    monkeypatch.setattr(asking, "RETRIES", 2)
    with NamingServer(always(play)) as server:
        outcome = Outcome(server.url, picture, n=50, timeout=0.5)
    assert outcome.reasons[0] == "no answer in time" and set(outcome.reasons[1:]) == {"not asked"}
    assert len(server.questions) == 2


def test_nobody_listens(picture):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
        outcome = Outcome(url, picture, n=20)
    assert outcome.reasons == ["server not reached", *["not asked"] * 19]


def test_a_busy_server_is_given_the_time_it_asks_for(picture):
    wait, busy_at = 1, []

    def behave(asked):
        if asked.number not in (1, 2):
            return GOOD
        busy_at.append(time.monotonic())
        return status(429, headers=[("Retry-After", str(wait))])

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=6, parallel=3)
        ended = time.monotonic()
    assert len(outcome.answers) == 6 and not outcome.failures and len(server.questions) == 8
    assert ended - max(busy_at) >= wait


def test_a_server_that_is_busy_for_minutes_is_not_waited_for(picture):
    with NamingServer(always(status(429, "slow down", headers=[("Retry-After", "600")]))) as server:
        outcome = Outcome(server.url, picture, n=100)
    assert outcome.reasons == ["too many requests (429)", *["not asked"] * 99]
    assert len(server.questions) == 1


def test_a_server_that_always_says_when_to_come_back_is_left_alone(picture):
    with NamingServer(always(status(503, headers=[("Retry-After", "0.01")]))) as server:
        outcome = Outcome(server.url, picture, n=20)
    assert outcome.reasons == ["server error (503)", *["not asked"] * 19]
    assert len(server.questions) == asking.MOST_TRIES


def test_a_date_to_come_back_is_honored(picture):
    later, came = int(time.time()) + 3, []  # dates have no fractions of a second

    def behave(asked):
        came.append(time.time())
        return status(429, headers=[("Retry-After", formatdate(later, usegmt=True))]) if asked.number == 0 else GOOD

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture)
    assert len(outcome.answers) == 1 and len(came) == 2 and came[1] >= later


def test_what_a_server_says_can_be_stored_and_shown(picture):
    said = b'{"error": {"message": "\\ud800 no\\u0000\\n\\u202e"}}'
    with NamingServer(always(lambda h, a, s: send(h, said, 403))) as server:
        outcome = Outcome(server.url, picture)
    assert outcome.failures[0].detail == "no" and server.questions


def test_an_answer_that_breaks_its_reader_fails_alone(picture):
    answers, failures = {}, {}
    question = prompt.name_question([picture], [], [], prompt.Instructions())

    def read(text, lenient):
        return {"Good things": 1}[json.loads(text)["name"]]

    with NamingServer(lambda asked: {**GOOD, "name": "?"} if asked.number == 1 else GOOD) as server:
        asker = Asker(Server(server.url, "m", timeout=30), Budget(None))
        jobs = [(i, lambda: question, read) for i in range(4)]
        ask_all(asker, jobs, 1, lambda k, v, u: answers.update({k: v}), lambda k, f: failures.update({k: f.reason}))
    assert sorted(answers) == [0, 2, 3] and failures == {1: "unreadable answer"}


def test_what_fails_now_and_then_is_repeated(picture):
    def behave(asked):
        return {1: status(500), 3: close_midway, 5: status(429), 7: garbage}.get(asked.number, GOOD)

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=8, parallel=3)
    assert len(outcome.answers) == 8 and len(server.questions) == 12


def test_one_bad_question_does_not_stop_the_others(picture):
    def behave(asked):
        return say("", refusal="no") if asked.number % 5 == 2 else GOOD

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=20)
    assert len(outcome.answers) == 16 and set(outcome.reasons) == {"refused"}


def test_servers_that_stop_working_are_left_alone(picture):
    with NamingServer(lambda asked: GOOD if asked.number < 3 else html) as server:
        outcome = Outcome(server.url, picture, n=30, parallel=1)
    assert len(outcome.answers) == 3 and len(server.questions) == 6
    assert outcome.reasons.count("not asked") == 24


@pytest.mark.parametrize("can", ["json_object", "text"])
def test_the_ladder_goes_down_once(picture, can):
    order = ["json_schema", "json_object", "text"]

    def behave(asked):
        if order.index(asked.format) < order.index(can):
            return status(400, f"response_format {asked.format} is not supported")
        return say('Of course: {"name": "Cats"}') if can == "json_object" else say("Cats on sofas")

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=5)
    assert len(outcome.answers) == 5 and {answer.name[:4] for answer in outcome.answers.values()} == {"Cats"}
    assert len(server.questions) == 5 + order.index(can)
    assert '"odd_images"' in server.questions[-1].system  # the keys are in the prompt too


def test_servers_that_take_one_image_get_a_sheet(picture):
    def behave(asked):
        return status(400, "at most 1 image(s) may be provided in one request") if len(asked.images) > 1 else GOOD

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=3)
    assert len(outcome.answers) == 3 and [len(asked.images) for asked in server.questions] == [3, 1, 1, 1]
    assert "sheet of tiles" in server.questions[-1].text and server.questions[-1].format == "json_schema"


@pytest.mark.parametrize(
    ("name", "api"), [("max_completion_tokens", "chat"), ("reasoning", "responses"), ("max_output_tokens", "responses")]
)
def test_what_a_server_does_not_know_is_left_out(picture, name, api):
    def behave(asked):
        return status(400, f"Unrecognized request argument: {name}") if name in asked.body else GOOD

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=2, api=api)
    assert len(outcome.answers) == 2 and name not in server.questions[-1].body
    assert server.questions[-1].format == "json_schema"


def test_a_schema_once_answered_is_kept_when_one_question_is_refused(picture):
    with NamingServer(lambda asked: status(400, "image is broken") if asked.number == 1 else GOOD) as server:
        outcome = Outcome(server.url, picture, n=4, parallel=1)
    assert outcome.reasons == ["request refused (400)"] and {a.format for a in server.questions} == {"json_schema"}


def test_prose_is_asked_for_again_and_a_short_answer_gets_more_room(picture):
    def behave(asked):
        return {0: say("Lovely cats! Shall I go on?"), 2: say('{"name": "Ca', "length")}.get(asked.number, GOOD)

    with NamingServer(behave) as server:
        outcome = Outcome(server.url, picture, n=2, parallel=1)
    assert len(outcome.answers) == 2 and "was no JSON" in server.questions[1].text
    limits = [asked.body["max_completion_tokens"] for asked in server.questions]
    assert limits == [600, 600, 600, 2400] and outcome.used[0].calls == 2


@pytest.mark.parametrize("usage", [(-5, -5), ("x", None), (True, 1e99), None])
def test_tokens_that_cannot_be_are_estimated(picture, usage):
    with NamingServer(always(say(json.dumps(GOOD), usage=usage))) as server:
        outcome = Outcome(server.url, picture)
    assert server.questions and 200 < outcome.used[0].input_tokens < 2000 and 0 < outcome.used[0].output_tokens < 500


def test_the_cap_on_spending_ends_the_job_before_it_is_passed(picture):
    price = Price(10.0, 50.0)  # a call takes at most 0.01 + 0.03, and really 0.002
    with NamingServer() as server:
        outcome = Outcome(server.url, picture, n=30, price=price, cap=0.06)
    assert 3 < len(outcome.answers) < 30 and outcome.asker.budget.spent <= 0.06
    assert set(outcome.reasons) == {"not asked"} and outcome.asker.stopped.reason == "spend cap reached"


def test_questions_without_an_answer_count_as_spent(picture, monkeypatch):
    monkeypatch.setattr(asking, "RETRIES", 1)
    with NamingServer(lambda asked: hang) as server:  # it may have looked at the images all the same
        outcome = Outcome(server.url, picture, timeout=0.5, price=Price(10.0, 50.0), cap=1.0)
    assert outcome.reasons == ["no answer in time"] and outcome.asker.budget.spent > 0 and server.questions
    with NamingServer(lambda asked: status(500)) as server:
        outcome = Outcome(server.url, picture, price=Price(10.0, 50.0), cap=1.0)
    assert outcome.asker.budget.spent == 0 and server.questions


def test_so_many_at_a_time_and_the_first_alone(picture):
    alone = []

    def together(handler, asked, server):
        deadline = time.monotonic() + 120
        while asked.number and server.most_busy < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        if not asked.number:
            time.sleep(0.3)
            alone.append(server.most_busy)
        say(json.dumps(GOOD))(handler, asked, server)

    with NamingServer(always(together)) as server:
        Outcome(server.url, picture, n=13, parallel=4)
    assert alone == [1] and server.most_busy == 4 and len(server.questions) == 13


def test_a_stop_ends_the_calls_under_way(picture):
    timeout, began = 60.0, time.monotonic()

    def tick():
        if server.questions:
            raise RuntimeError("stop")

    with NamingServer(always(hang)) as server, pytest.raises(RuntimeError, match="stop"):
        Outcome(server.url, picture, n=4, timeout=timeout, tick=tick)
    assert time.monotonic() - began < timeout  # which a call that nobody ends waits for


def test_a_running_loop_does_not_matter(picture):
    async def notebook():
        return Outcome(server.url, picture)

    with NamingServer() as server:
        assert len(asyncio.run(notebook()).answers) == 1


def test_the_list_of_models():
    async def listed(key):
        server = Server(served.url, "x", "auto", key, 5)
        try:
            return await server.models()
        finally:
            await server.close()

    with NamingServer(key=KEY) as served:
        assert asyncio.run(listed(KEY)) == ["large-vl", "tiny-vl"]
        with pytest.raises(Failure, match="key refused"):
            asyncio.run(listed("wrong"))
