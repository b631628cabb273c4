"""An HTTP or HTTPS endpoint on loopback that records the requests it receives and responds as instructed."""

from __future__ import annotations

import ipaddress
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import event_schemas

LARGEST_BODY = 1_000_000
LONGEST_DELAY = 300.0
"""The most seconds before a response; a receiver that closes ends them."""


@dataclass(frozen=True)
class Received:
    """A received request: header names in lower case, the body's exact bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True)
class Answer:
    """`delay`: seconds before the status line; `drip`: seconds between the bytes of the body; `hang_up`: close the
    connection without a response.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    drip: float = 0.0
    hang_up: bool = False


class Receiver:
    """`url`: its address; `requests`: the received requests, in order; `ca_pem`: the certificate to trust for TLS."""

    def __init__(self) -> None:
        self.url = ""
        self.ca_pem = b""
        self.requests: list[Received] = []
        self._program: list[Answer] = []
        self._default = Answer()
        self._arrived = threading.Condition()
        self._closing = threading.Event()

    def answer_with(self, *answers: Answer | int, then: Answer | int = 200) -> None:
        """Use these responses for the next requests, one each; all later requests receive `then`."""
        with self._arrived:
            self._program = [_answer(entry) for entry in answers]
            self._default = _answer(then)

    def wait_for(self, count: int, timeout: float = 300.0) -> list[Received]:
        """Return the received requests once there are at least `count`; AssertionError after `timeout` seconds."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} of {count} requests within {timeout} s")
            return list(self.requests)

    def _take(self, request: Received) -> Answer:
        _check_schema(request.body)
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return self._program.pop(0) if self._program else self._default

    def _pause(self, seconds: float) -> None:
        self._closing.wait(min(seconds, LONGEST_DELAY))

    @contextmanager
    def serving(self, *, tls: bool = False) -> Iterator[Receiver]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        server.daemon_threads = True
        if tls:
            context, self.ca_pem = _self_signed()
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self._closing.set()
            server.shutdown()
            server.server_close()
            thread.join()


def _check_schema(body: bytes) -> None:
    """Hold the body of a webhook request to the schema of its event, whatever process has sent it."""
    try:
        payload = json.loads(body)
    except ValueError:
        return
    if isinstance(payload, dict) and "schema_version" in payload:
        event_schemas.check_body(payload)


def _answer(entry: Answer | int) -> Answer:
    return Answer(entry) if isinstance(entry, int) else entry


def _handler_for(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = LONGEST_DELAY

        def _take(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver._take(Received(self.command, self.path, headers, body, time.time()))
            receiver._pause(answer.delay)
            self.close_connection = True
            if answer.hang_up:
                return
            try:
                self._send(answer)
            except OSError:
                # The sender stopped waiting, which some tests are about.
                return

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if not answer.drip:
                self.wfile.write(answer.body)
                return
            for byte in answer.body:
                if receiver._closing.is_set():
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                receiver._pause(answer.drip)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _take  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    return Handler


def _self_signed() -> tuple[ssl.SSLContext, bytes]:
    """Return a server context with a new certificate for 127.0.0.1 and localhost, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # SSLContext loads only from files.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(pem + private)
        context.load_cert_chain(path)
    return context, pem
