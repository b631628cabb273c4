"""The customer: an account of the tenant, with contacts of which one is primary, and what may be done to it.

Every change of state is a method that gives back the new record and the event that tells of it.
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
"""What null stands for in fields that always have a value."""
_NOT_TOLD = BOOKKEEPING | {"deleted_at"}


class CustomerInput(BaseModel):
    """What a caller gives to create a customer, or to replace one whole."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName = Field(examples=["Grace"])
    last_name: Name = Field("", examples=["Hopper"])
    username: GivenName | None = Field(
        None, description="Unique within the tenant, without regard to case.", examples=["ghopper"]
    )
    email: _Email | None = Field(None, examples=["grace@example.com"])
    national_id: Name = ""
    is_verified: bool = False
    is_active: bool = True

    def given_fields(self) -> dict[str, Any]:
        """All fields, with the empty value of what was left out."""
        return dict(self.__dict__)


class CustomerPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a customer: what is absent stays, null clears."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName | None = None
    last_name: Name | None = Field(None, examples=["Murray"])
    username: GivenName | None = None
    email: _Email | None = None
    national_id: Name | None = None
    is_verified: bool | None = Field(None, examples=[True])
    is_active: bool | None = None

    def given_fields(self) -> dict[str, Any]:
        """The fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Customer(Recorded):
    """A customer as it is kept and shown.

    `number` counts within the tenant. `primary_contact` is a contact's id, there as long as `contact_count` is
    not 0; as it is kept, that is a number always. `version` counts the changes, from 1; whatever changes who its
    contacts are changes it too, so that of two such changes at once the second one is made in the light of the first.
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
            description="How many contacts the caller sees of it. Null to a caller who sees their own alone, where it "
            "has more than 1,000: they are not counted then."
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
        """What nobody else's username may come to while the customer lives; None without one."""
        return fold_username(self.username) if self.username and self.deleted_at is None else None

    @classmethod
    def create(
        cls, given: dict[str, Any], *, customer_id: str, number: int, stamp: Stamp
    ) -> tuple[Customer, Event]:
        """A new customer from fields that `clean` has passed, and its `customer.created`."""
        customer = cls._from_fields(
            id=customer_id,
            number=f"CUST{number:06d}",
            full_name=join_name(given["first_name"], given["last_name"]),
            **stamp.creation_fields(created_at=from_milliseconds(milliseconds_of(customer_id))),
            **given,
        )
        return customer, customer._build_creation_event(CUSTOMER_CREATED, stamp.caller)

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[Customer, Event] | None:
        """The customer with fields that `clean` has passed; None when they change nothing."""
        fields = dict(given)
        fields["full_name"] = join_name(
            given.get("first_name", self.first_name), given.get("last_name", self.last_name)
        )
        changed = self._build_change(CUSTOMER_UPDATED, fields, stamp)
        return changed if changed[1].changes else None

    def delete(self, *, stamp: Stamp) -> tuple[Customer, Event]:
        """The customer, no longer live. Raises Conflict while it has contacts."""
        if self.contact_count:
            # How many is left unsaid: who asks may not see them all.
            raise Conflict(
                "This customer has contacts. Move or delete them first.", code="customer_has_contacts"
            )
        return self._build_change(CUSTOMER_DELETED, {"deleted_at": stamp.at}, stamp)

    def add_contact(
        self, contact_id: str, *, is_primary: bool = False, stamp: Stamp
    ) -> tuple[Customer, Event]:
        """The customer with one contact more. Its first becomes its primary one, and one with `is_primary` does."""
        given = {
            "contact_count": (self.contact_count or 0) + 1,
            "primary_contact": contact_id if is_primary else self.primary_contact or contact_id,
        }
        return self._build_change(CUSTOMER_UPDATED, given, stamp)

    def remove_contact(self, primary_contact: str | None, *, stamp: Stamp) -> tuple[Customer, Event]:
        """The customer with one contact less; `primary_contact`: which of those left is primary now."""
        given = {"contact_count": (self.contact_count or 0) - 1, "primary_contact": primary_contact}
        return self._build_change(CUSTOMER_UPDATED, given, stamp)

    def set_primary(self, contact_id: str, *, stamp: Stamp) -> tuple[Customer, Event]:
        """The customer with another of its contacts as its primary one."""
        return self._build_change(CUSTOMER_UPDATED, {"primary_contact": contact_id}, stamp)

    def _audited_fields(self) -> dict[str, Any]:
        """The fields whose changes are told: all but the bookkeeping of the change itself."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in _NOT_TOLD and (value or name == "is_active")
        }


class CustomerShown(Customer):
    """A customer, and with `include=contacts` its contacts too."""

    primary_contact: str | ContactShown | None = Field(  # type: ignore[assignment]
        None, description="The contact's id; with `include=contacts` the whole contact."
    )
    contacts: list[ContactShown] = Field(
        default=[],
        description="With `include=contacts` alone: the oldest of its contacts, up to 25. For a caller who sees "
        "their own alone they are looked for among its first 1,000.",
    )


def fold_username(username: str) -> str:
    """A username as it is compared: without regard to case, to invisible characters and to how its letters are put
    together (NFKC).
    """
    return unicodedata.normalize("NFKC", comparable(username)).casefold()


def clean(given: dict[str, Any]) -> dict[str, Any]:
    """Fields in their stored form: the e-mail normalized, None turned into the field's empty value.

    `given` holds what was given, whether one field or all. Raises Invalid, naming every refused field.
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
        raise Invalid(errors[0].detail, errors=tuple(one for error in errors for one in error.errors))
    return cleaned
