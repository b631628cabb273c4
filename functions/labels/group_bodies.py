"""Bodies of the routes of groups' contacts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.bulk import MAX_TOGETHER


class GroupMembersInput(BaseModel):
    """The contacts that join or leave a group."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    contact_ids: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=MAX_TOGETHER)
