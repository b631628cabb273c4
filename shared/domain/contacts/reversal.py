"""Taking changes of a contact back, whatever has changed since.

Each value is compared three ways: as it was before the change, as the change left it, and as it is now. A value that is
still as the change left it goes back. One that has changed since stays, and is reported. Lists are compared entry by
entry: what the change added goes, what it removed comes back, and everything else stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from shared.domain.contacts.communication import NO_PREFERENCE
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.other_phones import OtherPhone
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.events import FIGURES, Event, differ
from shared.domain.labels.record import Labels
from shared.domain.records import blank_fields
from shared.domain.stamp import Stamp

KeptReason = Literal["edited", "address_taken", "deleted_label", "unknown_customer", "not_restorable"]

Value = tuple[str, Any]
"""A value that cannot be restored, with its kind: `email`, `phone`, `whatsapp` or `customer_id`."""

_SCALARS = (
    "first_name",
    "last_name",
    "company",
    "department",
    "job_title",
    "about",
    "is_active",
    "owner_id",
    "customer_id",
)
_NUMBERS = ("phone", "whatsapp")
_LABELS = dict(zip(LABEL_ID_FIELDS, ("tags", "types", "groups"), strict=True))
_CUSTOM = "custom_fields."
_PREFERRED = "communication.preferred"
_ELSEWHERE = FIGURES | {
    *("full_name", "email_verified", "is_primary", "phone_raw", "whatsapp_raw"),
    *("email", "other_emails", "other_phones", *_LABELS.values()),
}
"""Fields that follow from others, and fields that are taken back together."""


@dataclass(frozen=True, slots=True)
class KeptField:
    """A field that did not go back, or not whole, and why."""

    field: str
    reason: KeptReason


@dataclass(frozen=True, slots=True)
class Write:
    """A change to be taken back. `label_ids`: the ids of the contact's labels after it, by field; None where they are
    not known, in which case labels are identified by the names that they had."""

    event: Event
    label_ids: Mapping[str, Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Reversal:
    """How changes are taken back: the fields to set, and those that stay."""

    fields: LabelledFields
    kept: tuple[KeptField, ...]


@dataclass(slots=True)
class _Plan:
    """A reversal while it is worked out."""

    given: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, KeptReason] = field(default_factory=dict)

    def keep(self, name: str, reason: KeptReason) -> None:
        """List a field that stays."""
        self.kept.setdefault(name, reason)

    def goes_back(self, name: str, now: Any, old: Any, new: Any) -> bool:
        """Return whether a field still has the value that the change gave it. One that was changed since is listed,
        unless it has its old value again."""
        if not differ(now, old):
            return False
        if differ(now, new):
            self.keep(name, "edited")
            return False
        return True


def find_writes(
    contact: Contact, events: Sequence[Event] | None, own: Event, is_own: Callable[[Event], bool]
) -> list[Write]:
    """Return the changes of one author since `own`, the newest first and `own` last, with the labels after each.

    `events`: those of the contact after `own`, in the descending order of versions; None where they were too many to be
    read. `is_own`: whether an event is of that author.
    """
    if events is None:
        return [Write(own, dict.fromkeys(LABEL_ID_FIELDS))]
    label_ids: dict[str, Sequence[str] | None] = {name: getattr(contact, name) for name in LABEL_ID_FIELDS}
    writes: list[Write] = []
    for event in events:
        if is_own(event):
            writes.append(Write(event, dict(label_ids)))
        label_ids |= event.label_ids_before
    return [*writes, Write(own, label_ids)]


def reverse(
    contact: Contact, writes: Sequence[Write], labels: Labels, taken: Collection[Value] = (), *, stamp: Stamp
) -> Reversal:
    """Return the reversal of changes of a contact, given the newest first.

    `contact`: as it is now. `taken`: the values that it cannot have again, since another contact has them meanwhile, or
    since there is no such customer. `stamp`: of the change to come. Raises Invalid when the contact would have too many
    custom fields.
    """
    given, kept = dict[str, Any](), dict[str, KeptReason]()
    for write in writes:
        plan = _reverse_one(contact, write, labels, taken)
        if "custom_fields" in plan.given:
            plan.given["custom_fields"] = given.get("custom_fields", {}) | plan.given["custom_fields"]
        given |= plan.given
        kept = plan.kept | kept
        if write is not writes[-1]:
            changed = contact.change(cast("LabelledFields", plan.given), stamp=stamp)
            contact = changed[0] if changed else contact
    return Reversal(cast("LabelledFields", given), tuple(KeptField(*one) for one in kept.items()))


def _reverse_one(contact: Contact, write: Write, labels: Labels, taken: Collection[Value]) -> _Plan:
    plan, changes = _Plan(), write.event.changes
    blank = blank_fields(Contact)
    for name in changes:
        old, new = (blank.get(name) if value is None else value for value in changes[name])
        if name in _SCALARS:
            if plan.goes_back(name, getattr(contact, name), old, new):
                if (name, old) in taken:
                    plan.keep(name, "unknown_customer")
                else:
                    plan.given[name] = old
        elif name in _NUMBERS:
            _reverse_number(plan, name, contact, write.event, taken)
        elif name.startswith(_CUSTOM):
            key = name.removeprefix(_CUSTOM)
            if plan.goes_back(name, contact.custom_fields.get(key), old, new):
                plan.given.setdefault("custom_fields", {})[key] = old
        elif name == _PREFERRED:
            old, new = old or NO_PREFERENCE, new or NO_PREFERENCE
            if plan.goes_back(name, contact.communication["preferred"], old, new):
                plan.given["preferred"] = old
        elif name not in _ELSEWHERE:
            plan.keep(name, "not_restorable")
    if "email" in changes or "other_emails" in changes:
        _reverse_addresses(plan, contact, write.event, taken)
    if "other_phones" in changes:
        _reverse_phones(plan, contact, write.event)
    for ids_name in write.event.label_ids_before:
        _reverse_labels(plan, contact, write, ids_name, labels)
    return plan


def _reverse_number(plan: _Plan, name: str, contact: Contact, event: Event, taken: Collection[Value]) -> None:
    old, new = event.changes[name]
    raw = getattr(contact, f"{name}_raw")
    if not plan.goes_back(name, getattr(contact, name), old, new):
        return
    if (name, old) in taken:
        plan.keep(name, "address_taken")
        return
    plan.given[name] = old
    plan.given[f"{name}_raw"] = event.changes.get(f"{name}_raw", (raw, raw))[0]


def _reverse_addresses(plan: _Plan, contact: Contact, event: Event, taken: Collection[Value]) -> None:
    """Take back what became of all addresses together, since one may move between the primary and the others."""
    # Without a change of the primary address, its value then is unknown and of no importance.
    old_email, new_email = event.changes.get("email", (None, None))
    now_others = contact.other_emails
    old_others, new_others = (value or [] for value in event.changes.get("other_emails", (now_others,) * 2))
    old, new, now = (
        [one for one in (email, *others) if one]
        for email, others in (
            (old_email, old_others),
            (new_email, new_others),
            (contact.email, now_others),
        )
    )
    back = "email" in event.changes and plan.goes_back("email", contact.email, old_email, new_email)
    returning = [
        one for one in dict.fromkeys(old) if one not in now and (back if one == old_email else one not in new)
    ]
    refused = [one for one in returning if ("email", one) in taken]
    for one in refused:
        plan.keep("email" if one == old_email else "other_emails", "address_taken")
    if back and old_email not in refused:
        plan.given["email"] = old_email
        was_verified = event.changes.get("email_verified", (None, None))[0]
        plan.given["email_verified"] = bool(old_email and was_verified)
    primary = plan.given.get("email", contact.email)
    if now_others == new_others and not refused and (back or "email" not in event.changes):
        rest = old_others
    else:
        # An address that was moved from the primary place since was kept on purpose.
        rest = [one for one in now_others if one in old or one not in new or one == new_email]
        rest += [one for one in (contact.email, *returning) if one and one in old and one not in refused]
    rest = list(dict.fromkeys(one for one in rest if one != primary))
    if rest != now_others:
        plan.given["other_emails"] = rest


def _reverse_phones(plan: _Plan, contact: Contact, event: Event) -> None:
    """Take back what became of the further numbers. One that was the telephone or WhatsApp number before, and does not
    become it again, stays among them."""
    old_list, new_list = (value or [] for value in event.changes["other_phones"])
    now_list = contact.other_phones
    old, new, now = (_by_number(phones) for phones in (old_list, new_list, now_list))
    result: list[OtherPhone] = []
    is_edited = differ(now_list, new_list)
    for number, phone in now.items() if is_edited else ():
        if not differ(old.get(number), new.get(number)) or not differ(phone, old.get(number)):
            result.append(phone)
        elif differ(phone, new.get(number)):
            result.append(phone)
            plan.keep("other_phones", "edited")
        elif number in old:
            result.append(old[number])
    if is_edited:
        result += [phone for number, phone in old.items() if number not in new and number not in now]
    else:
        result = list(old_list)
    former = [event.changes[name][0] for name in _NUMBERS if name in event.changes]
    own = {plan.given.get(name, getattr(contact, name)) for name in _NUMBERS}
    gone = [number for number in dict.fromkeys(former) if number in now and number not in own]
    result += [now[number] for number in gone if number not in _by_number(result)]
    if differ(result, now_list):
        plan.given["other_phones"] = result


def _by_number(phones: Sequence[OtherPhone]) -> dict[str, OtherPhone]:
    return {phone["number"]: phone for phone in phones}


def _reverse_labels(plan: _Plan, contact: Contact, write: Write, ids_name: str, labels: Labels) -> None:
    name = _LABELS[ids_name]
    old = write.event.label_ids_before[ids_name]
    old_names, new_names = (names or [] for names in write.event.changes.get(name, (None, None)))
    now: list[str] = getattr(contact, ids_name)
    names = dict(zip(old, old_names, strict=False))
    new = write.label_ids.get(ids_name)
    if new is None:
        new = [one for one in old if names.get(one) in new_names]
        new += [one for one in now if one not in old and set(labels.names([one])) & set(new_names)]
    # Of a label that was deleted since, only the names say whether the change had removed it.
    removed = [one for one in old if one not in new and one not in now]
    if any(one not in labels.by_id and names.get(one) not in new_names for one in removed):
        plan.keep(name, "deleted_label")
    if now == list(new):
        result = [one for one in old if one in now or one in labels.by_id]
    else:
        result = [one for one in now if one in old or one not in new]
        result += [one for one in removed if one in labels.by_id]
    if result != now:
        plan.given[ids_name] = result
        plan.given[name] = labels.names(result)
