"""Booking events as the scheduling product sends them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from shared.domain.characters import one_line
from shared.domain.timestamps import normalize

MAX_TEXT = 1_000
"""Characters that are kept of a title or a name; what is longer is cut."""
_MAX_VERSION = 2**53 - 1


def _as_text(given: Any) -> Any:
    """A number as the text that it is; other values as they are. Senders differ in how they write ids."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


def _as_line(given: Any) -> Any:
    given = _as_text(given)
    return one_line(given) if isinstance(given, str) else given


def _as_cut_line(given: Any) -> str:
    """One line of at most MAX_TEXT characters; nothing for what is no text. NUL and lone surrogates are left out."""
    text = _as_text(given)
    if not isinstance(text, str):
        return ""
    # No more of it than may be kept is cleaned: a sender's text has no other bound.
    plain = text[: 4 * MAX_TEXT].replace("\0", "").encode("utf-8", "ignore").decode()
    return one_line(plain)[:MAX_TEXT].rstrip()


def _as_moment(given: Any) -> Any:
    """A time in any notation of ISO 8601 that says which it is, such as `20310308T150000+02`."""
    if not isinstance(given, str):
        return given
    text = one_line(given).upper()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _or_none(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """None for what an optional field cannot be: a trifle never costs a booking."""
    try:
        return check(given)
    except ValidationError:
        return None


def _or_first(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """1 for what is no version."""
    try:
        return 1 if isinstance(given, bool) else check(given)
    except ValidationError:
        return 1


def _or_empty(given: Any) -> Any:
    return given if isinstance(given, dict) else {}


# Ids of the scheduling product: any printable word without spaces.
ForeignId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$"), BeforeValidator(_as_line)
]
Moment = Annotated[datetime, AfterValidator(normalize), BeforeValidator(_as_moment)]
_Line = Annotated[str, BeforeValidator(_as_cut_line)]


class BookingCreated(BaseModel):
    """An appointment was made. Fields this version does not know are let through and not kept.

    Required are the ids, the times and the invitee's address. In all others null and what they cannot be count as
    absent, numbers pass as text, and too long a text is cut. `occurred_at`, `starts_at` and `ends_at` come out as
    timestamps of `shared.domain.timestamps`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    event_id: ForeignId
    occurred_at: Moment
    tenant_id: ForeignId
    booking_id: ForeignId
    organizer_id: Annotated[ForeignId | None, WrapValidator(_or_none)] = None
    organizer_email: _Line = ""
    invitee_name: _Line = ""
    invitee_email: Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_as_text)]
    invitee_phone: _Line = ""
    starts_at: Moment
    ends_at: Annotated[Moment | None, WrapValidator(_or_none)] = None
    title: _Line = ""
    metadata: Annotated[dict[str, Any], BeforeValidator(_or_empty)] = Field(default_factory=dict)
    version: Annotated[int, Field(ge=0, le=_MAX_VERSION), WrapValidator(_or_first)] = 1
