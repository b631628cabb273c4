"""The contacts of a user who is removed: a successor gets them, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.errors import Conflict, Invalid
from shared.domain.events import Event
from shared.domain.jobs.bulk import BulkRun
from shared.domain.tenant import Tenant


class RemovalQuery(BaseModel):
    """The next owner of the removed user's contacts: `successor_id`, or by `contacts=release` nobody."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    successor_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The active user who is to own the contacts, and to be the tenant's default owner where the "
        "removed user is that.",
    )
    contacts: Literal["release"] | None = Field(
        None, description="`release` leaves the contacts without an owner."
    )

    @property
    def is_settled(self) -> bool:
        """Whether it says what is to become of the contacts."""
        return self.successor_id is not None or self.contacts is not None

    def check(self, user_id: str) -> None:
        """Raises Invalid for two answers, and for the removed user as their own successor."""
        if self.successor_id is not None and self.contacts is not None:
            raise Invalid.field(
                "contacts", "contradiction", "Give a successor or release the contacts, not both."
            )
        if self.successor_id == user_id:
            raise Invalid.field("successor_id", "unknown_owner", "A removed user cannot succeed themselves.")


@dataclass(frozen=True, slots=True)
class HandoverPlan:
    """The records written with a user's removal. `settings`: the tenant before and after a change, and its event."""

    job: BulkRun | None = None
    settings: tuple[Tenant, Tenant, Event] | None = None


class OwnsContacts(Conflict):
    """The user owns contacts, or is the tenant's default owner, and it was not said who succeeds them."""

    code = "owns_contacts"

    def __init__(self, contacts: int, *, is_default_owner: bool) -> None:
        found = [f"owns {contacts:,} contacts"] if contacts else []
        found += ["is the default owner of new ones"] if is_default_owner else []
        super().__init__(
            f"The user {' and '.join(found)}. Say who succeeds them by successor_id, or leave the contacts without "
            "an owner by contacts=release."
        )
        self.contacts = contacts
