"""The settings of a tenant, as the API shows and changes them."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain.accounts.tag_rules import TagRuleBody, TagRules
from shared.domain.callers import Visibility
from shared.domain.contacts.custom_fields import is_field_name
from shared.domain.import_options_input import Country, ImportDefaultsInput, ImportDefaultsShown
from shared.domain.tenant import RateLimit, Tenant, TenantSettings, UniqueScope
from shared.domain.timestamps import Timestamp

Stored = TypeVar("Stored", TenantSettings, RateLimit)
_NO_TIMEZONES = {"Factory", "localtime"}
"""Names that some systems list among their time zones although they are none."""


@cache
def _timezones() -> set[str]:
    # Imported when needed, since it lists some six hundred files. The name of a caller never becomes a path.
    from zoneinfo import available_timezones

    return available_timezones() - _NO_TIMEZONES


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise PydanticCustomError("unknown_timezone", "This is no name of the IANA time zone database.")
    return name


def _field_name(name: str) -> str:
    if not is_field_name(name):
        message = (
            "This is no name of a custom field: 1 to 50 of the characters a-z, 0-9 and _, a letter first."
        )
        raise PydanticCustomError("field_name", message)
    return name


_FieldName = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_field_name)]
_Timezone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_timezone)]
_MaxTags = Annotated[int, Field(ge=1, le=100)]
_PerSecond = Annotated[int, Field(ge=1, le=200)]
_Burst = Annotated[int, Field(ge=1, le=1_000)]


class RateLimitShown(BaseModel):
    """The rate limit of each caller."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    requests_per_second: int
    burst: int


class SettingsShown(BaseModel):
    """A tenant's settings. `version` counts the changes, from 1; `updated_by` is null before the first change."""

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
    duplicate_key: str | None = None
    rate_limit: RateLimitShown
    tag_rules: list[TagRuleBody] = []
    import_defaults: ImportDefaultsShown
    version: int
    updated_at: Timestamp
    updated_by: str | None = None

    @classmethod
    def of(cls, tenant: Tenant) -> SettingsShown:
        """Return the settings of a tenant."""
        rate = tenant.settings.rate_limit
        given = {one.name: getattr(tenant.settings, one.name) for one in fields(TenantSettings)}
        given["tag_rules"] = [TagRuleBody.of(rule) for rule in tenant.settings.tag_rules]
        given["import_defaults"] = ImportDefaultsShown.of(tenant.settings.import_defaults)
        given["rate_limit"] = RateLimitShown(requests_per_second=rate.requests_per_second, burst=rate.burst)
        return cls(
            **given,
            version=tenant.version,
            updated_at=tenant.updated_at or tenant.created_at,
            updated_by=tenant.updated_by,
        )


class RateLimitPatch(BaseModel):
    """A merge patch of the rate limit; null resets a field to its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    requests_per_second: _PerSecond | None = Field(None, description="The sustained rate.", examples=[20])
    burst: _Burst | None = Field(None, description="The largest number of requests at once.", examples=[40])


class SettingsPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a tenant's settings: absent settings stay, null resets one to its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    default_country: Country | None = Field(
        None,
        description="The country of telephone numbers without `+`: ISO 3166-1 alpha-2, in capitals.",
        examples=["GB"],
    )
    auto_clean_phone_numbers: bool | None = Field(
        None,
        description="Whether telephone numbers are accepted in any common notation; otherwise only in E.164.",
    )
    max_tags_per_contact: _MaxTags | None = Field(
        None, description="Contacts with more tags keep them until their tags are changed."
    )
    email_verification: bool | None = Field(
        None,
        description="Whether only callers with contacts:write:all may mark a contact's e-mail address as verified.",
    )
    require_email: bool | None = Field(None, description="Whether a contact must have an e-mail address.")
    unique_scope: UniqueScope | None = Field(
        None,
        description="Where an e-mail address must be unique: among all contacts of the tenant, or among those of one "
        "customer. Can only be changed while the tenant has no contacts.",
    )
    visibility: Visibility | None = Field(
        None,
        description="Whether regular users see all contacts or only their own. Takes effect within about a minute.",
    )
    timezone: _Timezone | None = Field(
        None,
        description="A name of the IANA time zone database. Dates without a time are days in this time zone; times in "
        "the API have their own offset.",
        examples=["Europe/London"],
    )
    default_owner_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The id of an active user: the owner of contacts from bookings whose organizer is not a user, and "
        "from imports that name no owner.",
        examples=["0f8f1c6e-2d3b-4a5c-8e7f-9a0b1c2d3e4f"],
    )
    duplicate_key: _FieldName | None = Field(
        None,
        description="A custom field that identifies people, such as a member's number. Contacts with the same value of "
        "it are found as duplicates, as those with the same `national_id` are. A change reaches all contacts within "
        "minutes.",
        examples=["member_number"],
    )
    rate_limit: RateLimitPatch | None = None
    tag_rules: TagRules | None = Field(
        None,
        description="Rules that tag contacts when an interaction is recorded or a booking event arrives. All rules for "
        "an occasion are applied in their order; tags beyond `max_tags_per_contact` are left out. Replaced as a whole.",
    )

    import_defaults: ImportDefaultsInput | None = Field(
        None,
        description="The default options of imports: those of dropped files, and of other imports unless they give "
        "their own. `mapping`, `tags` and `groups` are each replaced as a whole.",
    )

    def apply_to(self, settings: TenantSettings) -> TenantSettings:
        """Return the settings with the patch applied."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.rate_limit is not None:
            rates = {name: getattr(self.rate_limit, name) for name in self.rate_limit.model_fields_set}
            given["rate_limit"] = _merge(settings.rate_limit, rates)
        if self.import_defaults is not None:
            given["import_defaults"] = self.import_defaults.apply_to(settings.import_defaults)
        if self.tag_rules is not None:
            given["tag_rules"] = tuple(rule.to_rule() for rule in self.tag_rules)
        return _merge(settings, given)


def _merge(stored: Stored, given: dict[str, Any]) -> Stored:
    """Return the stored value with the given fields; None resets a field to its default."""
    default = type(stored)()
    return replace(
        stored, **{name: getattr(default, name) if value is None else value for name, value in given.items()}
    )
