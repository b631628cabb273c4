"""The conditions by which contacts are chosen, as callers write them: in a list's query, in a dynamic group;
and the orders in which they are shown.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.contacts.record import LifecycleStage, RelationshipStatus, Source
from shared.domain.days import is_date
from shared.domain.timestamps import FIRST_YEAR, normalize

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
# In a URL a plus sign stands for a space, and is easily left as it is.
_SPACE_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
_MOST = 64


def _moment(given: Any) -> str:
    """A time as a timestamp; a date as it is, for the whole day in the tenant's time zone."""
    text = given.isoformat() if isinstance(given, datetime) else given
    try:
        if not isinstance(text, str) or len(text) > _MOST:
            raise ValueError
        text = text.strip()
        if is_date(text):
            if date.fromisoformat(text).year < FIRST_YEAR:
                raise ValueError
            return text
        text = _SPACE_FOR_PLUS.sub("+", text) if text[10:11] in ("T", "t") else text
        if not _TIME.fullmatch(text):
            raise ValueError
        return normalize(datetime.fromisoformat(text.upper()))
    except ValueError:
        raise PydanticCustomError(
            "time",
            "This must be a date, such as 2026-05-04, or a time with its offset from UTC, such as "
            "2026-05-04T09:30:00Z, of the years 1970 to 9999.",
        ) from None


Moment = Annotated[
    str,
    PlainValidator(_moment),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
"""A bound of a range: a time, or a date, which stands for the whole day in the tenant's time zone."""
_FROM = "From this time on; or on or after this day, in the tenant's time zone."
_TO = "Up to this time; or on or before this day, in the tenant's time zone."

ContactSort = Literal[
    "-created_at",
    "created_at",
    "name",
    "-updated_at",
    "-last_contacted_at",
    "-last_booking_at",
    "-total_bookings",
]
"""The orders of a list of contacts; a minus sign turns one round."""


class ContactConditions(BaseModel):
    """Conditions that must all hold; null or left out for those not asked for."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    search: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="Beginnings of words of the name or company, of an e-mail address or its domain, in any order and "
        "without regard to case or accents; or a telephone number, or four or more digits at its end.",
        examples=["ada love"],
    )
    email: str | None = Field(None, max_length=254, description="The contact with this address.")
    phone: str | None = Field(None, max_length=64, description="Contacts with this number.")
    tags: str | None = Field(
        None,
        max_length=1000,
        description="Names of tags, separated by commas; all of them.",
        examples=["vip"],
    )
    type: str | None = Field(None, min_length=1, max_length=100, description="A type's name or id.")
    group: str | None = Field(
        None, min_length=1, max_length=100, description="A group's name or id, be it static or dynamic."
    )
    owner_id: str | None = Field(None, min_length=1, max_length=100)
    organizer_id: str | None = Field(
        None, min_length=1, max_length=100, description="A user who organizes bookings of the contact."
    )
    customer_id: str | None = Field(None, min_length=1, max_length=100)
    is_primary: bool | None = Field(None, description="Whether it is its customer's primary contact.")
    relationship_status: RelationshipStatus | None = None
    lifecycle_stage: LifecycleStage | None = None
    source: Source | None = None
    is_active: bool | None = None
    active: bool | None = Field(None, description="The same as `is_active`.")
    has_bookings: bool | None = None
    created_from: Moment | None = Field(None, description=_FROM)
    created_to: Moment | None = Field(None, description=_TO)
    updated_from: Moment | None = Field(None, description=_FROM)
    updated_to: Moment | None = Field(None, description=_TO)
    last_booking_from: Moment | None = Field(None, description=_FROM)
    last_booking_to: Moment | None = Field(None, description=_TO)
    last_contacted_from: Moment | None = Field(None, description=_FROM)
    last_contacted_to: Moment | None = Field(None, description=_TO)
