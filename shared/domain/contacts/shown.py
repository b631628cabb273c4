"""A contact as the API shows it: the record, and the names of the records that it belongs to."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from shared.domain.contacts.record import Contact


class CustomerName(NamedTuple):
    """How a customer is called: `full_name`, and `username` where it has one. `created_by`: the actor who made it."""

    full_name: str
    username: str | None
    created_by: str


class ContactShown(Contact):
    """A contact with the names of its customer and its owner.

    The names belong to other records, so neither the contact's version nor its events change with them.
    """

    customer_name: str | None = Field(
        default=None,
        description="The full name of its customer; null for a customer that the caller may not see.",
    )
    customer_username: str | None = Field(
        default=None, description="The username of its customer, if it has one and the caller may see it."
    )
    owner_name: str | None = Field(
        default=None, description="The name of the user it belongs to, or the user's e-mail address."
    )
