"""What a list of contacts can be asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.contact import Source
from shared.domain.timestamps import normalize
from shared.http.listing import ListQuery

Moment = Annotated[datetime, AfterValidator(normalize)]
Sort = Literal[
    "-created_at",
    "created_at",
    "name",
    "-updated_at",
    "-last_contacted_at",
    "-last_booking_at",
    "-total_bookings",
]


class ContactConditions(BaseModel):
    """Which contacts are meant. Conditions are joined by AND."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    search: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Beginnings of words of name or company, of the e-mail address or its domain, in any order and "
        "without regard to case or accents; or four or more digits at the end of a telephone number.",
        examples=["ada love"],
    )
    email: str | None = Field(None, max_length=254, description="The contact with this address.")
    phone: str | None = Field(None, max_length=64, description="Contacts with this number.")
    tags: str | None = Field(None, max_length=1000, description="Tags, separated by commas; all of them.")
    owner_id: str | None = Field(None, min_length=1, max_length=100)
    source: Source | None = None
    is_active: bool | None = None
    active: bool | None = Field(None, description="The same as `is_active`.")
    has_bookings: bool | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    updated_from: Moment | None = None
    updated_to: Moment | None = None
    last_booking_from: Moment | None = None
    last_booking_to: Moment | None = None
    last_contacted_from: Moment | None = None
    last_contacted_to: Moment | None = None


class ContactListQuery(ContactConditions, ListQuery):
    """Which contacts, in which order."""

    sort: Sort | None = Field(
        None,
        description="Newest first, if not given; with `search`, by the word found. Orders other than by creation "
        "sort up to 2,000 matches.",
    )
    include_total: bool = Field(
        False, description="Count a combination of conditions too. Costs as much as reading all that match."
    )


class ContactStats(BaseModel):
    """The tenant's contacts in numbers, from counters that follow within about a second."""

    total: int
    active: int
    inactive: int
    with_bookings: int
    bookings: int
    bookings_per_contact: float
    interactions: int
    by_source: dict[str, int]
    by_tag: dict[str, int] = Field(description="Tags in lower case.")
