"""The API's address on this machine: forwards every request unchanged to the stage of the deployed gateway."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
AT_ONCE = max(4, 2 * (os.cpu_count() or 2))
"""Requests forwarded at once; the others wait. Each request in flight costs the emulator a process."""
TIMEOUT_SECONDS = 60
DOCS = "/v1/docs"
"""The page that `/` redirects to, as the root of the stage does."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip


class Proxy:
    """A server that listens on loopback until it is closed."""

    def __init__(self, port: int, endpoint: str, api_id: str) -> None:
        target = urlsplit(endpoint)
        handler = type(
            "_BoundHandler",
            (_Handler,),
            {
                "upstream": (target.hostname, target.port),
                "prefix": f"/_aws/execute-api/{api_id}",
                "turnstile": threading.BoundedSemaphore(AT_ONCE),
            },
        )
        self._server = _Server((HOST, port), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop accepting requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing when a client disconnects."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: tuple[str, int]
    prefix: str
    turnstile: threading.BoundedSemaphore
    disable_nagle_algorithm = True

    def _forward(self) -> None:
        if self.path == "/":  # outside the stage: the gateway serves nothing there
            self._respond(302, "Found", [("Location", DOCS)], b"")
            return
        try:
            body = self._read_body()
        except ValueError:
            self._respond(400, "Bad Request", [], b"")
            self.close_connection = True
            return
        connection = http.client.HTTPConnection(*self.upstream, timeout=TIMEOUT_SECONDS)
        try:
            with self.turnstile:
                connection.putrequest(
                    self.command, self.prefix + self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                        connection.putheader(name, value.encode("latin-1"))
                if body:
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body or None)
                answer = connection.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException):
            self._respond(502, "Bad Gateway", [], b"")
            return
        finally:
            connection.close()
        self._respond(answer.status, answer.reason, answer.getheaders(), content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _forward  # noqa: N815

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._read_chunks())
        length = int(self.headers.get("Content-Length") or 0)
        if length < 0:
            raise ValueError("negative length")
        return self.rfile.read(length)

    def _read_chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(100).split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(10)
        while self.rfile.readline(65537).strip():
            pass

    def _respond(self, status: int, reason: str, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        if status != 204 and status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def port_is_free(port: int) -> bool:
    """Whether no process listens on a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
