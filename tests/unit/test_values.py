"""Identifiers, times, texts, telephone numbers and permissions."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import ids, timestamps
from shared.domain.callers import Caller, parse_grants
from shared.domain.errors import NotFound, PermissionDenied


def test_an_id_is_a_uuid_of_version_7_and_the_rfc_variant() -> None:
    made = uuid.UUID(ids.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_sort_by_the_time_they_were_made() -> None:
    assert ids.derived_id(1_000, "z") < ids.derived_id(1_001, "a")


@given(st.integers(0, 2**48 - 1), st.lists(st.text(), min_size=1))
def test_a_derived_id_is_the_same_each_time_and_a_valid_one(at: int, parts: list[str]) -> None:
    made = ids.derived_id(at, *parts)
    assert made == ids.derived_id(at, *parts)
    assert ids.is_id(made)
    assert uuid.UUID(made).version == 7
    assert ids.milliseconds_of(made) == at


def test_parts_do_not_run_into_one_another() -> None:
    assert ids.derived_id(1, "ab", "c") != ids.derived_id(1, "a", "bc")


def test_rows_of_one_moment_keep_their_order() -> None:
    made = [ids.derived_id(1, "import", str(row), ordinal=row) for row in range(2_000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0190-",
        "G" * 36,
        "0190A1B2-C3D4-4E5F-8A6B-0123456789AB",
        "0190a1b2-c3d4-4e5f-8a6b-0123456789ab\n",
    ],
)
def test_other_texts_are_not_taken_for_ids(text: str) -> None:
    assert not ids.is_id(text)


def test_a_time_is_stored_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 5, 4, 11, 30, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamps.normalize(moment) == "2026-05-04T09:30:00.001Z"


# ruff: noqa: DTZ001 (hypothesis wants its bounds naive, and naive times are what is refused)
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_times_sort_as_their_texts_do_and_survive_the_way_back(moment: datetime) -> None:
    text = timestamps.normalize(moment)
    assert timestamps.from_milliseconds(timestamps.to_milliseconds(text)) == text
    assert timestamps.plus(text, 0.001) > text


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 5, 4),
        datetime(1960, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_a_time_without_offset_or_out_of_range_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match="time"):
        timestamps.normalize(moment)


def test_an_admin_may_do_all_and_a_client_nothing_by_default() -> None:
    admin, client = Caller("t", "user", "u", "admin"), Caller("t", "client", "k", "client")
    assert admin.require("webhooks:manage") == "all"
    with pytest.raises(PermissionDenied, match="Insufficient permissions: contacts:read required"):
        client.require("contacts:read")


def test_a_user_reads_all_and_writes_own() -> None:
    user = Caller("t", "user", "u", "user")
    user.require_visible("someone else", "Contact")
    user.require_on("contacts:write", "u")
    with pytest.raises(PermissionDenied):
        user.require_on("contacts:write", "someone else")


def test_what_a_caller_may_not_see_looks_missing() -> None:
    client = Caller("t", "client", "k", "client", granted=parse_grants("contacts:read:own"))
    with pytest.raises(NotFound):
        client.require_visible(None, "Contact")


@pytest.mark.parametrize("text", ["contacts:read", "contacts:fly:all", "contacts:read:some", "x"])
def test_an_unknown_permission_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a permission"):
        parse_grants(text)
