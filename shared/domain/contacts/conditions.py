"""The conditions on contacts as callers write them, in the query of a list or the filter of a dynamic group, and the
orders of lists.
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
# An unescaped plus sign in a URL is a space.
_SPACE_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
_MAX_LENGTH = 64


def _parse_moment(given: Any) -> str:
    """Return a time as a timestamp, and a date unchanged: it stands for the whole day in the tenant's time zone."""
    text = given.isoformat() if isinstance(given, datetime) else given
    try:
        if not isinstance(text, str) or len(text) > _MAX_LENGTH:
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
    PlainValidator(_parse_moment),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
"""A bound of a range: a time, or a date that stands for the whole day in the tenant's time zone."""
_FROM = "At or after this time; or on or after this day, in the tenant's time zone."
_TO = "At or before this time; or on or before this day, in the tenant's time zone."

ContactSort = Literal[
    "-created_at",
    "created_at",
    "name",
    "-updated_at",
    "-last_contacted_at",
    "-last_booking_at",
    "-total_bookings",
]
"""The orders of a list of contacts; a minus sign reverses one."""


class ContactConditions(BaseModel):
    """Conditions that must all hold. A condition that is null or left out is not checked."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    search: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="Beginnings of words of the name, the company, an e-mail address or its domain, in any order; case "
        "and accents are ignored. Or a telephone number, or its last four or more digits.",
        examples=["ada love"],
    )
    email: str | None = Field(None, max_length=254, description="The contact with this e-mail address.")
    phone: str | None = Field(None, max_length=64, description="Contacts with this telephone number.")
    tags: str | None = Field(
        None,
        max_length=1000,
        description="Names of tags, separated by commas. A contact must have all of them.",
        examples=["vip"],
    )
    type: str | None = Field(None, min_length=1, max_length=100, description="The name or id of a type.")
    group: str | None = Field(
        None, min_length=1, max_length=100, description="The name or id of a group, static or dynamic."
    )
    owner_id: str | None = Field(None, min_length=1, max_length=100)
    organizer_id: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The id of a user who organizes bookings of the contact.",
    )
    customer_id: str | None = Field(None, min_length=1, max_length=100)
    is_primary: bool | None = Field(
        None, description="Whether the contact is the primary contact of its customer."
    )
    relationship_status: RelationshipStatus | None = None
    lifecycle_stage: LifecycleStage | None = None
    source: Source | None = None
    is_active: bool | None = None
    active: bool | None = Field(None, description="Another name for `is_active`.")
    has_bookings: bool | None = None
    created_from: Moment | None = Field(None, description=_FROM)
    created_to: Moment | None = Field(None, description=_TO)
    updated_from: Moment | None = Field(None, description=_FROM)
    updated_to: Moment | None = Field(None, description=_TO)
    last_booking_from: Moment | None = Field(None, description=_FROM)
    last_booking_to: Moment | None = Field(None, description=_TO)
    last_contacted_from: Moment | None = Field(None, description=_FROM)
    last_contacted_to: Moment | None = Field(None, description=_TO)
