"""The conditions by which contacts are chosen, as callers write them: in a list's query, in a dynamic group;
and the orders in which they are shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.contact import LifecycleStage, RelationshipStatus, Source
from shared.domain.timestamps import normalize

Moment = Annotated[datetime, AfterValidator(normalize)]
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
    customer_id: str | None = Field(None, min_length=1, max_length=100)
    is_primary: bool | None = Field(None, description="Whether it is its customer's primary contact.")
    relationship_status: RelationshipStatus | None = None
    lifecycle_stage: LifecycleStage | None = None
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
