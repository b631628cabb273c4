"""What a list of contacts can be asked for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.conditions import ContactConditions, ContactSort
from shared.http.listing import NumberedListQuery


class ContactListQuery(NumberedListQuery, ContactConditions):
    """Which contacts, in which order. Conditions are joined by AND."""

    sort: ContactSort | None = Field(
        None,
        description="Newest first, if not given; with `search`, by the word found. `name` is the last name, then the "
        "first, without regard to case or accents. Contacts without the value come last, newest first. Orders other "
        "than by creation are given at any size for the whole list and with `is_active=true`, `source=api` or "
        "bounds of the time they go by; under other conditions up to 2,000 matches are sorted (400 `too_many_to_sort` "
        "beyond that, `too_broad` where too many would have to be looked through).",
    )
    include_total: bool = Field(
        False,
        description="Count a combination of conditions too, within the request's budget of rows and time: when that "
        "does not suffice, `total` is null and `total_at_least` says how many were met.",
    )


class CompanyCount(BaseModel):
    """A company and how many contacts have it."""

    model_config = ConfigDict(defer_build=True)

    company: str = Field(
        description="As one of its contacts spells it; case, accents and spaces do not count."
    )
    contacts: int


class CustomerStats(BaseModel):
    """The tenant's customers in numbers; for callers who see their own contacts alone, those these belong to."""

    model_config = ConfigDict(defer_build=True)

    total: int
    with_contacts: int
    without_contacts: int


class ContactStats(BaseModel):
    """The contacts in numbers that follow within about a second: the tenant's, or the caller's own where they see no
    others."""

    model_config = ConfigDict(defer_build=True)

    total: int
    active: int
    inactive: int
    primary: int = Field(description="Contacts that are their customer's primary one.")
    customers: CustomerStats
    with_bookings: int
    bookings: int
    bookings_per_contact: float
    interactions: int
    by_source: dict[str, int]
    by_relationship_status: dict[str, int]
    by_lifecycle_stage: dict[str, int]
    by_tag: dict[str, int]
    by_type: dict[str, int]
    by_group: dict[str, int] = Field(
        description="Static groups; how many a dynamic one finds, nobody counts."
    )
    top_companies: list[CompanyCount] = Field(
        description="The ten companies with the most contacts, of those with at least two."
    )
