"""Requests to untrusted hosts (checks 66 to 70), over real sockets on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from shared.domain.webhooks.addresses import Target, parse_target
from shared.publishing.transport import MAX_BYTES, ReceiverResponse, RequestFailed, dial, post
from tests.support.receiver import LONGEST_DELAY, Receiver
from tests.support.receiver import Answer as Told

PUBLIC, METADATA = "93.184.215.14", "169.254.169.254"


class Dialled:
    """A dialler that records the addresses and connects to the receiver instead."""

    def __init__(self, receiver: Receiver) -> None:
        self.addresses: list[str] = []
        self._port = int(receiver.url.rpartition(":")[2])

    def __call__(self, address: str, port: int, seconds: float) -> socket.socket:
        self.addresses.append(address)
        return dial("127.0.0.1", self._port, seconds)


def answering(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver that gives these answers in turn, the last one repeatedly."""
    left = list(answers)
    return lambda host, port: left.pop(0) if len(left) > 1 else left[0]


def to_receiver(receiver: Receiver, path: str = "/hook") -> Target:
    return parse_target(receiver.url + path, loopback=True)


def send(target: Target, **given: object) -> ReceiverResponse:
    return post(target, {"webhook-id": "e1"}, b"{}", **given)  # type: ignore[arg-type]


