"""A tenant's settings as callers see and change them."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain.callers import Visibility
from shared.domain.phone import is_country
from shared.domain.tenant import RateLimit, Tenant, TenantSettings, UniqueScope
from shared.domain.timestamps import Timestamp

Kept = TypeVar("Kept", TenantSettings, RateLimit)
_NO_TIMEZONES = {"Factory", "localtime"}
"""Which systems have among their time zones, and which are none."""


def _country(code: str) -> str:
    if not is_country(code):
        raise PydanticCustomError("unknown_country", "This is no ISO 3166-1 alpha-2 code of a country.")
    return code


@cache
def _timezones() -> set[str]:
    # By need, since it looks through some six hundred files. No path is ever made of what was given.
    from zoneinfo import available_timezones

    return available_timezones() - _NO_TIMEZONES


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise PydanticCustomError("unknown_timezone", "This is no name of the IANA time zone database.")
    return name


_Country = Annotated[str, Field(min_length=2, max_length=2), AfterValidator(_country)]
_Timezone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_timezone)]
_MaxTags = Annotated[int, Field(ge=1, le=100)]
_PerSecond = Annotated[int, Field(ge=1, le=200)]
_Burst = Annotated[int, Field(ge=1, le=1_000)]


class RateLimitShown(BaseModel):
    """How often each caller may call."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    requests_per_second: int
    burst: int


class SettingsShown(BaseModel):
    """A tenant's settings. `version` counts their changes, from 1; `updated_by` is null as long as there was none."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    default_country: str
    auto_clean_phone_numbers: bool
    max_tags_per_contact: int
    email_verification: bool
    require_email: bool
    unique_scope: UniqueScope
    visibility: Visibility
    timezone: str
    default_owner_id: str | None = None
    rate_limit: RateLimitShown
    version: int
    updated_at: Timestamp
    updated_by: str | None = None

    @classmethod
    def of(cls, tenant: Tenant) -> SettingsShown:
        """The settings of a tenant."""
        rate = tenant.settings.rate_limit
        given = {one.name: getattr(tenant.settings, one.name) for one in fields(TenantSettings)}
        given["rate_limit"] = RateLimitShown(requests_per_second=rate.requests_per_second, burst=rate.burst)
        return cls(
            **given,
            version=tenant.version,
            updated_at=tenant.updated_at or tenant.created_at,
            updated_by=tenant.updated_by,
        )


class RateLimitPatch(BaseModel):
    """A merge patch of the rate limit; null gives a field its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    requests_per_second: _PerSecond | None = Field(None, description="For long.", examples=[20])
    burst: _Burst | None = Field(None, description="At once.", examples=[40])


class SettingsPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a tenant's settings: what is absent stays, null gives a setting its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    default_country: _Country | None = Field(
        None,
        description="Assumed for telephone numbers without `+`: ISO 3166-1 alpha-2, in capitals.",
        examples=["GB"],
    )
    auto_clean_phone_numbers: bool | None = Field(
        None, description="Whether numbers may be given as people write them; else as E.164 alone."
    )
    max_tags_per_contact: _MaxTags | None = Field(
        None, description="Contacts that have more keep them until their tags are changed."
    )
    email_verification: bool | None = Field(
        None,
        description="Whether it takes contacts:write:all to say of a contact that its address is verified.",
    )
    require_email: bool | None = Field(None, description="Whether a contact must have an e-mail address.")
    unique_scope: UniqueScope | None = Field(
        None,
        description="Among whose contacts an address is unique. Changes only while the tenant has no contacts.",
    )
    visibility: Visibility | None = Field(
        None,
        description="Whether regular users see all contacts, or their own; in effect within about a minute.",
    )
    timezone: _Timezone | None = Field(
        None,
        description="A name of the IANA time zone database. Dates without a time are days in it; times in the API "
        "carry their own offset.",
        examples=["Europe/London"],
    )
    default_owner_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="An active user: the owner of contacts from bookings without an organizer among the users, and of "
        "imports that name no owner.",
        examples=["0f8f1c6e-2d3b-4a5c-8e7f-9a0b1c2d3e4f"],
    )
    rate_limit: RateLimitPatch | None = None

    def applied_to(self, settings: TenantSettings) -> TenantSettings:
        """The settings with what was given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.rate_limit is not None:
            rates = {name: getattr(self.rate_limit, name) for name in self.rate_limit.model_fields_set}
            given["rate_limit"] = _changed(settings.rate_limit, rates)
        return _changed(settings, given)


def _changed(kept: Kept, given: dict[str, Any]) -> Kept:
    """What is kept with the given fields, None standing for a field's default."""
    default = type(kept)()
    return replace(
        kept, **{name: getattr(default, name) if value is None else value for name, value in given.items()}
    )
