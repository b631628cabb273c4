"""Query parameters of the list of contacts, and the models of its statistics."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.conditions import ContactConditions, ContactSort
from shared.http.listing import NumberedListQuery


class ContactListQuery(NumberedListQuery, ContactConditions):
    """The contacts to list and their order. All conditions must hold."""

    sort: ContactSort | None = Field(
        None,
        description="Default: newest first; with `search`, by the word found. `name` sorts by last name, then first "
        "name; case and accents do not matter. Contacts without the value come last, newest first. Orders other than "
        "by creation are available at any size for the whole list, and with `is_active=true`, `source=api` or bounds "
        "of the time that is sorted by. With other conditions, up to 2,000 matches are sorted. Beyond that the answer "
        "is 400 `too_many_to_sort`, or `too_broad` if too many contacts would have to be examined.",
    )
    include_total: bool = Field(
        False,
        description="Count combinations of conditions too, within the request's budget of rows and time. If the budget "
        "does not suffice, `total` is null and `total_at_least` is the number counted so far.",
    )


class ContactQuery(BaseModel):
    """The version of a contact to read."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    version: int | None = Field(
        None,
        ge=1,
        le=2**53 - 1,
        description="The contact as it was at this version, one of its last 500. An older one is 400 "
        "`version_too_old`. Default: the contact as it is.",
    )


class CreationQuery(BaseModel):
    """The parts of the answer to a creation that a caller may ask for."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    check_duplicates: bool = Field(
        False,
        description="Include `possible_duplicates`: contacts that may be the same person. The contact is created in "
        "any case.",
    )


class CompanyCount(BaseModel):
    """A company and its number of contacts."""

    model_config = ConfigDict(defer_build=True)

    company: str = Field(
        description="In the spelling of one of its contacts. Case, accents and spaces do not matter."
    )
    contacts: int


class CustomerStats(BaseModel):
    """Counts of the tenant's customers. For callers who see only their own contacts: of the customers of these."""

    model_config = ConfigDict(defer_build=True)

    total: int
    with_contacts: int
    without_contacts: int


class InteractionCounts(BaseModel):
    """Interactions in a period."""

    model_config = ConfigDict(defer_build=True)

    total: int
    by_type: dict[str, int]


_RECENT = (
    "Interactions that occurred on one of the last {} days in the tenant's time zone, today included. Also counts "
    "interactions of contacts that were deleted or purged since, and those planned for later today. For callers who "
    "see only their own contacts: interactions of these, or null if there are too many to count."
)


class ContactStats(BaseModel):
    """Counts of the tenant's contacts, or of the caller's own if the caller sees no others. They follow changes within
    about a second.
    """

    model_config = ConfigDict(defer_build=True)

    total: int
    active: int
    inactive: int
    primary: int = Field(description="Contacts that are the primary contact of their customer.")
    customers: CustomerStats
    with_bookings: int
    bookings: int
    bookings_per_contact: float
    interactions: int = Field(description="Interactions of all time.")
    interactions_last_7_days: InteractionCounts | None = Field(description=_RECENT.format(7))
    interactions_last_30_days: InteractionCounts | None = Field(description=_RECENT.format(30))
    by_source: dict[str, int]
    by_relationship_status: dict[str, int]
    by_lifecycle_stage: dict[str, int]
    by_tag: dict[str, int]
    by_type: dict[str, int]
    by_group: dict[str, int] = Field(
        description="Static groups only. The contacts of dynamic groups are not counted."
    )
    top_companies: list[CompanyCount] = Field(
        description="The ten companies with the most contacts, of those with at least two."
    )
