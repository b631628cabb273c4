"""Duplicates as callers request them and as the API answers them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown
from shared.domain.duplicates.score import Comparison, Reason
from shared.domain.errors import Invalid
from shared.domain.timestamps import Timestamp

_ContactId = Annotated[str, Field(min_length=1, max_length=100)]


class ShortContact(BaseModel):
    """The fields of a contact by which people recognise it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    full_name: str
    email: str | None
    phone: str | None
    company: str
    owner_id: str | None
    created_at: Timestamp

    @classmethod
    def of(cls, contact: Contact) -> ShortContact:
        """Return these fields of a contact."""
        return cls.model_construct(**{name: getattr(contact, name) for name in cls.model_fields})


class Duplicate(BaseModel):
    """Two contacts that may be one person. `score`: how likely that is. `reasons`: the strongest first."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    contact_ids: list[str] = Field(min_length=2, max_length=2)
    contacts: list[ShortContact] = Field(min_length=2, max_length=2)
    score: int = Field(ge=0, le=100)
    reasons: list[Reason]

    @classmethod
    def of(cls, one: Contact, other: Contact, comparison: Comparison) -> Duplicate:
        """Return two contacts with the result of their comparison."""
        return cls.model_construct(
            contact_ids=[one.id, other.id],
            contacts=[ShortContact.of(one), ShortContact.of(other)],
            score=comparison.score,
            reasons=list(comparison.reasons),
        )


class CreatedContact(ContactShown):
    """A contact in the answer to its creation."""

    possible_duplicates: list[Duplicate] | None = Field(
        default=None,
        description="With `check_duplicates`: the contacts that may be the same person, the likeliest first, at most "
        "ten. Each pair names the new contact first. Null if they could not be looked up. Absent otherwise.",
    )

    @classmethod
    def with_duplicates(cls, contact: Contact, duplicates: list[Duplicate] | None) -> CreatedContact:
        """Return a new contact with its possible duplicates."""
        return cls.from_stored({**contact.__dict__, "possible_duplicates": duplicates})


class DismissalInput(BaseModel):
    """Two contacts that are not the same person."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    contact_ids: list[_ContactId] = Field(
        min_length=2,
        max_length=2,
        description="The two contacts, in any order.",
        examples=[["0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d10", "0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d11"]],
    )

    def check_ids(self) -> None:
        """Raise Invalid for a contact that is named twice."""
        if self.contact_ids[0] == self.contact_ids[1]:
            raise Invalid.field("contact_ids.1", "named_twice", "This contact is named twice.")


class Dismissal(BaseModel):
    """Two contacts that are no suggestion while what they have in common stays as it is. `by`: the actor."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    contact_ids: list[str] = Field(min_length=2, max_length=2)
    score: int = Field(ge=0, le=100)
    reasons: list[Reason]
    by: str
    at: Timestamp