def failure_of(target: Target, **given: object) -> str:
    with pytest.raises(RequestFailed) as failed:
        send(target, **given)
    return failed.value.code


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[Target]:
    """Run a server on loopback that passes each connection to `serve`."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Target(False, "127.0.0.1", listening.getsockname()[1], "/")
    finally:
        listening.close()


def test_a_post_reaches_the_receiver_as_it_was_sent(receiver: Receiver) -> None:
    receiver.answer_with(Told(202, body=b"thanks"))
    answer = send(to_receiver(receiver, "/hook?a=b"), loopback=True)
    (came,) = receiver.requests
    assert answer == ReceiverResponse(202, b"thanks", None)
    assert (came.method, came.path, came.body) == ("POST", "/hook?a=b", b"{}")
    assert came.headers["webhook-id"] == "e1"
    assert came.headers["content-length"] == "2"
    assert came.headers["accept-encoding"] == "identity"


def test_the_host_header_names_the_host_and_the_checked_address_is_dialled(receiver: Receiver) -> None:
    dialled = Dialled(receiver)
    target = Target(False, "hooks.example.com", 80, "/")
    send(target, resolver=answering([PUBLIC]), dialler=dialled)
    assert dialled.addresses == [PUBLIC]
    assert receiver.requests[0].headers["host"] == "hooks.example.com"


def test_another_port_is_part_of_the_host_header(receiver: Receiver) -> None:
    target = Target(False, "hooks.example.com", 8443, "/")
    send(target, resolver=answering([PUBLIC]), dialler=Dialled(receiver))
    assert receiver.requests[0].headers["host"] == "hooks.example.com:8443"


@pytest.mark.parametrize(
    "addresses",
    [
        [METADATA],
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["fe80::1%eth0"],
        # one bad address among good ones
        [PUBLIC, METADATA],
        [METADATA, PUBLIC],
        [PUBLIC, "2606:4700:4700::1111", "192.168.1.1"],
    ],
)
def test_check_67_a_name_with_any_forbidden_address_is_not_dialled(
    receiver: Receiver, addresses: list[str]
) -> None:
    dialled = Dialled(receiver)
    target = Target(True, "hooks.example.com", 443, "/")
    assert failure_of(target, resolver=answering(addresses), dialler=dialled) == "forbidden_address"
    assert dialled.addresses == []


@pytest.mark.parametrize("address", [METADATA, "127.0.0.1", "::1", "::ffff:7f00:1", "0.0.0.0"])
def test_check_67_a_forbidden_address_as_host_is_not_dialled(receiver: Receiver, address: str) -> None:
    dialled = Dialled(receiver)
    assert failure_of(Target(True, address, 443, "/"), dialler=dialled) == "forbidden_address"
    assert dialled.addresses == []


def test_check_68_a_name_that_changes_after_the_check_is_not_followed(receiver: Receiver) -> None:
    dialled = Dialled(receiver)
    flipping = answering([PUBLIC], [METADATA])
    send(Target(False, "hooks.example.com", 80, "/"), resolver=flipping, dialler=dialled)
    assert dialled.addresses == [PUBLIC]
    with pytest.raises(RequestFailed, match="forbidden_address"):
        send(Target(False, "hooks.example.com", 80, "/"), resolver=flipping, dialler=dialled)
    assert dialled.addresses == [PUBLIC]


def test_loopback_is_dialled_on_a_developers_machine_alone(receiver: Receiver) -> None:
    assert failure_of(to_receiver(receiver)) == "forbidden_address"
    assert receiver.requests == []
    assert send(to_receiver(receiver), loopback=True).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_check_69_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer_with(Told(status, {"Location": f"http://{METADATA}/latest/meta-data/"}))
    dialled = Dialled(receiver)
    answer = send(to_receiver(receiver), loopback=True, dialler=dialled)
    assert answer.status == status
    assert dialled.addresses == ["127.0.0.1"]
    assert len(receiver.requests) == 1


def test_check_66_of_a_huge_answer_64_kilobytes_are_read(receiver: Receiver) -> None:
    receiver.answer_with(Told(200, body=b"x" * 5_000_000))
    answer = send(to_receiver(receiver), loopback=True)
    assert (answer.status, len(answer.body)) == (200, MAX_BYTES)


def test_check_66_an_endless_answer_is_cut(receiver: Receiver) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with raw_server(flood) as target:
        answer = send(target, loopback=True)
    assert (answer.status, len(answer.body)) == (200, MAX_BYTES)


@pytest.mark.parametrize(
    "line",
    [b"X: y\r\n", b"X: " + b"y" * 60_000 + b"\r\n", b"y" * 1024],
    ids=["many", "long", "without an end"],
)
@pytest.mark.parametrize(
    "status", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n"], ids=["final", "interim"]
)
def test_check_66_endless_headers_are_cut_at_64_kilobytes(status: bytes, line: bytes) -> None:
    sent = [0]

    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(status)
        while True:
            connection.sendall(line)
            sent[0] += len(line)

    with raw_server(flood) as target:
        assert failure_of(target, loopback=True) == "protocol"
    assert sent[0] < 8_000_000  # as much as the sockets' buffers hold


@pytest.mark.parametrize("size", [b"-FFFFFFFFFFFFFFFFFFFFFFFF", b"-1", b"F" * 24, b"1_0", b"x", b""])
def test_check_66_a_malformed_size_of_a_chunk_ends_the_body(size: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with raw_server(serve) as target:
        answer = send(target, loopback=True)
    assert answer.status == 503
    assert len(answer.body) < 100


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 No Content\r\nX: y\r\nX"])
def test_check_66_headers_that_break_off_are_no_answer(head: bytes) -> None:
    def break_off(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # a connection closed with unread bytes would be reset instead
            pass

    with raw_server(break_off) as target:
        assert failure_of(target, loopback=True) == "protocol"


# The slow responses below end after some minutes, and then the result is another one than that of the deadline.
DRIPPING = b"drip" * 1000
"""A body that takes 200 seconds, at 0.05 seconds for each byte."""


def cut_off(target: Target, **given: object) -> ReceiverResponse:
    """Send to a receiver whose body drips, with a deadline that its status and a byte of the body precede: a longer one
    if the machine was too busy for that.
    """
    for deadline in (0.5, 5.0):
        with suppress(RequestFailed):
            if (answer := send(target, deadline=deadline, **given)).body:
                return answer
    return send(target, deadline=50.0, **given)


def test_check_66_a_body_that_drips_is_cut_at_the_deadline_and_its_status_counts(receiver: Receiver) -> None:
    receiver.answer_with(then=Told(200, body=DRIPPING, drip=0.05))
    answer = cut_off(to_receiver(receiver), loopback=True)
    assert answer.status == 200
    assert 1 <= len(answer.body) < len(DRIPPING)


def test_check_66_headers_that_drip_are_cut_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw_server(drip) as target:
        assert failure_of(target, loopback=True, deadline=0.5) == "timeout"


def test_check_66_a_tls_handshake_that_drips_is_cut_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        # The start of a long handshake record, byte by byte.
        for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 4000:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw_server(drip) as target:
        secure = Target(True, target.host, target.port, "/")
        assert failure_of(secure, loopback=True, deadline=0.5) == "timeout"


def test_check_65_a_receiver_that_says_nothing_is_a_timeout(receiver: Receiver) -> None:
    receiver.answer_with(Told(200, delay=LONGEST_DELAY))
    assert failure_of(to_receiver(receiver), loopback=True, deadline=0.3) == "timeout"


def test_a_resolver_that_says_nothing_is_a_timeout(receiver: Receiver) -> None:
    release = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        release.wait(LONGEST_DELAY)
        return [PUBLIC]

    target = Target(True, "hooks.example.com", 443, "/")
    dialled = Dialled(receiver)
    assert failure_of(target, resolver=silent, dialler=dialled, deadline=0.2) == "timeout"
    release.set()
    assert dialled.addresses == []


def test_a_name_without_addresses_is_told_as_such() -> None:
    def none(host: str, port: int) -> list[str]:
        raise socket.gaierror

    target = Target(True, "nowhere.example.com", 443, "/")
    assert failure_of(target, resolver=none) == "no_such_host"
    assert failure_of(target, resolver=answering([])) == "no_such_host"


def test_the_next_address_is_dialled_when_one_does_not_answer(receiver: Receiver) -> None:
    dialled = Dialled(receiver)

    def dialler(address: str, port: int, seconds: float) -> socket.socket:
        if not dialled.addresses:
            dialled.addresses.append(address)
            raise ConnectionRefusedError
        return dialled(address, port, seconds)

    target = Target(False, "hooks.example.com", 80, "/")
    send(target, resolver=answering(["2606:4700:4700::1111", PUBLIC]), dialler=dialler)
    assert dialled.addresses == ["2606:4700:4700::1111", PUBLIC]


def test_a_refused_connection_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert failure_of(Target(False, "127.0.0.1", port, "/"), loopback=True) == "connect"


def test_a_connection_that_breaks_is_told_as_such(receiver: Receiver) -> None:
    receiver.answer_with(Told(hang_up=True))
    assert failure_of(to_receiver(receiver), loopback=True) == "connect"


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 40_000]
)
def test_what_is_no_http_is_told_as_such(garbage: bytes) -> None:
    def babble(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(garbage)

    with raw_server(babble) as target:
        assert failure_of(target, loopback=True) in ("protocol", "connect")


INTERIM = {
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nRetry-After: 9\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "processing": b"HTTP/1.1 102 Processing\r\n\r\n",
    "one that is not known": b"HTTP/1.1 199 Whatever\r\nX: y\r\n\r\n",
    "several": b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 15,
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
@pytest.mark.parametrize("status", [204, 200, 500, 410])
def test_check_65_interim_responses_are_read_past(interim: bytes, status: int) -> None:
    body = b"" if status == 204 else b"done"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(interim)
        connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    with raw_server(answer) as target:
        assert send(target, loopback=True) == ReceiverResponse(status, body, None)


def test_an_endless_row_of_interim_responses_is_no_answer() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        while True:
            connection.sendall(INTERIM["early hints"])

    with raw_server(answer) as target:
        assert failure_of(target, loopback=True) == "protocol"


def test_an_interim_response_alone_is_no_answer() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(INTERIM["early hints"])

    with raw_server(answer) as target:
        assert failure_of(target, loopback=True) in ("connect", "protocol")


def test_retry_after_is_handed_over(receiver: Receiver) -> None:
    receiver.answer_with(Told(503, {"Retry-After": "120"}))
    assert send(to_receiver(receiver), loopback=True) == ReceiverResponse(503, b"", "120")


@pytest.fixture
def tls_receiver() -> Iterator[Receiver]:
    with Receiver().serving(tls=True) as listening:
        yield listening


def trusting(receiver: Receiver) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cadata=receiver.ca_pem.decode())


def test_check_70_a_certificate_that_nobody_vouches_for_is_refused(tls_receiver: Receiver) -> None:
    assert failure_of(to_receiver(tls_receiver), loopback=True) == "tls"
    assert tls_receiver.requests == []


def test_check_70_the_certificate_must_be_the_names_and_not_the_addresss(tls_receiver: Receiver) -> None:
    target = Target(True, "hooks.example.com", 443, "/")
    given = {"resolver": answering([PUBLIC]), "dialler": Dialled(tls_receiver), "tls": trusting(tls_receiver)}
    assert failure_of(target, **given) == "tls"
    assert tls_receiver.requests == []


def test_a_request_over_verified_tls_arrives(tls_receiver: Receiver) -> None:
    # The certificate is for "localhost", while an address is dialled.
    target = Target(True, "localhost", 443, "/hook")
    given = {"resolver": answering([PUBLIC]), "dialler": Dialled(tls_receiver), "tls": trusting(tls_receiver)}
    assert send(target, **given).status == 200
    assert tls_receiver.requests[0].headers["host"] == "localhost"


def test_check_66_a_body_that_drips_over_tls_is_cut_too(tls_receiver: Receiver) -> None:
    tls_receiver.answer_with(then=Told(200, body=DRIPPING, drip=0.05))
    answer = cut_off(to_receiver(tls_receiver), loopback=True, tls=trusting(tls_receiver))
    assert answer.status == 200
    assert len(answer.body) < len(DRIPPING)
