"""The issuer's keys: fetched seldom, kept while the issuer is away, exchanged when it exchanges them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from functions.authorizer import app
from shared.identity import tokens
from shared.identity.tokens import KeySet, Refused, subject_of
from tests.integration.world import World
from tests.support.aws import variables_set
from tests.support.tokens import TokenIssuer


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the key set believes have passed."""
    moment = [1000.0]
    monkeypatch.setattr(tokens.time, "monotonic", lambda: moment[0])
    return moment


@pytest.fixture(autouse=True)
def cold_authorizer() -> Iterator[None]:
    """Clears the authorizer's keys before and after the test."""
    app._keys.cache_clear()
    yield
    app._keys.cache_clear()


@contextmanager
def answering(answers: Callable[[], tuple[int, bytes]]) -> Iterator[str]:
    """An address that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def subject(issuer: TokenIssuer, keys: KeySet, token: str | None = None) -> str:
    return subject_of(
        token or issuer.make_token("ada"), keys, issuer=issuer.issuer, audience=issuer.client_id
    )


def test_keys_are_fetched_once_an_hour(issuer: TokenIssuer, clock: list[float]) -> None:
    with issuer.serving():
        keys = KeySet(issuer.jwks_url)
        for _ in range(20):
            assert subject(issuer, keys) == "ada"
        assert issuer.jwks_requests == 1
        clock[0] += 3599
        assert subject(issuer, keys) == "ada"
        assert issuer.jwks_requests == 1
        clock[0] += 2
        assert subject(issuer, keys) == "ada"
        assert issuer.jwks_requests == 2


def test_unknown_key_ids_do_not_cause_requests_to_the_issuer(issuer: TokenIssuer, clock: list[float]) -> None:
    with issuer.serving():
        keys = KeySet(issuer.jwks_url)
        subject(issuer, keys)
        for number in range(50):
            with pytest.raises(Refused):
                subject(issuer, keys, issuer.make_token("ada", header={"kid": f"unknown{number}"}))
            clock[0] += 1
        assert issuer.jwks_requests <= 3, "two in fifty seconds, and the first"
        assert subject(issuer, keys) == "ada"


def test_a_new_key_of_the_issuer_is_taken_up_and_an_old_one_dropped(
    issuer: TokenIssuer, clock: list[float]
) -> None:
    with issuer.serving():
        keys = KeySet(issuer.jwks_url)
        old = issuer.make_token("ada")
        assert subject(issuer, keys, old) == "ada"
        issuer.key, issuer.key_id = TokenIssuer().key, "new-key"
        clock[0] += 31
        assert subject(issuer, keys) == "ada"
        with pytest.raises(Refused):
            subject(issuer, keys, old)


BROKEN: dict[str, tuple[int, bytes]] = {
    "an error": (500, b""),
    "a redirect to itself": (302, b""),
    "no JSON": (200, b"<html>"),
    "not an object": (200, b"[]"),
    "an object without keys": (200, b"{}"),
    "keys that are none": (200, b'{"keys": [1, {"kty": "RSA"}, {"kid": "x", "kty": "RSA"}]}'),
    "keys as text": (200, b'{"keys": "x"}'),
    "no UTF-8": (200, b"\xff\xfe"),
    "nothing": (200, b""),
}


@pytest.mark.parametrize("what", BROKEN)
def test_known_keys_go_on_to_count_while_the_issuer_answers_nonsense(
    issuer: TokenIssuer, clock: list[float], what: str
) -> None:
    good = (200, json.dumps(issuer.jwks).encode())
    answer = [good]
    asked = []

    def current() -> tuple[int, bytes]:
        asked.append(True)
        return answer[0]

    with answering(current) as url:
        keys = KeySet(url)
        assert subject(issuer, keys) == "ada"
        answer[0] = BROKEN[what]
        clock[0] += 3601
        for _ in range(3):
            assert subject(issuer, keys) == "ada"
        assert len(asked) == 2, "not asked again at once"
        answer[0] = good
        clock[0] += 3601
        assert subject(issuer, keys) == "ada"


def test_known_keys_go_on_to_count_while_the_issuer_is_away(issuer: TokenIssuer, clock: list[float]) -> None:
    with issuer.serving():
        keys = KeySet(issuer.jwks_url)
        subject(issuer, keys)
    clock[0] += 3601
    assert subject(issuer, keys) == "ada"
    with pytest.raises(Refused):
        subject(issuer, keys, issuer.make_token("ada", header={"kid": "unknown"}))


def test_until_the_issuer_is_reached_callers_get_503_and_not_401(world: World) -> None:
    """check 15, for sign-in: a valid token must not look forged because we cannot check it."""
    wrong = {}
    given = [(200, b"")]
    with answering(lambda: given[0]) as url:
        for what in ("away", *BROKEN):
            given[0] = BROKEN.get(what, given[0])
            address = "http://127.0.0.1:9/jwks.json" if what == "away" else url
            with variables_set({"TOKEN_JWKS_URL": address}):
                app._keys.cache_clear()
                answer = world.gateway.request("GET", "/contacts", token=world.t1.admin)
                by_key = world.gateway.request("GET", "/contacts", token=world.t1.program)
            assert by_key.status == 200, "API keys need no issuer"
            if answer.status != 503 or "Retry-After" not in answer.headers:
                wrong[what] = answer.status
    app._keys.cache_clear()
    assert wrong == {}
    assert world.send("GET", "/contacts").status == 200
