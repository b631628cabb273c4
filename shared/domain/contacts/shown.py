"""A contact as the API shows it: the record, and the names of its customer and its owner."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from shared.domain.contacts.record import Contact


class CustomerName(NamedTuple):
    """The names of a customer: `full_name`, and `username` if it has one. `created_by`: the actor who created it."""

    full_name: str
    username: str | None
    created_by: str


class ContactShown(Contact):
    """A contact with the names of its customer and its owner.

    The names belong to other records, so a new name changes neither the contact's version nor its events. In the answer
    to a change they may be null, if the change succeeded but the names could not be read.
    """

    customer_name: str | None = Field(
        default=None,
        description="The full name of its customer. Null for a customer that the caller may not see.",
    )
    customer_username: str | None = Field(
        default=None,
        description="The username of its customer. Null if it has none, or if the caller may not see it.",
    )
    owner_name: str | None = Field(
        default=None, description="The name of the user it belongs to, or else the user's e-mail address."
    )
