"""The fields of contacts that are merged: which are taken together from one contact, and which are united."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.domain.contacts.booked import has_real_name
from shared.domain.contacts.communication import NO_PREFERENCE, Communication
from shared.domain.contacts.consent import Channel, OptOut
from shared.domain.contacts.other_phones import OtherPhone
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import unique_addresses
from shared.domain.errors import FieldError, Invalid
from shared.domain.text import join_name

UNITS: Mapping[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name"),
    "email": ("email", "email_verified"),
    "phone": ("phone", "phone_raw"),
    "whatsapp": ("whatsapp", "whatsapp_raw"),
    "company": ("company",),
    "department": ("department",),
    "job_title": ("job_title",),
    "owner_id": ("owner_id",),
    "customer_id": ("customer_id",),
}
"""Fields that come from one contact: by the name under which a caller chooses the contact, those taken together. The
first of them says whether a contact has a value. Without a choice it is the survivor that gives it, or else the first
of the merged contacts that has one."""
SETTLED: Mapping[str, tuple[str, ...]] = {
    "is_active": ("is_active",),
    "relationship_status": ("relationship_status", "lifecycle_stage"),
    "lifecycle_stage": ("lifecycle_stage",),
}
"""Fields that every contact has a value of: without a choice the survivor's stay. A stage that is chosen itself goes
before the stage of a chosen status."""
CHOICES = (*UNITS, *SETTLED, "about", "preferred")
"""The names under which a caller chooses a contact; beside them, `custom_fields.` and the name of a custom field."""
CUSTOM = "custom_fields."
NUMBER_LABELS = {"phone": "phone", "whatsapp": "whatsapp"}
"""The labels that numbers get when they become further ones, by the field in which they were."""
LABELS = {"tag_ids": "tags", "type_ids": "types", "group_ids": "groups"}
"""The fields with the ids of labels, and those with their names."""
_WITH_DETAILS = frozenset({"email", "phone", "whatsapp"})
"""Units whose value has details. The survivor keeps those if the value stays, whichever contact is chosen."""
BOOKED = ("name", "phone", "owner_id")
"""The units that a booking may have set; the field `booked` names them so too."""


class Sources:
    """The contacts of a merge, and from which of them each field comes. Raises Invalid for choices that name another
    contact, an unknown field, or a contact without a value.
    """

    def __init__(self, survivor: Contact, merged: Sequence[Contact], choices: Mapping[str, str]) -> None:
        self.survivor = survivor
        self.merged = merged
        self.contacts = (survivor, *merged)
        self._chosen = self._resolve(choices)

    def chosen(self, name: str) -> Contact | None:
        """Return the contact that the caller chose for a field, or None."""
        return self._chosen.get(name)

    def source(self, name: str) -> Contact:
        """Return the contact from which a field comes."""
        if (chosen := self._chosen.get(name)) is not None:
            return chosen
        return next((one for one in self.contacts if has_value(one, name)), self.survivor)

    def _resolve(self, choices: Mapping[str, str]) -> dict[str, Contact]:
        by_id = {one.id: one for one in self.contacts}
        chosen: dict[str, Contact] = {}
        errors: list[FieldError] = []
        for name, contact_id in choices.items():
            field = f"choices.{name}"
            contact = by_id.get(contact_id)
            if name not in CHOICES and not name.startswith(CUSTOM):
                message = f"Choose by one of {', '.join(CHOICES)}, or by custom_fields.<name>."
                errors.append(FieldError(field, "unknown_field", message))
            elif contact is None:
                message = "This is neither the survivor nor one of the merged contacts."
                errors.append(FieldError(field, "not_merged", message))
            elif not has_value(contact, name):
                message = "The chosen contact has no value in this field."
                errors.append(FieldError(field, "empty_choice", message))
            else:
                chosen[name] = contact
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
        return chosen


def has_value(contact: Contact, name: str) -> bool:
    """Return whether a contact has a value in a field. A name that is only the local part of one of its addresses is
    none.
    """
    if name == "name":
        addresses = unique_addresses(contact.email, contact.other_emails)
        return has_real_name(contact.first_name, contact.last_name, addresses)
    if name in SETTLED:
        return True
    if name == "preferred":
        return contact.communication["preferred"] != NO_PREFERENCE
    if name.startswith(CUSTOM):
        return name.removeprefix(CUSTOM) in contact.custom_fields
    return bool(getattr(contact, name))


def united(sources: Sources) -> dict[str, Any]:
    """Return the fields of the survivor after a merge, except for its figures, `merged_from` and what follows from its
    status. Those that do not change are among them.
    """
    given: dict[str, Any] = {}
    for name, fields in UNITS.items():
        source = sources.source(name)
        if name in _WITH_DETAILS and getattr(source, name) == getattr(sources.survivor, name):
            source = sources.survivor
        given |= {one: getattr(source, one) for one in fields}
    for name, fields in SETTLED.items():
        if (chosen := sources.chosen(name)) is not None:
            given |= {one: getattr(chosen, one) for one in fields}
    given["full_name"] = join_name(given["first_name"], given["last_name"])
    given["other_emails"] = _unite_emails(sources, given["email"])
    given["other_phones"] = _unite_phones(sources, given)
    given["about"] = _join_about(sources)
    given["custom_fields"] = _unite_custom_fields(sources)
    given["communication"] = _unite_communication(sources)
    for ids, names in LABELS.items():
        given |= _unite_labels(sources.contacts, ids, names)
    given |= _unite_organizers(sources.contacts)
    given["booked"] = _carry_bookings(sources)
    given["is_primary"] = given["customer_id"] is not None and any(
        one.is_primary and one.customer_id == given["customer_id"] for one in sources.contacts
    )
    given["created_at"] = min(one.created_at for one in sources.contacts)
    return given


def _unite_emails(sources: Sources, primary: str | None) -> list[str]:
    """Return the addresses beside the primary one: those of the survivor first."""
    survivor = sources.survivor
    every = [*survivor.other_emails, survivor.email]
    for one in sources.merged:
        every += [one.email, *one.other_emails]
    return [email for email in dict.fromkeys(every) if email and email != primary]


def _unite_phones(sources: Sources, given: Mapping[str, Any]) -> list[OtherPhone]:
    """Return the numbers beside the telephone and the WhatsApp number: those of the survivor first, and none twice."""
    result = [*sources.survivor.other_phones]
    known = {given["phone"], given["whatsapp"], *(phone["number"] for phone in result)}
    further = numbers_of(sources.survivor)
    for one in sources.merged:
        further += [*numbers_of(one), *one.other_phones]
    for phone in further:
        if phone["number"] not in known:
            known.add(phone["number"])
            result.append(phone)
    return result


def numbers_of(contact: Contact) -> list[OtherPhone]:
    """Return the telephone and the WhatsApp number of a contact as further numbers."""
    return [
        OtherPhone(label=label, number=number, raw=getattr(contact, f"{name}_raw"))
        for name, label in NUMBER_LABELS.items()
        if (number := getattr(contact, name))
    ]


def _join_about(sources: Sources) -> str:
    if (chosen := sources.chosen("about")) is not None:
        return chosen.about
    return "\n\n".join(dict.fromkeys(one.about for one in sources.contacts if one.about))


def _unite_custom_fields(sources: Sources) -> dict[str, Any]:
    """Return the custom fields of all: those of the survivor first, in their order."""
    result: dict[str, Any] = {}
    for contact in sources.contacts:
        for name, value in contact.custom_fields.items():
            result.setdefault(name, value)
    for name in result:
        if (chosen := sources.chosen(f"{CUSTOM}{name}")) is not None:
            result[name] = chosen.custom_fields[name]
    return result


def _unite_communication(sources: Sources) -> Communication:
    """Return the preference of the contact from which it comes, and the state of each channel: that of the first
    contact that opted out of it, or else the first that there is.
    """
    opt_outs: dict[Channel, OptOut] = {}
    for contact in sources.contacts:
        for channel, state in contact.communication["opt_outs"].items():
            present = opt_outs.get(channel)
            if present is None or (state["opted_out"] and not present["opted_out"]):
                opt_outs[channel] = state
    return {"preferred": sources.source("preferred").communication["preferred"], "opt_outs": opt_outs}


def _unite_labels(contacts: Iterable[Contact], ids: str, names: str) -> dict[str, list[str]]:
    """Return the labels of all contacts. Those whose names are not known yet come last, as `with_label_names` puts
    them.
    """
    named: dict[str, str] = {}
    every: dict[str, None] = {}
    for contact in contacts:
        given: list[str] = getattr(contact, ids)
        every |= dict.fromkeys(given)
        for label_id, name in zip(given, getattr(contact, names), strict=False):
            named.setdefault(label_id, name)
    known = [one for one in every if one in named]
    return {ids: [*known, *(one for one in every if one not in named)], names: [named[one] for one in known]}


def _unite_organizers(contacts: Sequence[Contact]) -> dict[str, Any]:
    """Return the organizers of all contacts, also more than a contact gets from bookings."""
    named = {one for each in contacts for one in each.organizer_ids if one not in each.unnamed_organizers}
    unnamed: dict[str, int] = {}
    for contact in contacts:
        for user_id, count in contact.unnamed_organizers.items():
            if user_id not in named:
                unnamed[user_id] = unnamed.get(user_id, 0) + count
    return {
        "organizer_ids": sorted({one for each in contacts for one in each.organizer_ids}),
        "unnamed_organizers": dict(sorted(unnamed.items())),
    }


def _carry_bookings(sources: Sources) -> dict[str, str]:
    """Return the booking events from which fields come, each from the contact from which its field comes."""
    found = {name: sources.source(name).booked.get(name) for name in BOOKED}
    return {name: event for name, event in sorted(found.items()) if event is not None}
