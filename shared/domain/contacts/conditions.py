"""The conditions on contacts as callers write them, in the query of a list or the filter of a dynamic group, and the
orders of lists.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.record import Source
from shared.domain.contacts.status import LifecycleStage, RelationshipStatus
from shared.domain.moments import FROM, TO, Moment

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
    created_from: Moment | None = Field(None, description=FROM)
    created_to: Moment | None = Field(None, description=TO)
    updated_from: Moment | None = Field(None, description=FROM)
    updated_to: Moment | None = Field(None, description=TO)
    last_booking_from: Moment | None = Field(None, description=FROM)
    last_booking_to: Moment | None = Field(None, description=TO)
    last_contacted_from: Moment | None = Field(None, description=FROM)
    last_contacted_to: Moment | None = Field(None, description=TO)
