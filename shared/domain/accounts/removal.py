"""The removal of a user, and what becomes of the contacts that the user owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.errors import Conflict, Invalid
from shared.domain.events import Event
from shared.domain.jobs.bulk import BulkRun
from shared.domain.tenant import Tenant

HANDOVER_SECONDS = 180
"""Seconds from the removal of a user to the job that hands over their contacts.

API Gateway admits the user for 60 s more: for as long it keeps the authorizer's answer (`ReauthorizeEvery` in
infra/template.yaml), which may have been under way for 10 s when the user was removed. A request that begins in the
last of these seconds ends after 15 s at most (`Timeout` in the template). The other 95 s are for the projections of
what it created: the job finds contacts in the lists, which are about a second behind, and more under load.
"""
SUCCESSION_SECONDS = 31 * 86_400
"""Seconds for which the successor of a removed user is kept: longer than the 30 days for which a deleted contact of
that user can be restored."""


class RemovalQuery(BaseModel):
    """The next owner of the removed user's contacts: `successor_id`, or none with `contacts=release`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    successor_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The active user who becomes the owner of the contacts, and the tenant's default owner if the "
        "removed user is the default owner.",
    )
    contacts: Literal["release"] | None = Field(
        None, description="`release` leaves the contacts without an owner."
    )

    @property
    def decides_ownership(self) -> bool:
        """Whether the query says what becomes of the contacts."""
        return self.successor_id is not None or self.contacts is not None

    def check(self, user_id: str) -> None:
        """Raises Invalid if both fields are given, or if the removed user is the successor."""
        if self.successor_id is not None and self.contacts is not None:
            raise Invalid.field(
                "contacts", "contradiction", "Give a successor or release the contacts, not both."
            )
        if self.successor_id == user_id:
            raise Invalid.field("successor_id", "unknown_owner", "A removed user cannot succeed themselves.")


@dataclass(frozen=True, slots=True)
class HandoverPlan:
    """The records to write together with the removal of a user.

    `successor_id`: the user who was named as the successor, if any. `job`: the job that changes the owner of the
    contacts. `settings`: the tenant before and after the change of its default owner, and the event of that change.
    """

    successor_id: str | None = None
    job: BulkRun | None = None
    settings: tuple[Tenant, Tenant, Event] | None = None


class OwnsContacts(Conflict):
    """The user owns contacts, or is the tenant's default owner, and no successor was named."""

    code = "owns_contacts"

    def __init__(self, contacts: int, *, is_default_owner: bool) -> None:
        found = [f"owns {contacts:,} contacts"] if contacts else []
        found += ["is the default owner of new ones"] if is_default_owner else []
        super().__init__(
            f"The user {' and '.join(found)}. Say who succeeds them by successor_id, or leave the contacts without "
            "an owner by contacts=release."
        )
        self.contacts = contacts
