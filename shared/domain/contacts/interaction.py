"""The interactions on a contact's timeline."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.domain.timestamps import Timestamp

InteractionType = Literal["booking_created"]


class Interaction(BaseModel):
    """An entry of a contact's timeline, ordered by `occurred_at`. `created_at`: when it was recorded."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    contact_id: str
    type: InteractionType
    description: str
    occurred_at: Timestamp
    booking_id: str | None = None
    performed_by: str
    created_at: Timestamp
