"""A reverse proxy as JupyterHub, Databricks and the like have one: what it sends on is below a base path."""

import socket
import threading
from contextlib import suppress

BASE = "/prox"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BasePath:
    """Serves ``http://127.0.0.1:<server's port>/`` as ``<url>/``, and nothing outside of its base path.

    It works on bytes, one request a connection, so that event streams pass through as they come. ``refused`` lists the
    paths that were asked for outside of the base path.
    """

    def __init__(self, port: int):
        self.upstream = port
        self.refused: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}{BASE}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        """Accepts no more connections."""
        self.listener.close()

    def _accept(self):
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket):
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (received := client.recv(65536)):
                    return
                head += received
            head, _, body = head.partition(b"\r\n\r\n")
            request, *headers = head.split(b"\r\n")
            method, path, version = request.split(b" ")
            if not path.startswith(BASE.encode() + b"/"):
                self.refused.append(path.decode())
                client.sendall(NOT_FOUND)
                return
            kept = [line for line in headers if not line.lower().startswith(b"connection:")]
            request = b" ".join([method, path[len(BASE) :], version])
            with socket.create_connection(("127.0.0.1", self.upstream)) as server:
                server.sendall(b"\r\n".join([request, *kept, b"Connection: close", b"", b""]) + body)
                threading.Thread(target=_pump, args=(client, server), daemon=True).start()
                _pump(server, client)


def _pump(source: socket.socket, sink: socket.socket):
    with suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
