"""The receiver records the requests and responds as instructed."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request

import pytest

from tests.support.receiver import LONGEST_DELAY, Answer, Receiver


def post(url: str, body: bytes = b"x", timeout: float = 60, **headers: str) -> http.client.HTTPResponse:
    return urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=timeout)  # type: ignore[no-any-return]


def test_requests_are_kept_byte_for_byte(receiver: Receiver) -> None:
    body = '{"name": "Zoë"}\r\n'.encode()
    post(f"{receiver.url}/hook?a=1", body, **{"Webhook-Id": "evt_1"})
    (seen,) = receiver.wait_for(1)
    assert (seen.method, seen.path, seen.body) == ("POST", "/hook?a=1", body)
    assert seen.headers["webhook-id"] == "evt_1"


def test_answers_come_in_the_order_told_and_then_the_last_one_for_good(receiver: Receiver) -> None:
    receiver.answer_with(500, Answer(429, {"Retry-After": "7"}), then=Answer(200, body=b"ok"))
    answers = []
    for _ in range(4):
        try:
            answer = post(receiver.url)
            answers.append((answer.status, answer.headers.get("Retry-After")))
        except urllib.error.HTTPError as error:
            answers.append((error.code, error.headers.get("Retry-After")))
    assert answers == [(500, None), (429, "7"), (200, None), (200, None)]


def test_it_can_be_slow_drip_and_hang_up(receiver: Receiver) -> None:
    receiver.answer_with(
        Answer(delay=LONGEST_DELAY), Answer(body=b"abcdefgh", drip=0.02), Answer(hang_up=True)
    )
    with pytest.raises(TimeoutError):
        post(receiver.url, timeout=0.1)
    started = time.monotonic()
    assert post(receiver.url).read() == b"abcdefgh"
    assert time.monotonic() - started > 0.1
    with pytest.raises(http.client.RemoteDisconnected):
        post(receiver.url)


def test_it_speaks_tls_with_a_certificate_of_its_own() -> None:
    with Receiver().serving(tls=True) as receiver:
        trusting = ssl.create_default_context(cadata=receiver.ca_pem.decode())
        with urllib.request.urlopen(receiver.url, b"x", timeout=60, context=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError):
            post(receiver.url)


def test_waiting_in_vain_is_an_error(receiver: Receiver) -> None:
    with pytest.raises(AssertionError, match="0 of 1"):
        receiver.wait_for(1, timeout=0.05)
