"""The contact: a person a tenant knows, and what may be done to one.

Every change of state is a method that gives back the new record and the event that tells of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.callers import Caller
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.events import (
    CONTACT_CREATED,
    CONTACT_DELETED,
    CONTACT_UPDATED,
    INTERACTION_CREATED,
    Event,
    differences,
)
from shared.domain.interaction import Interaction
from shared.domain.phone import normalize_phone
from shared.domain.tenant import Settings
from shared.domain.text import GivenName, Line, LongText, Name, Tag, unique_tags
from shared.domain.timestamps import Timestamp

Source = Literal["api", "import", "booking", "merge"]


class ContactInput(BaseModel):
    """What a caller gives to create a contact, or to replace one whole."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName
    last_name: Name = ""
    email: str | None = Field(None, max_length=254, examples=["ada@example.com"])
    phone: str | None = Field(None, max_length=64, examples=["+442079460958"])
    whatsapp: str | None = Field(None, max_length=64)
    company: Line = ""
    department: Line = ""
    job_title: Line = ""
    about: LongText = ""
    tags: list[Tag] = Field(default_factory=list, max_length=100)


class ContactPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a contact: what is absent stays, null clears."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName | None = None
    last_name: Name | None = None
    email: str | None = Field(None, max_length=254)
    phone: str | None = Field(None, max_length=64)
    whatsapp: str | None = Field(None, max_length=64)
    company: Line | None = None
    department: Line | None = None
    job_title: Line | None = None
    about: LongText | None = None
    tags: list[Tag] | None = Field(None, max_length=100)


class Contact(BaseModel):
    """A contact as it is kept and shown.

    `version` counts the changes, from 1. `source` says by which door the contact came.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    first_name: str
    last_name: str = ""
    full_name: str
    email: str | None = None
    phone: str | None = None
    whatsapp: str | None = None
    company: str = ""
    department: str = ""
    job_title: str = ""
    about: str = ""
    tags: list[str] = []
    owner_id: str | None = None
    is_active: bool = True
    source: Source = "api"
    total_bookings: int = 0
    last_booking_at: Timestamp | None = None
    last_contacted_at: Timestamp | None = None
    interaction_count: int = 0
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    deleted_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(
        cls, given: dict[str, Any], *, contact_id: str, event_id: str, at: str, caller: Caller, source: Source
    ) -> tuple[Contact, Event]:
        """A new contact from fields that `clean` has passed, and its `contact.created`."""
        contact = cls.model_construct(
            id=contact_id,
            full_name=_full_name(given["first_name"], given.get("last_name", "")),
            owner_id=caller.id if caller.kind == "user" else None,
            source=source,
            created_at=at,
            created_by=caller.actor,
            updated_at=at,
            updated_by=caller.actor,
            last_event=event_id,
            **given,
        )
        return contact, contact._event(CONTACT_CREATED, {}, caller)

    def change(
        self, given: dict[str, Any], *, event_id: str, at: str, caller: Caller
    ) -> tuple[Contact, Event] | None:
        """The contact with fields that `clean` has passed; None when they change nothing."""
        names = {"first_name": self.first_name, "last_name": self.last_name, **given}
        given = {**given, "full_name": _full_name(names["first_name"], names["last_name"])}
        if all(getattr(self, name) == value for name, value in given.items()):
            return None
        return self._succeeded_by(CONTACT_UPDATED, given, event_id, at, caller)

    def delete(self, *, event_id: str, at: str, caller: Caller) -> tuple[Contact, Event]:
        """The contact, no longer live; the record stays so that it can be restored."""
        return self._succeeded_by(CONTACT_DELETED, {"deleted_at": at}, event_id, at, caller)

    def take_part_in(
        self,
        interaction: Interaction,
        *,
        booking: str | None,
        phone: str | None,
        event_id: str,
        at: str,
        caller: Caller,
    ) -> tuple[Contact, Event]:
        """The contact after an interaction, and its `interaction.created`.

        `last_contacted_at` moves forward and never back. `booking` is the start of a booking that is newly
        counted (None when it counts already); `phone` (E.164) fills an empty field only.
        """
        given: dict[str, Any] = {
            "interaction_count": self.interaction_count + 1,
            "last_contacted_at": max(self.last_contacted_at or "", interaction.occurred_at),
        }
        if booking is not None:
            given["total_bookings"] = self.total_bookings + 1
            given["last_booking_at"] = max(self.last_booking_at or "", booking)
        if phone and not self.phone:
            given["phone"] = phone
        contact, event = self._succeeded_by(INTERACTION_CREATED, given, event_id, at, caller)
        event.data.update(interaction_id=interaction.id, interaction_type=interaction.type)
        return contact, event

    def _succeeded_by(
        self, event_type: str, given: dict[str, Any], event_id: str, at: str, caller: Caller
    ) -> tuple[Contact, Event]:
        successor = self.model_copy(
            update={
                **given,
                "version": self.version + 1,
                "updated_at": at,
                "updated_by": caller.actor,
                "last_event": event_id,
            }
        )
        return successor, successor._event(event_type, self._content(), caller)

    def _content(self) -> dict[str, Any]:
        """The fields whose changes are told: all but the bookkeeping of the change itself."""
        return {name: value for name, value in self.__dict__.items() if name not in _BOOKKEEPING and value}

    def _event(self, event_type: str, before: dict[str, Any], caller: Caller) -> Event:
        return Event(
            id=self.last_event,
            type=event_type,
            entity="contact",
            entity_id=self.id,
            at=self.updated_at,
            actor=caller.actor,
            origin=caller.origin,
            version=self.version,
            changes=differences(before, self._content()),
        )


_BOOKKEEPING = frozenset(
    {"id", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "last_event"}
)


def _full_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()


def clean(given: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Fields in their stored form under a tenant's settings: e-mail, telephone numbers and tags normalized,
    None turned into the field's empty value.

    `given` holds what was given, whether one field or all. Raises Invalid, naming every refused field.
    """
    cleaned = dict(given)
    errors: list[Invalid] = []

    def settle(name: str, value: Any) -> None:
        try:
            cleaned[name] = value()
        except Invalid as error:
            errors.append(error)

    for name in ("last_name", "company", "department", "job_title", "about"):
        if name in given and given[name] is None:
            cleaned[name] = ""
    if "first_name" in given and not given["first_name"]:
        errors.append(Invalid.field("first_name", "required", "A first name is required."))
    if "email" in given:
        settle("email", lambda: _email(given["email"], settings))
    for name in ("phone", "whatsapp"):
        if name in given:
            settle(name, lambda name=name: _phone(given[name], name, settings))
    if "tags" in given:
        settle("tags", lambda: _tags(given["tags"], settings))
    if errors:
        raise Invalid(errors[0].detail, errors=tuple(one for error in errors for one in error.errors))
    return cleaned


def _email(value: str | None, settings: Settings) -> str | None:
    if value is not None and value.strip():
        return normalize_email(value)
    if settings.require_email:
        raise Invalid.field("email", "required", "An e-mail address is required.")
    return None


def _phone(value: str | None, name: str, settings: Settings) -> str | None:
    if value is None or not value.strip():
        return None
    return normalize_phone(value, settings.default_country, name, clean=settings.auto_clean_phone_numbers)


def _tags(value: list[str] | None, settings: Settings) -> list[str]:
    tags = unique_tags(value or [])
    if len(tags) > settings.max_tags_per_contact:
        limit = settings.max_tags_per_contact
        raise Invalid.field("tags", "too_many_tags", f"A contact has at most {limit} tags.")
    return tags
