"""One HTTP request to an untrusted host: to a checked address, without redirects, within limits of time and memory.

Uses `http.client`, since the features of higher-level clients (redirects, repeated name resolution, reused connections,
decompression, proxy settings) would all have to be switched off.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.domain.webhooks.addresses import Target, is_allowed, is_literal

if TYPE_CHECKING:
    from types import TracebackType

DEADLINE = 15.0
"""The most seconds of a request, from the resolution of the name to the last byte read."""
MAX_BYTES = 65_536
"""The most bytes that are read of a body, and of the headers before it."""
_MAX_ADDRESSES = 4
"""The most addresses of a host that are tried."""
_MAX_INTERIM = 16
"""The most interim responses that are skipped before the final one."""
_CONNECT_SECONDS = 4.0
"""The most seconds of a connection to one address. A lost packet is sent again after one second and after three (RFC
6298, section 2), so there is time for both."""

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host and port."""
Dialler = Callable[[str, int, float], socket.socket]
"""Returns a connection to an address and port, within so many seconds."""


class RequestFailed(Exception):
    """There was no response. `code` is a stable code for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """A receiver's response. `body` has at most MAX_BYTES, those that arrived before the deadline."""

    status: int
    body: bytes
    retry_after: str | None


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a name in the order of the system's resolver. Raises OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to an IP address. Raises OSError."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(
    target: Target,
    headers: dict[str, str],
    body: bytes,
    *,
    loopback: bool = False,
    resolver: Resolver = resolve,
    dialler: Dialler = dial,
    tls: Callable[[], ssl.SSLContext] = _tls,
    deadline: float = DEADLINE,
    max_bytes: int = MAX_BYTES,
) -> ReceiverResponse:
    """Send a POST request and return the response, whatever its status; redirects are not followed.

    All addresses of the name must be allowed, or none is connected to. The connection is to a checked address, not to
    the name. `loopback` allows loopback addresses. Raises RequestFailed.
    """
    with _Watchdog(time.monotonic() + deadline) as watchdog:
        addresses = _resolve_allowed(target, resolver, watchdog, loopback=loopback)
        connection = _Connection(target, addresses, watchdog, dialler, tls)
        try:
            return _exchange(connection, target, headers, body, max_bytes)
        except (OSError, http.client.HTTPException) as error:
            raise RequestFailed("timeout" if watchdog.has_fired else _code_of(error)) from error
        finally:
            connection.close()


def _exchange(
    connection: _Connection, target: Target, headers: dict[str, str], body: bytes, max_bytes: int
) -> ReceiverResponse:
    connection.request("POST", target.path, body, headers)
    try:
        with connection.getresponse() as response:
            return ReceiverResponse(
                response.status, _read(response, max_bytes), response.headers.get("retry-after")
            )
    except (ValueError, OverflowError) as error:
        raise http.client.HTTPException("a malformed number") from error


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Return the body up to `max_bytes`. A body that is cut off or arrives too slowly is returned as far as it arrived:
    only the status matters.
    """
    body = b""
    try:
        while len(body) < max_bytes and (part := response.read1(max_bytes - len(body))):
            body += part
    except (OSError, http.client.HTTPException, ValueError, OverflowError):
        # `http.client` does not catch each error of a malformed size of a chunk, such as -FFFFFFFFFFFFFFFFFFFF.
        return body
    return body


def _code_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connect" if isinstance(error, OSError) else "protocol"


def _resolve_allowed(
    target: Target, resolver: Resolver, watchdog: _Watchdog, *, loopback: bool
) -> Sequence[str]:
    if is_literal(target.host):
        addresses: Sequence[str] = [target.host]
    else:
        addresses = _resolve_within(target, resolver, watchdog.seconds_left())
    if not addresses:
        raise RequestFailed("no_such_host")
    if not all(is_allowed(address, loopback=loopback) for address in addresses):
        raise RequestFailed("forbidden_address")
    return addresses[:_MAX_ADDRESSES]


def _resolve_within(target: Target, resolver: Resolver, seconds: float) -> Sequence[str]:
    # The system's resolver has no deadline, so its thread is abandoned when it takes too long.
    found: list[Sequence[str]] = []

    def look_up() -> None:
        try:
            found.append(resolver(target.host, target.port))
        except (OSError, UnicodeError):
            found.append(())

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise RequestFailed("timeout")
    return found[0]


class _Watchdog:
    """Shuts the connection down when the time is over. A socket's own timeout does not suffice: it restarts with each
    byte that arrives.
    """

    def __init__(self, end: float) -> None:
        self._end = end
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(self.seconds_left(), self._fire)
        self._timer.daemon = True
        self.has_fired = False

    def __enter__(self) -> _Watchdog:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def seconds_left(self) -> float:
        """Return the seconds until the end, at least a millisecond."""
        return max(self._end - time.monotonic(), 0.001)

    def watch(self, connected: socket.socket) -> None:
        """Shut this socket down when the time is over. Raises TimeoutError when it is over already."""
        with self._lock:
            self._socket = connected
            if self.has_fired:
                raise TimeoutError

    def _fire(self) -> None:
        with self._lock:
            self.has_fired = True
            if self._socket is not None:
                try:
                    # Not SSLSocket's own shutdown, which removes the TLS state while another thread reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    return  # it is closed already


class _Head:
    """The lines of a response before its body: at most MAX_BYTES, and complete."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MAX_BYTES

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line; empty when the connection is closed before the first line. Raises HTTPException."""
        line: bytes = self._file.readline(limit)
        if not line and self._left < MAX_BYTES:
            raise http.client.HTTPException("the headers break off")
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException("too many bytes of headers")
        return line

    def close(self) -> None:
        self._file.close()


class _Response(http.client.HTTPResponse):
    """The final response to a request. Interim responses (1xx: RFC 9110, section 15.2), such as `103 Early Hints`, are
    skipped; `http.client` itself skips only `100 Continue` and treats any other as the final response.
    """

    def begin(self) -> None:
        file = self.fp
        self.fp = _Head(file)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = file

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MAX_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("too many interim responses")


class _Connection(http.client.HTTPConnection):
    """A connection to one of the checked addresses.

    It uses the name of the target's host for `Host`, for SNI, and for the certificate.
    """

    response_class = _Response

    def __init__(
        self,
        target: Target,
        addresses: Sequence[str],
        watchdog: _Watchdog,
        dialler: Dialler,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        super().__init__(target.host, target.port)
        # The port that `Host` omits.
        self.default_port = 443 if target.secure else 80
        self._target = target
        self._addresses = addresses
        self._watchdog = watchdog
        self._dialler = dialler
        self._tls = tls

    def connect(self) -> None:
        self._dial()
        if not self._target.secure:
            return
        wrapped = self._tls().wrap_socket(
            self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
        )
        self.sock = wrapped
        self._watchdog.watch(wrapped)
        wrapped.do_handshake()

    def _dial(self) -> None:
        failure: OSError | None = None
        for address in self._addresses:
            seconds = min(_CONNECT_SECONDS, self._watchdog.seconds_left())
            try:
                dialled = self._dialler(address, self._target.port, seconds)
            except OSError as refused:
                failure = refused
                continue
            self.sock = dialled
            dialled.settimeout(self._watchdog.seconds_left())
            self._watchdog.watch(dialled)
            return
        raise failure or OSError
