"""The secrets and own headers of a webhook (check 63)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.domain import timestamps
from shared.domain.errors import Invalid
from shared.domain.webhooks.secrets import (
    MAX_HEADERS,
    MAX_SECRETS,
    HeaderChanges,
    Headers,
    TooManySecrets,
    WebhookSecrets,
)

AT = "2026-05-04T12:00:00.000Z"
_headers = TypeAdapter(Headers).validate_python
_changes = TypeAdapter(HeaderChanges).validate_python


def hours(number: float) -> str:
    return timestamps.plus(AT, number * 3_600)


def test_check_63_a_replaced_secret_signs_until_its_overlap_ends() -> None:
    first = WebhookSecrets.create()
    second = first.rotate(at=AT, overlap_hours=24)
    assert first.latest not in (second.latest, "")
    assert second.valid_at(AT) == second.valid_at(hours(23.9)) == [second.latest, first.latest]
    assert second.valid_at(hours(24)) == [second.latest]
    assert second.previous_until == hours(24)


def test_check_63_without_overlap_every_earlier_secret_ends_at_once() -> None:
    second = WebhookSecrets.create().rotate(at=AT, overlap_hours=24)
    third = second.rotate(at=hours(1), overlap_hours=0)
    assert third.valid_at(hours(1)) == [third.latest]
    assert third.previous_until is None
    assert len(third.secrets) == 1


def test_a_rotation_never_extends_the_time_of_an_earlier_secret() -> None:
    first = WebhookSecrets.create()
    second = first.rotate(at=AT, overlap_hours=2)
    third = second.rotate(at=hours(1), overlap_hours=168)
    assert third.valid_at(hours(1.9)) == [third.latest, second.latest, first.latest]
    assert third.valid_at(hours(2)) == [third.latest, second.latest]
    shorter = second.rotate(at=hours(1), overlap_hours=0)
    assert shorter.valid_at(hours(1)) == [shorter.latest]


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 20)), max_size=12))
def test_there_is_one_secret_without_an_end_and_never_too_many(rotations: list[tuple[int, int]]) -> None:
    secrets, now = WebhookSecrets.create(), 0
    for later, overlap in rotations:
        now += later
        try:
            secrets = secrets.rotate(at=hours(now), overlap_hours=overlap)
        except TooManySecrets:
            assert len(secrets.valid_at(hours(now))) == MAX_SECRETS
            secrets = secrets.rotate(at=hours(now), overlap_hours=0)
        assert [one.until is None for one in secrets.secrets] == [True] + [False] * (len(secrets.secrets) - 1)
        assert secrets.valid_at(hours(now))[0] == secrets.latest
        assert len(secrets.secrets) <= MAX_SECRETS


def test_headers_are_set_replaced_and_removed_whatever_their_case() -> None:
    made = WebhookSecrets.create({"Authorization": "Bearer a", "X-Team": "1"})
    changed = made.change_headers({"authorization": "Bearer b", "x-team": None, "A": "z"})
    assert changed.headers == {"authorization": "Bearer b", "A": "z"}
    assert changed.header_names == ["A", "authorization"]
    assert changed.secrets == made.secrets


def test_a_header_given_twice_and_a_sixth_one_are_refused() -> None:
    with pytest.raises(Invalid):
        WebhookSecrets.create({"X-A": "1", "x-a": "2"})
    full = WebhookSecrets.create({f"X-{number}": "1" for number in range(MAX_HEADERS)})
    with pytest.raises(Invalid):
        full.change_headers({"X-Another": "1"})
    assert "X-Another" in full.change_headers({"X-Another": "1", "X-0": None}).headers


@pytest.mark.parametrize(
    "name",
    [
        "Host", "host", "Content-Type", "CONTENT-LENGTH", "Webhook-Id", "webhook-signature", "User-Agent", "Connection",
        "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Authorization", "Expect", "Forwarded",
        "X-Forwarded-For", "Accept-Encoding", "", " ", "a b", "a:b", "a\nb", "a\r\nHost", "é", "x" * 65, "(a)",
        ":authority",
    ],
)  # fmt: skip
def test_a_name_that_is_reserved_or_no_token_is_refused(name: str) -> None:
    for check in (_headers, _changes):
        with pytest.raises(ValidationError):
            check({name: "1"})


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\nb", "a\r\nX-Other: b", "a\x00", "é", "\t", "x" * 1_001]
)
def test_a_value_that_could_end_the_header_is_refused(value: str) -> None:
    for check in (_headers, _changes):
        with pytest.raises(ValidationError):
            check({"X-A": value})


def test_nothing_that_is_printed_shows_a_secret() -> None:
    secrets = WebhookSecrets.create({"Authorization": "Bearer canary"}).rotate(at=AT, overlap_hours=1)
    printed = repr(secrets) + str(secrets)
    assert "whsec_" not in printed
    assert "canary" not in printed
