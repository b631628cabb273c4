"""Booking events as the scheduling product sends them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.timestamps import normalize

# Ids of the scheduling product: any printable word without spaces.
ForeignId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
Moment = Annotated[datetime, AfterValidator(normalize)]


class BookingCreated(BaseModel):
    """An appointment was made. Fields this version does not know are let through and not kept.

    `occurred_at`, `starts_at` and `ends_at` come out as timestamps of `shared.domain.timestamps`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    event_id: ForeignId
    occurred_at: Moment
    tenant_id: ForeignId
    booking_id: ForeignId
    organizer_id: ForeignId | None = None
    organizer_email: str | None = Field(None, max_length=1000)
    invitee_name: str = Field("", max_length=1000)
    invitee_email: str = Field(max_length=1000)
    invitee_phone: str | None = Field(None, max_length=1000)
    starts_at: Moment
    ends_at: Moment | None = None
    title: str = Field("", max_length=1000)
    metadata: dict[str, Any] = Field(default_factory=dict)
    version: int = Field(1, ge=0)
