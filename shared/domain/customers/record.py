"""The customer: an account of the tenant, with contacts of which one is primary, and its transitions.

Every change of state is a method that returns the new record and the event of the change.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.characters import comparable
from shared.domain.contacts.shown import ContactShown
from shared.domain.email import normalize_email
from shared.domain.errors import Conflict, Invalid
from shared.domain.events import CUSTOMER_CREATED, CUSTOMER_DELETED, CUSTOMER_UPDATED, Event
from shared.domain.ids import milliseconds_of
from shared.domain.records import BOOKKEEPING, Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import GivenName, Name, join_name
from shared.domain.timestamps import Timestamp, from_milliseconds
from shared.domain.validators import unless_blank, validated_by

_Email = Annotated[str, Field(max_length=254), validated_by(unless_blank(normalize_email))]
_EMPTY = {"last_name": "", "national_id": "", "is_verified": False, "is_active": True}
"""The meaning of null for fields that always have a value."""
_NOT_AUDITED = BOOKKEEPING | {"deleted_at"}


class CustomerInput(BaseModel):
    """The fields of a new customer, or of one that is replaced as a whole."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName = Field(examples=["Grace"])
    last_name: Name = Field("", examples=["Hopper"])
    username: GivenName | None = Field(
        None, description="Unique within the tenant. Case is ignored.", examples=["ghopper"]
    )
    email: _Email | None = Field(None, examples=["grace@example.com"])
    national_id: Name = ""
    is_verified: bool = False
    is_active: bool = True

    def given_fields(self) -> dict[str, Any]:
        """Return all fields, those left out with their empty value."""
        return dict(self.__dict__)


class CustomerPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a customer: fields left out stay as they are, null clears a field."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName | None = None
    last_name: Name | None = Field(None, examples=["Murray"])
    username: GivenName | None = None
    email: _Email | None = None
    national_id: Name | None = None
    is_verified: bool | None = Field(None, examples=[True])
    is_active: bool | None = None

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Customer(Recorded):
    """A customer as it is stored and shown.

    `number` counts within the tenant. `primary_contact` is the id of a contact, and is set while `contact_count` is
    not 0; the stored count is always a number. `version` counts the changes, from 1. Every change of the customer's
    set of contacts increments it, so that of two concurrent changes the second one is made with knowledge of the first.
    """

    entity: ClassVar[str] = "customer"

    id: str
    number: str
    username: str | None = None
    email: str | None = None
    first_name: str
    last_name: str = ""
    full_name: str
    national_id: str = ""
    is_verified: bool = False
    is_active: bool = True
    contact_count: Annotated[
        int | None,
        Field(
            description="How many of its contacts the caller may see. Null for a customer of more than 1,000 contacts "
            "if the caller may see only their own: they are not counted then."
        ),
    ] = 0
    primary_contact: str | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    deleted_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @property
    def folded_username(self) -> str | None:
        """The username in the form in which it is unique; None for a deleted customer or without a username."""
        return fold_username(self.username) if self.username and self.deleted_at is None else None

    @classmethod
    def create(
        cls, given: dict[str, Any], *, customer_id: str, number: int, stamp: Stamp
    ) -> tuple[Customer, Event]:
        """Return a new customer from cleaned fields, and its `customer.created`."""
        customer = cls._from_fields(
            id=customer_id,
            number=f"CUST{number:06d}",
            full_name=join_name(given["first_name"], given["last_name"]),
            **stamp.creation_fields(created_at=from_milliseconds(milliseconds_of(customer_id))),
            **given,
        )
        return customer, customer._build_creation_event(CUSTOMER_CREATED, stamp.caller)

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[Customer, Event] | None:
        """Return the customer with cleaned fields changed, and its `customer.updated`; None when nothing changes."""
        fields = dict(given)
        fields["full_name"] = join_name(
            given.get("first_name", self.first_name), given.get("last_name", self.last_name)
        )
        changed = self._build_change(CUSTOMER_UPDATED, fields, stamp)
        return changed if changed[1].changes else None

    def delete(self, *, stamp: Stamp) -> tuple[Customer, Event]:
        """Return the customer as deleted. Raises Conflict while it has contacts."""
        if self.contact_count:
            # Without the number: the caller may not see all of them.
            raise Conflict(
                "This customer has contacts. Move or delete them first.", code="customer_has_contacts"
            )
        return self._build_change(CUSTOMER_DELETED, {"deleted_at": stamp.at}, stamp)

    def with_contacts(
        self, contact_count: int, primary_contact: str | None, *, stamp: Stamp
    ) -> tuple[Customer, Event]:
        """Return the customer with another set of contacts, or another primary one of them."""
        given = {"contact_count": contact_count, "primary_contact": primary_contact}
        return self._build_change(CUSTOMER_UPDATED, given, stamp)

    def _audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes events list: all but the bookkeeping of the change itself."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in _NOT_AUDITED and (value or name == "is_active")
        }


class CustomerShown(Customer):
    """A customer, with its contacts if `include=contacts` was given."""

    primary_contact: str | ContactShown | None = Field(  # type: ignore[assignment]
        None, description="The id of the contact; with `include=contacts` the whole contact."
    )
    contacts: list[ContactShown] = Field(
        default=[],
        description="Only with `include=contacts`: its oldest contacts, at most 25. For a caller who may see only "
        "their own contacts, these are searched among its first 1,000.",
    )


def fold_username(username: str) -> str:
    """Return a username in the form in which it is compared: without case and invisible characters, with composed
    letters (NFKC).
    """
    return unicodedata.normalize("NFKC", comparable(username)).casefold()


def clean(given: dict[str, Any]) -> dict[str, Any]:
    """Return fields in their stored form: the e-mail address normalized, null replaced by the field's empty value.

    `given` holds the fields to set, one or all. Raises Invalid, naming every refused field.
    """
    cleaned = {
        name: _EMPTY[name] if value is None and name in _EMPTY else value for name, value in given.items()
    }
    errors: list[Invalid] = []
    if "first_name" in given and not given["first_name"]:
        errors.append(Invalid.field("first_name", "required", "A first name is required."))
    if "email" in given:
        email = given["email"]
        try:
            cleaned["email"] = normalize_email(email) if email is not None and comparable(email) else None
        except Invalid as error:
            errors.append(error)
    if errors:
        raise Invalid(errors[0].detail, errors=tuple(fault for error in errors for fault in error.errors))
    return cleaned
