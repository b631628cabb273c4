"""Reverts contacts to earlier versions, as new changes under the present rules.

A value that the present rules refuse (an address that another contact has, more tags than allowed) refuses the whole
revert, as it would refuse a patch. What no longer exists or may not be set by this caller is left out, and the answer
lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from shared.domain.callers import Caller
from shared.domain.contacts.communication import CommunicationInput
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.history import label_names
from shared.domain.contacts.other_phones import OtherPhoneInput
from shared.domain.contacts.record import Contact
from shared.domain.contacts.revert import (
    NotReverted,
    Reverted,
    differing_fields,
    followed_fields,
    kept_fields,
)
from shared.domain.events import Event
from shared.domain.groups.record import Group
from shared.domain.labels.record import LabelKind, Labels
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.changes import ContactChanges
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch

if TYPE_CHECKING:
    from shared.services.contacts.writing import ContactWriting

_LABELS: dict[str, tuple[str, LabelKind]] = {
    "tags": ("tag_ids", "tag"),
    "types": ("type_ids", "type"),
    "groups": ("group_ids", "group"),
}
_TYPED = ("phone", "whatsapp")


class Customers(Protocol):
    """Whether there is a customer with an id that the caller may see."""

    def __call__(self, customer_id: str, /) -> bool: ...


class ContactRevert:
    """Reverts the contacts that one caller may change. A contact that the caller may not see raises NotFound.

    `writing` returns the rules for writing contacts, given the function that receives the record to be written.
    """

    def __init__(
        self,
        caller: Caller,
        changes: ContactChanges,
        writing: Callable[[Announce], ContactWriting],
        settings: Callable[[], TenantSettings],
        labels: Callable[[], Labels],
        customer_exists: Customers,
        *,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._changes = changes
        self._writing = writing
        self._settings = settings
        self._labels = labels
        self._customer_exists = customer_exists
        self._announce = announce

    def revert(self, contact_id: str, version: int, if_match: IfMatch | None) -> Reverted:
        """Give the fields of a contact that a patch takes, except its owner and whether it is primary, the values that
        they had at a version. Where the customer differs, whether it is primary follows from that, as after a patch.

        Raises NotFound and RuleBroken as `ContactChanges.at_version` does, and what a patch with these values would
        raise.
        """
        labels = cache(self._labels)
        describe: Callable[[Contact], Reverted]

        def answer(contact: Contact) -> Reverted:
            return describe(contact)

        writing = self._writing(lambda contact: self._announce(answer(cast("Contact", contact))))

        def decide(before: Contact) -> tuple[Contact, Event] | None:
            then = self._changes.at_version(before, version)
            differing = differing_fields(before, then)
            given, left_out = self._select(differing, before, then, labels)
            reverted = [name for name in differing if name in given]

            def of_attempt(written: Contact) -> Reverted:
                return Reverted.of(
                    written,
                    [*reverted, *followed_fields(before, written, then)],
                    [*left_out, *kept_fields(written, then)],
                )

            nonlocal describe
            describe = of_attempt
            fields = self._prepare(writing, given, then, labels)
            return writing.change_fields(before, fields, whole=True, stamp=Stamp.now(self._caller))

        return answer(writing.change(contact_id, "contacts:write", if_match, decide))

    def _select(
        self, differing: Mapping[str, Any], before: Contact, then: Contact, labels: Callable[[], Labels]
    ) -> tuple[dict[str, Any], list[NotReverted]]:
        """Return the fields to set, with the values of the version, and what is left out."""
        values, left_out = dict(differing), list[NotReverted]()
        for name, (ids, _) in _LABELS.items():
            if name not in values:
                continue
            values[name], names = _existing_labels(name, then, labels())
            left_out += [NotReverted(field=name, reason="deleted_label", value=one) for one in names]
            if values[name] == getattr(before, ids):
                del values[name]
        if "email" in values:  # another address would count as not verified
            values["email_verified"] = then.email_verified
        customer_id = values.get("customer_id")
        if customer_id is not None and not self._customer_exists(customer_id):
            del values["customer_id"]
            left_out.append(NotReverted(field="customer_id", reason="unknown_customer", value=customer_id))
        if values.get("email_verified") and not self._may_verify():
            del values["email_verified"]
            left_out.append(NotReverted(field="email_verified", reason="permission_denied", value=True))
        return values, left_out

    def _may_verify(self) -> bool:
        return not self._settings().email_verification or self._caller.level("contacts:write") == "all"

    def _prepare(
        self, writing: ContactWriting, values: dict[str, Any], then: Contact, labels: Callable[[], Labels]
    ) -> LabelledFields:
        """Return values of a version in the form that a change takes. Raises Invalid for what is refused now."""
        given = {name: value for name, value in values.items() if name not in _LABELS}
        if "communication" in given:
            given["communication"] = CommunicationInput(preferred=given["communication"])
        if "other_phones" in given:
            given["other_phones"] = [
                OtherPhoneInput(label=one["label"], number=one["number"]) for one in given["other_phones"]
            ]
        fields = cast("dict[str, Any]", writing.prepare(given, contact_id=then.id))
        for name in _TYPED:
            if name in given:
                fields[f"{name}_raw"] = getattr(then, f"{name}_raw")
        if "other_phones" in given:
            fields["other_phones"] = then.other_phones
        by_id = labels().by_id if _LABELS.keys() & values.keys() else {}
        for name, (ids, _) in _LABELS.items():
            if name in values:
                fields[ids] = values[name]
                fields[name] = [by_id[label_id].name for label_id in values[name] if label_id in by_id]
        return cast("LabelledFields", fields)


def _existing_labels(name: str, then: Contact, labels: Labels) -> tuple[list[str], list[str]]:
    """Return the ids of the labels of a field that can be set, and the names of the others."""
    _, kind = _LABELS[name]
    existing, missing = list[str](), list[str]()
    for label_id, shown in label_names(then, name, labels).items():
        label = labels.with_id(kind, label_id)
        if label is None or (isinstance(label, Group) and label.kind != "static"):
            missing.append(shown)
        else:
            existing.append(label_id)
    return existing, missing
