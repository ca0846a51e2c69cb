"""A model server on loopback that speaks Responses and Chat Completions, and plays every kind of bad server.

It answers through real HTTP to the real ``openai`` client. What it does with a request is one function of the test,
which returns an answer as a dict, or one of the plays below.
"""

import base64
import gzip
import io
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = {
    "name": "Good things",
    "description": "They are good.",
    "coherent": True,
    "confidence": 0.9,
    "odd_images": [],
    "distinguishes": "goodness",
}


@dataclass
class Asked:
    """One request as it came.

    Args:
        number: how many came before
        path: such as ``/v1/chat/completions``
        headers: by lower-case name
        body: the parsed body
    """

    number: int
    path: str
    headers: dict
    body: dict = field(default_factory=dict)

    @property
    def chat(self) -> bool:
        return self.path.endswith("/chat/completions")

    @property
    def parts(self) -> list:
        messages = self.body["messages"] if self.chat else self.body["input"]
        content = messages[-1]["content"]
        return [{"type": "text", "text": content}] if isinstance(content, str) else content

    @property
    def system(self) -> str:
        return self.body["messages"][0]["content"] if self.chat else self.body["instructions"]

    @property
    def text(self) -> str:
        return next(part["text"] for part in self.parts if part["type"] in ("text", "input_text"))

    @property
    def images(self) -> list[bytes]:
        urls = [part.get("image_url") for part in self.parts if "image_url" in part]
        urls = [url["url"] if isinstance(url, dict) else url for url in urls]
        return [base64.b64decode(url.partition(",")[2]) for url in urls]

    @property
    def format(self) -> str:
        found = self.body.get("response_format") or (self.body.get("text") or {}).get("format") or {}
        return found.get("type", "text")

    def color(self, position: int = 0) -> tuple[int, int, int]:
        """The mean colour of an image, rounded to tell the groups of the tests apart."""
        from PIL import Image

        return Image.open(io.BytesIO(self.images[position])).convert("RGB").resize((1, 1)).getpixel((0, 0))


class NamingServer:
    """``with NamingServer(behave) as server:``; ``server.url`` is its base URL.

    Args:
        behave: a callable ``(Asked)`` that returns an answer as a dict, or a play
        key (None): the only key that is let in
        host: the host in ``url``; ``0.0.0.0`` reaches this machine and yet is no loopback address
    """

    def __init__(self, behave=None, key: str | None = None, host: str = "127.0.0.1"):
        self.behave = behave or (lambda asked: GOOD)
        self.key, self.host = key, host
        self.asked: list[Asked] = []
        self.connections = 0
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def setup(self):
                super().setup()
                with owner.lock:
                    owner.connections += 1

            def do_GET(self):
                owner.serve(self, {})

            def do_POST(self):
                owner.serve(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        class Http(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # clients that hang up are part of the play

        self.http = Http(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.url = f"http://{host}:{self.port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def questions(self) -> list[Asked]:
        """The requests that asked something."""
        return [asked for asked in self.asked if asked.body]

    def serve(self, handler, body):
        """Answers one request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            asked = Asked(len(self.asked), handler.path, headers, body)
            self.asked.append(asked)
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            if self.key and headers.get("authorization") != f"Bearer {self.key}":
                status(401, f"Incorrect API key provided: {headers.get('authorization')}")(handler, asked, self)
            elif handler.path.endswith("/models"):
                names = [{"id": name, "object": "model"} for name in ("tiny-vl", "large-vl")]
                send(handler, {"object": "list", "data": names})
            else:
                play = self.behave(asked)
                play = say(json.dumps(play)) if isinstance(play, dict) else play
                play(handler, asked, self)
        finally:
            with self.lock:
                self.busy -= 1


def send(handler, body, code=200, kind="application/json", headers=()):
    """Sends a complete answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def say(text, end="stop", refusal=None, usage=(100, 20)):
    """An answer of the API with this text: ``end`` is ``stop``, ``length`` or ``content_filter``."""

    def play(handler, asked, server):
        if asked.chat:
            message = {"role": "assistant", "content": text, "refusal": refusal}
            body = {"id": "x", "object": "chat.completion", "model": "m", "created": 1}
            body["choices"] = [{"index": 0, "message": message, "finish_reason": end}]
            counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if usage else None
        else:
            part = {"type": "refusal", "refusal": refusal} if refusal else {"type": "output_text", "text": text}
            reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(end)
            body = {"id": "x", "object": "response", "model": "m", "created_at": 1}
            body["status"] = "incomplete" if reason else "completed"
            body["incomplete_details"] = {"reason": reason} if reason else None
            body["output"] = [{"type": "message", "role": "assistant", "content": [part]}]
            counted = {"input_tokens": usage[0], "output_tokens": usage[1]} if usage else None
        send(handler, {**body, "usage": counted} if counted else body)

    return play


def status(code, message="no", headers=(), error_code=None):
    """An error of the API."""

    def play(handler, asked, server):
        send(handler, {"error": {"message": message, "code": error_code, "type": "error"}}, code, headers=headers)

    return play


def html(handler, asked, server):
    """A web page, as from an address that is no API."""
    send(handler, b"<html><body><h1>Welcome</h1></body></html>", kind="text/html")


def garbage(handler, asked, server):
    """Bytes that are no HTTP."""
    handler.connection.sendall(bytes(range(256)) * 40)
    handler.close_connection = True


def nonsense(handler, asked, server):
    """HTTP with a body that is no JSON."""
    send(handler, bytes(range(256)) * 40)


def hang(handler, asked, server):
    """No answer at all, until the test ends."""
    server.ended.wait(60)
    handler.close_connection = True


def drip(handler, asked, server):
    """A byte now and then: no single wait is long, and the whole never ends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not server.ended.wait(0.1):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def close_midway(handler, asked, server):
    """Half an answer, then a reset."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def huge(handler, asked, server):
    """50 MB, as fast as they are taken."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(50_000_000))
    handler.end_headers()
    block = b'{"choices": ["' + b"x" * 999_986
    server.sent = 0
    for _ in range(50):
        handler.wfile.write(block)
        server.sent += len(block)


def endless(handler, asked, server):
    """A stream of events that does not end, though nobody asked for a stream."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    block = b'data: {"choices": []}\n\n' * 4000
    server.sent = 0
    while not server.ended.is_set():
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        server.sent += len(block)


def compressed(handler, asked, server):
    """A small answer that unpacks to 100 MB."""
    packed = gzip.compress(b" " * 100_000_000, 1)
    send(handler, packed, headers=[("Content-Encoding", "gzip")])


def redirect(url):
    """Sends the client, and its images, elsewhere."""

    def play(handler, asked, server):
        send(handler, b"", 307, headers=[("Location", url)])

    return play


def slow(seconds, play):
    """The same, later."""

    def later(handler, asked, server):
        time.sleep(seconds)
        play(handler, asked, server)

    return later
