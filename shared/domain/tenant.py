"""A tenant: one business, and the settings under which its records are validated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from shared.domain.callers import Visibility
from shared.domain.events import TENANT_UPDATED, Event, compare_fields
from shared.domain.stamp import Stamp

UniqueScope = Literal["tenant", "customer"]
"""Among whose contacts an e-mail address is unique: all the tenant's, or those of one customer. In the second case
telephone and WhatsApp numbers are too, and contacts without a customer share one scope of their own."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often each caller of a tenant may call: `requests_per_second` for long, and at once up to `burst`."""

    requests_per_second: int = 100
    burst: int = 200

    def __post_init__(self) -> None:
        if self.requests_per_second < 1 or self.burst < 1:
            raise ValueError("a rate limit lets at least one request through")

    def __str__(self) -> str:
        """The written form, such as `100:200`."""
        return f"{self.requests_per_second}:{self.burst}"

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """A limit from its written form. Raises ValueError for what is none."""
        requests_per_second, burst = text.split(":")
        return cls(int(requests_per_second), int(burst))


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant may set; the defaults are those of a new tenant."""

    default_country: str = "US"
    auto_clean_phone_numbers: bool = True
    max_tags_per_contact: int = 10
    require_email: bool = True
    unique_scope: UniqueScope = "tenant"
    email_verification: bool = False
    visibility: Visibility = "tenant"
    timezone: str = "UTC"
    default_owner_id: str | None = None
    rate_limit: RateLimit = RateLimit()


@dataclass(frozen=True, slots=True)
class Tenant:
    """One business. A suspended tenant's doors are shut.

    `version` counts the changes of its settings, from 1. `updated_at` and `updated_by`: None as long as there was none.
    """

    id: str
    name: str
    created_at: str
    suspended: bool = False
    settings: TenantSettings = field(default_factory=TenantSettings)
    version: int = 1
    updated_at: str | None = None
    updated_by: str | None = None
    last_event: str = ""

    def change(self, settings: TenantSettings, *, stamp: Stamp) -> tuple[Tenant, Event] | None:
        """The tenant with other settings, and its `tenant.updated`; None when they are the same."""
        changes = compare_fields(_told(self.settings), _told(settings))
        if not changes:
            return None
        after = replace(
            self,
            settings=settings,
            version=self.version + 1,
            **stamp.change_fields(),
        )
        event = Event(
            id=stamp.event_id,
            type=TENANT_UPDATED,
            entity="tenant",
            entity_id=self.id,
            at=stamp.at,
            actor=stamp.caller.actor,
            origin=stamp.caller.origin,
            version=after.version,
            changes=changes,
        )
        return after, event


def _told(settings: TenantSettings) -> dict[str, Any]:
    """All settings by name, the rates each by itself."""
    told = asdict(settings)
    return told | {f"rate_limit.{name}": value for name, value in told.pop("rate_limit").items()}
