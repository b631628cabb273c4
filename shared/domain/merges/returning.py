"""The contacts that are back when a merge is undone: as they were, unless a value can no longer be theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock, unique_addresses
from shared.domain.merges.record import KeptReason, MergeDetail

_NUMBERS = {"PHONE": "phone", "WHATSAPP": "whatsapp"}


@dataclass(slots=True)
class Return:
    """The fields that a contact gets when it is back, and those that are not as they were, each with the reason."""

    given: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, KeptReason] = field(default_factory=dict)


def bring_back(
    contact: Contact,
    detail: MergeDetail,
    survivor: Contact,
    *,
    customers: Collection[str],
    owners: Mapping[str, str | None],
) -> Return:
    """Return what changes of a contact apart from its presence. `survivor`: before the undo."""
    result = Return()
    if contact.owner_id is not None and contact.owner_id in owners:
        result.given["owner_id"] = owners[contact.owner_id]
        result.kept["owner_id"] = "owner_removed"
    if contact.customer_id is not None and contact.customer_id not in customers:
        result.given["customer_id"] = None
        result.kept["customer_id"] = "unknown_customer"
    _opt_out_too(contact, detail, survivor, result)
    return result


def _opt_out_too(contact: Contact, detail: MergeDetail, survivor: Contact, result: Return) -> None:
    """Opt the contact out of the channels of which the survivor was opted out after the merge."""
    _, merged = detail.changes["communication"]
    own = contact.communication["opt_outs"]
    further = {
        channel: state
        for channel, state in survivor.communication["opt_outs"].items()
        if state["opted_out"]
        and state != merged["opt_outs"].get(channel)
        and not (channel in own and own[channel]["opted_out"])
    }
    if further:
        result.given["communication"] = {**contact.communication, "opt_outs": {**own, **further}}
        result.kept |= dict.fromkeys((f"communication.opt_outs.{one}" for one in further), "opted_out_since")


def give_way(contact: Contact, refused: Collection[Lock], result: Return) -> None:
    """Take from a contact that is back the values of locks that it cannot have."""
    addresses = {lock.value for lock in refused if lock.kind == "EMAIL"}
    had = unique_addresses(contact.email, contact.other_emails)
    for address in addresses:
        result.kept["email" if had[address] == "email" else "other_emails"] = "address_taken"
    rest = [one for one in contact.other_emails if one not in addresses]
    if contact.email in addresses:
        result.given["email"] = rest.pop(0) if rest else None
        result.given["email_verified"] = False
    if rest != contact.other_emails:
        result.given["other_emails"] = rest
    for lock in refused:
        if (name := _NUMBERS.get(lock.kind)) is not None:
            result.given |= {name: None, f"{name}_raw": None}
            result.kept[name] = "address_taken"


def contested_number(lock: Lock, survivor: Contact, detail: MergeDetail) -> str | None:
    """Return the field of the survivor from which a number goes back to the contact whose it was: one that the survivor
    did not have before the merge. None for a lock that it keeps.
    """
    name = _NUMBERS.get(lock.kind)
    if name is None or lock not in survivor.locks or name not in detail.changes:
        return None
    return name if detail.changes[name][0] != lock.value else None
