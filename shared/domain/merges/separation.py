"""The values that the survivor of a merge loses when the merge is undone, field by field.

A value that is still the one that the merge gave goes back, and one that was changed since stays and is listed. Lists,
custom fields and channels are compared entry by entry: what the merge gave goes, and what was added or removed since
stays so. An address of a contact that is back goes back to it in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.contacts.booked import organizer_fields
from shared.domain.contacts.communication import NO_COMMUNICATION
from shared.domain.contacts.other_phones import OtherPhone
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock, unique_addresses
from shared.domain.events import differ
from shared.domain.merges.fields import BOOKED, CUSTOM, LABELS
from shared.domain.merges.record import KeptReason, MergeDetail
from shared.domain.text import join_name

_SCALARS: Mapping[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name"),
    "phone": ("phone",),
    "whatsapp": ("whatsapp",),
    "company": ("company",),
    "department": ("department",),
    "job_title": ("job_title",),
    "about": ("about",),
    "is_active": ("is_active",),
    "relationship_status": ("relationship_status",),
    "lifecycle_stage": ("lifecycle_stage",),
    "owner_id": ("owner_id",),
    "customer_id": ("customer_id",),
}
"""Fields that are compared as a whole, by the name under which they are listed if they stay."""
_RAW = {"phone": "phone_raw", "whatsapp": "whatsapp_raw"}
"""The fields with numbers as they were typed, which follow the numbers."""
_OPT_OUTS = "communication.opt_outs."


@dataclass(slots=True)
class Separation:
    """The fields that the survivor gets when a merge is undone, and the fields that stay, each with the reason."""

    given: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, KeptReason] = field(default_factory=dict)


def separate(
    survivor: Contact,
    detail: MergeDetail,
    returning: Sequence[Contact],
    *,
    customers: Collection[str],
    owners: Mapping[str, str | None],
    taken: Collection[Lock],
) -> Separation:
    """Return what becomes of the survivor's fields, except for its figures and `merged_from`.

    `returning`: the contacts that are to be back. `customers`: those that exist. `owners`: the present owners in place
    of removed users. `taken`: locks of contacts that have no part in the merge.
    """
    work = _Work(survivor, detail)
    work.take_back_scalars(customers, owners)
    work.take_back_addresses(returning, {lock.value for lock in taken if lock.kind == "EMAIL"})
    work.take_back_phones()
    work.take_back_custom_fields()
    work.take_back_communication()
    for ids, names in LABELS.items():
        work.take_back_labels(ids, names)
    work.take_back_organizers()
    work.take_back_rest()
    return work.result


class _Work:
    def __init__(self, survivor: Contact, detail: MergeDetail) -> None:
        self._now = survivor
        self._changes = detail.changes
        self.result = Separation()

    def _set(self, name: str, value: Any) -> None:
        if differ(getattr(self._now, name), value):
            self.result.given[name] = value

    def _get(self, name: str) -> Any:
        """Return the value of a field as it is to be."""
        return self.result.given.get(name, getattr(self._now, name))

    def _goes_back(self, name: str, now: Any, before: Any, after: Any) -> bool:
        """Return whether a value is still the one that the merge gave. One that was changed since is listed, unless it
        is the one before the merge.
        """
        if not differ(before, after) or not differ(now, before):
            return False
        if differ(now, after):
            self.result.kept[name] = "changed_since"
            return False
        return True

    def take_back_scalars(self, customers: Collection[str], owners: Mapping[str, str | None]) -> None:
        """Take back the fields that are compared as a whole."""
        for unit, names in _SCALARS.items():
            changes = [self._changes.get(name, (None, None)) for name in names]
            now = [getattr(self._now, name) for name in names]
            before, after = [old for old, _ in changes], [new for _, new in changes]
            # Of a field that the merge left as it was, the value then is not known.
            known = [at for at, name in enumerate(names) if name in self._changes]
            if not self._goes_back(unit, *([each[at] for at in known] for each in (now, before, after))):
                continue
            given = {names[at]: before[at] for at in known}
            if unit == "customer_id" and given[unit] is not None and given[unit] not in customers:
                self.result.kept[unit] = "unknown_customer"
                continue
            if unit == "owner_id" and given[unit] in owners:
                self.result.kept[unit] = "owner_removed"
                given[unit] = owners[given[unit]]
            if unit in _RAW:
                given[_RAW[unit]] = self._changes[_RAW[unit]][0]
            for name, value in given.items():
                self._set(name, value)
        self._set("full_name", join_name(self._get("first_name"), self._get("last_name")))

    def take_back_addresses(self, returning: Sequence[Contact], taken: Collection[str]) -> None:
        """Take back the addresses of the contacts that are back, and the primary address if the merge gave it."""
        if "email" not in self._changes:
            return
        before, after = self._changes["email"]
        others_before, others_after = self._changes["other_emails"]
        now, others = self._now.email, self._now.other_emails
        own = unique_addresses(before, others_before)
        theirs = {
            address
            for one in returning
            for address in unique_addresses(one.email, one.other_emails)
            if address not in own
        }
        rest = [address for address in others if address not in theirs]
        email, stays = now, now is None or now not in theirs
        if differ(before, after) and now == after:
            email, stays = before, True
            if before is not None and before in taken and before not in others:
                self.result.kept["email"] = "address_taken"
                stays = False
        elif not stays:
            self.result.kept["email"] = "address_returned"
        elif differ(before, after) and now != before:
            self.result.kept["email"] = "changed_since"
        if not stays:
            email = before if before in rest else next(iter(rest), None)
        if others == others_after:
            rest = [address for address in others_before if address not in taken or address in others]
        former = [address for address in (before, now) if address in own and address not in taken]
        rest = [address for address in dict.fromkeys([*rest, *former]) if address and address != email]
        self._set("email", email)
        self._set("other_emails", rest)
        if email != now:
            self._set("email_verified", bool(email == before and self._changes["email_verified"][0]))

    def take_back_phones(self) -> None:
        """Take back the further numbers that the merge gave. A number that was the telephone or WhatsApp number before,
        and does not become it again, stays among them.
        """
        if "other_phones" not in self._changes:
            return
        before, after = (_by_number(phones) for phones in self._changes["other_phones"])
        own = {self._get(name) for name in _RAW}
        former = {self._changes[name][0] for name in _RAW} - own
        result = []
        for phone in self._now.other_phones:
            number = phone["number"]
            if number in before or number not in after or number in former:
                result.append(phone)
            elif differ(phone, after[number]):
                result.append(phone)
                self.result.kept["other_phones"] = "changed_since"
        self._set("other_phones", result)

    def take_back_custom_fields(self) -> None:
        """Take back the custom fields, each by itself."""
        if "custom_fields" not in self._changes:
            return
        before, after = self._changes["custom_fields"]
        self._set("custom_fields", self._members(CUSTOM, self._now.custom_fields, before, after))

    def take_back_communication(self) -> None:
        """Take back the preferred channel, and the state of each channel by itself."""
        before, after = self._changes["communication"]
        now = self._now.communication
        preferred = now["preferred"]
        if self._goes_back("communication.preferred", preferred, before["preferred"], after["preferred"]):
            preferred = before["preferred"]
        present = {str(channel): state for channel, state in now["opt_outs"].items()}
        opt_outs = self._members(_OPT_OUTS, present, before["opt_outs"], after["opt_outs"])
        self._set("communication", {**NO_COMMUNICATION, "preferred": preferred, "opt_outs": opt_outs})

    def _members(
        self, prefix: str, now: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any]:
        members = dict(now)
        for name in after:
            if self._goes_back(f"{prefix}{name}", now.get(name), before.get(name), after[name]):
                if name in before:
                    members[name] = before[name]
                else:
                    del members[name]
        return members

    def take_back_labels(self, ids: str, names: str) -> None:
        """Take back the labels that the merge gave."""
        if ids not in self._changes:
            return
        before, after = self._changes[ids]
        lost = {*after} - {*before}
        now: list[str] = getattr(self._now, ids)
        known = dict(zip(now, getattr(self._now, names), strict=False))
        self._set(ids, [one for one in now if one not in lost])
        self._set(names, [name for one, name in known.items() if one not in lost])

    def take_back_organizers(self) -> None:
        """Take back the organizers that the merge gave, unless they organize further bookings by now."""
        if "organizer_ids" not in self._changes and "unnamed_organizers" not in self._changes:
            return
        ids_before, ids_after = self._changes.get("organizer_ids", ([], []))
        before, after = self._changes.get("unnamed_organizers", ({}, {}))
        unnamed = {
            user_id: left
            for user_id, count in self._now.unnamed_organizers.items()
            if (left := count - after.get(user_id, 0) + before.get(user_id, 0)) > 0
        }
        # The bookings of an organizer whom an event of a merged contact named were counted no longer.
        unnamed |= {one: count for one, count in before.items() if one not in after}
        lost = {*ids_after} - {*ids_before}
        fields = organizer_fields({one for one in self._now.organizer_ids if one not in lost}, unnamed)
        for name, value in fields.items():
            self._set(name, value)

    def take_back_rest(self) -> None:
        """Take back the time of creation, and the booking events from which fields come."""
        if "created_at" in self._changes:
            before, after = self._changes["created_at"]
            self._set("created_at", before if self._now.created_at == after else self._now.created_at)
        self.result.given["booked"] = self._booked()

    def _booked(self) -> dict[str, str]:
        """Return the booking events from which fields come. Of a field that was changed since, no earlier one is."""
        booked = dict(self._now.booked)
        before, after = self._changes.get("booked", (self._now.booked, self._now.booked))
        for unit in BOOKED:
            is_unchanged = unit not in self.result.kept and all(
                not differ(getattr(self._now, name), self._changes[name][1])
                for name in _SCALARS[unit]
                if name in self._changes
            )
            if is_unchanged and booked.get(unit) == after.get(unit):
                booked.pop(unit, None)
                if unit in before:
                    booked[unit] = before[unit]
        return dict(sorted(booked.items()))


def _by_number(phones: Sequence[OtherPhone]) -> dict[str, OtherPhone]:
    return {phone["number"]: phone for phone in phones}
