"""Reverting a contact: the fields that a patch takes get the values of an earlier version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.fields import SETTABLE
from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown
from shared.domain.events import differ

_STAYING = ("owner_id", "is_primary")
"""The fields that a patch takes, and that a revert leaves."""
_KEPT = (*_STAYING, "relationship_status", "lifecycle_stage", "communication.opt_outs")
"""The fields that a revert does not set, and that its answer lists. `is_primary` may change with the customer."""
_REVERTIBLE = tuple(name for name in SETTABLE if name not in _STAYING)

Reason = Literal["kept", "deleted_label", "unknown_customer", "permission_denied"]


class RevertInput(BaseModel):
    """The version to which a contact is reverted."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    version: int = Field(
        ge=1, le=2**53 - 1, description="A version of the contact, among the last 500.", examples=[3]
    )


class NotReverted(BaseModel):
    """A field, or a label in a field, that a revert did not set to the value of the version.

    `reason`: `kept`, since a revert does not set this field; `deleted_label` or `unknown_customer`, since the tag,
    type, group or customer no longer exists (or the caller may not see the customer); `permission_denied`, since the
    caller may not set it.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str
    reason: Reason
    value: Any = Field(None, description="The value at the version; of a deleted label, its name.")


class Reverted(BaseModel):
    """The answer to a revert: the contact as it is now.

    `reverted`: the fields that now have the value of the version and had another one before; `is_primary` among them if
    it changed with the customer. `not_reverted`: those that differ from the version.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    contact: ContactShown
    reverted: list[str]
    not_reverted: list[NotReverted]

    @property
    def version(self) -> int:
        """The version of the contact, for the ETag of the answer."""
        return self.contact.version

    @classmethod
    def of(cls, contact: Contact, reverted: Sequence[str], not_reverted: Sequence[NotReverted]) -> Reverted:
        """Return the answer with a contact that has no names of its owner and customer yet."""
        shown = (
            contact if isinstance(contact, ContactShown) else ContactShown._from_fields(**contact.__dict__)
        )
        return cls.model_construct(contact=shown, reverted=list(reverted), not_reverted=list(not_reverted))


def differing_fields(now: Contact, then: Contact) -> dict[str, Any]:
    """Return the fields that a revert sets and that differ between two versions, with the values of `then`."""
    return {name: value for name in _REVERTIBLE if differ(value := _read(then, name), _read(now, name))}


def followed_fields(before: Contact, written: Contact, then: Contact) -> list[str]:
    """Return the fields that a revert does not set itself and that have the value of `then` after it, not before it:
    whether a contact is primary follows from its customer.
    """
    return [
        name
        for name in _KEPT
        if differ(_read(before, name), value := _read(then, name)) and not differ(_read(written, name), value)
    ]


def kept_fields(written: Contact, then: Contact) -> list[NotReverted]:
    """Return the fields that a revert does not set and that differ, after it, from those of `then`."""
    return [
        NotReverted(field=name, reason="kept", value=value)
        for name in _KEPT
        if differ(value := _read(then, name), _read(written, name))
    ]


def _read(contact: Contact, name: str) -> Any:
    if name == "communication":
        return contact.communication["preferred"]
    if name == "communication.opt_outs":
        return contact.communication["opt_outs"]
    return getattr(contact, _IDS.get(name, name))


_IDS = {"tags": "tag_ids", "types": "type_ids", "groups": "group_ids"}
