"""Tenants: businesses, each with the settings under which its records are validated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from shared.domain.callers import Visibility
from shared.domain.events import TENANT_CREATED, TENANT_UPDATED, Changes, Event, compare_fields
from shared.domain.import_options import ImportOptions
from shared.domain.stamp import Stamp
from shared.domain.tag_rules import TagRule

UniqueScope = Literal["tenant", "customer"]
"""The contacts among which an e-mail address is unique: all of the tenant, or those of the same customer. In the second
case telephone and WhatsApp numbers are unique too, and contacts without a customer form a scope of their own."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The rate limit of each caller of a tenant: `requests_per_second` sustained, and up to `burst` at once."""

    requests_per_second: int = 100
    burst: int = 200

    def __post_init__(self) -> None:
        if self.requests_per_second < 1 or self.burst < 1:
            raise ValueError("a rate limit lets at least one request through")

    def __str__(self) -> str:
        """Return the text form, such as `100:200`."""
        return f"{self.requests_per_second}:{self.burst}"

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """Return a limit from its text form. Raises ValueError if the text is not a valid limit."""
        requests_per_second, burst = text.split(":")
        return cls(int(requests_per_second), int(burst))


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """The settings of a tenant; the defaults are those of a new tenant."""

    default_country: str = "US"
    auto_clean_phone_numbers: bool = True
    max_tags_per_contact: int = 10
    require_email: bool = True
    unique_scope: UniqueScope = "tenant"
    email_verification: bool = False
    visibility: Visibility = "tenant"
    timezone: str = "UTC"
    default_owner_id: str | None = None
    duplicate_key: str | None = None
    rate_limit: RateLimit = RateLimit()
    tag_rules: tuple[TagRule, ...] = ()
    import_defaults: ImportOptions = field(default_factory=ImportOptions)

    def find_tag_rules(self, *, interaction: str | None = None, booking: str | None = None) -> list[TagRule]:
        """Return the rules for an occasion, in their order: an interaction of a type that a caller records, or a
        booking event that leaves its booking in a state.
        """
        return [
            rule
            for rule in self.tag_rules
            if (rule.on.interaction, rule.on.booking) == (interaction, booking)
        ]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A business that uses the system. The callers of a suspended tenant are refused.

    `version` counts the changes of the settings and of `suspended`, from 1. `updated_at` and `updated_by`: None before
    the first change.
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

    @classmethod
    def open(
        cls, tenant_id: str, name: str, settings: TenantSettings | None = None, *, stamp: Stamp
    ) -> tuple[Tenant, Event]:
        """Return a new tenant and its `tenant.created` event."""
        made = cls(
            tenant_id, name, stamp.at, settings=settings or TenantSettings(), last_event=stamp.event_id
        )
        changes = compare_fields(_audited_fields(TenantSettings()), _audited_fields(made.settings))
        given = {field_name: (None, new) for field_name, (_, new) in changes.items()}
        return made, made._event(TENANT_CREATED, {"name": (None, name), **given}, stamp)

    def change(self, settings: TenantSettings, *, stamp: Stamp) -> tuple[Tenant, Event] | None:
        """Return the tenant with other settings, and its `tenant.updated` event; None if nothing changes."""
        changes = compare_fields(_audited_fields(self.settings), _audited_fields(settings))
        if not changes:
            return None
        after = replace(
            self,
            settings=settings,
            version=self.version + 1,
            **stamp.change_fields(),
        )
        return after, after._event(TENANT_UPDATED, changes, stamp)

    def suspend(self, *, is_suspended: bool, stamp: Stamp) -> tuple[Tenant, Event] | None:
        """Return the tenant suspended or no longer suspended, and its `tenant.updated` event; None if it is already."""
        if is_suspended == self.suspended:
            return None
        after = replace(self, suspended=is_suspended, version=self.version + 1, **stamp.change_fields())
        return after, after._event(TENANT_UPDATED, {"suspended": (self.suspended, is_suspended)}, stamp)

    def _event(self, event_type: str, changes: Changes, stamp: Stamp) -> Event:
        """Return the event of the change that led to this version."""
        return Event(
            id=stamp.event_id,
            type=event_type,
            entity="tenant",
            entity_id=self.id,
            at=stamp.at,
            actor=stamp.caller.actor,
            origin=stamp.caller.origin,
            version=self.version,
            changes=changes,
        )


def _audited_fields(settings: TenantSettings) -> dict[str, Any]:
    """Return the settings by name, each figure of the rate limit and each default of imports as a field."""
    fields = asdict(settings)
    return fields | {
        f"{group}.{name}": value
        for group in ("rate_limit", "import_defaults")
        for name, value in fields.pop(group).items()
    }
