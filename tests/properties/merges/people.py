"""Contacts of random values to merge, and their timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from shared.domain.callers import Caller
from shared.domain.contacts.part_figures import Figures, FigureTimes
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.events import differ
from shared.domain.ids import derived_id
from shared.domain.merges.plan import MergePlan, plan_merge
from shared.domain.merges.undo import Present, UndoPlan, plan_undo
from shared.domain.stamp import Stamp

AT = "2026-05-04T09:30:00.000Z"
MILLISECONDS = 1_777_887_000_000
USER = Caller("t1", "user", "u1", "admin")
NAMES = ("a", "b", "c", "d")
IDS = tuple(derived_id(MILLISECONDS + at, name) for at, name in enumerate(NAMES))
PHONES = tuple(f"+1202555010{digit}" for digit in range(5))
LABELS = tuple("stuv")
LABEL_NAMES = {f"id-{name}": name for name in LABELS}
CHANNELS = ("email", "sms")
CUSTOMERS = (None, "k1", "k2")
TIMES = tuple(f"2026-05-0{day}T09:30:00.000Z" for day in range(1, 6))


def stamp(number: int) -> Stamp:
    """Return the stamp of the change with a number."""
    return Stamp(derived_id(MILLISECONDS + 1_000 + number, str(number)), AT, USER)


def _emails(name: str) -> tuple[str, ...]:
    # Addresses are unique in the tenant, so each contact has its own.
    return tuple(f"{name}{number}@example.com" for number in range(3))


texts = st.sampled_from(["", "x", "y"])
opt_outs = st.dictionaries(
    st.sampled_from(CHANNELS),
    st.builds(
        lambda out, source: {"opted_out": out, "at": AT, "by": "user:u1", "source": source, "reason": None},
        st.booleans(),
        st.sampled_from(["a call", "a letter"]),
    ),
)
phones = st.lists(
    st.builds(
        lambda label, number: {"label": label, "number": number, "raw": None}, texts, st.sampled_from(PHONES)
    ),
    unique_by=lambda phone: phone["number"],
    max_size=3,
)


def _fields(name: str) -> st.SearchStrategy[dict[str, Any]]:
    labels = st.lists(st.sampled_from([*LABEL_NAMES]), unique=True, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "first_name": st.sampled_from(["Ann", "Bob", f"{name}0"]),
            "last_name": texts,
            "emails": st.lists(st.sampled_from(_emails(name)), unique=True),
            "email_verified": st.booleans(),
            "phone": st.none() | st.sampled_from(PHONES),
            "phone_raw": st.none() | st.just("typed"),
            "whatsapp": st.none() | st.sampled_from(PHONES),
            "other_phones": phones,
            "company": texts,
            "about": texts,
            "owner_id": st.sampled_from([None, "u1", "u2"]),
            "customer_id": st.sampled_from(CUSTOMERS),
            "custom_fields": st.dictionaries(st.sampled_from("pqr"), st.sampled_from([0, True, "x"])),
            "preferred": st.sampled_from(["none", "email", "sms"]),
            "opt_outs": opt_outs,
            "is_active": st.booleans(),
            "relationship_status": st.sampled_from(["prospect", "active_client"]),
            **dict.fromkeys(LABEL_ID_FIELDS, labels),
            "organizer_ids": st.lists(st.sampled_from(["u3", "u4", "u5"]), unique=True),
            "booked": st.dictionaries(st.sampled_from(["name", "phone", "owner_id"]), st.just("event")),
        },
    )


figures = st.builds(
    lambda calls, bookings, cancelled, notes, last, contacted, due: Figures(
        interaction_counts={"call": calls} if calls else {},
        booking_counts={
            state: count for state, count in (("cancelled", cancelled), ("created", bookings)) if count
        },
        note_count=notes,
        times=FigureTimes(last if bookings else None, contacted if calls else None, due),
    ),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(TIMES),
    st.sampled_from(TIMES),
    st.none() | st.sampled_from(TIMES),
)


def _contact(at: int, given: dict[str, Any], own: Figures) -> Contact:
    fields = dict(given)
    emails = fields.pop("emails", [])
    fields |= {"email": emails[0] if emails else None, "other_emails": emails[1:]}
    fields["email_verified"] = bool(emails) and fields.get("email_verified", False)
    if not fields.get("phone"):
        fields["phone_raw"] = None
    first, last = fields.setdefault("first_name", "Ann"), fields.get("last_name", "")
    fields["full_name"] = f"{first} {last}".strip()
    fields["communication"] = {
        "preferred": fields.pop("preferred", "none"),
        "opt_outs": fields.pop("opt_outs", {}),
    }
    for ids, names in zip(LABEL_ID_FIELDS, ("tags", "types", "groups"), strict=True):
        fields[names] = [LABEL_NAMES[one] for one in fields.get(ids, [])]
    organizers = sorted(fields.get("organizer_ids", []))
    fields |= {"organizer_ids": organizers, "unnamed_organizers": dict.fromkeys(organizers[:1], at + 1)}
    fields["booked"] = dict(sorted(fields.get("booked", {}).items()))
    created = f"2026-05-04T09:30:00.00{at}Z"
    return Contact._from_fields(
        id=IDS[at], created_at=created, created_by="user:u1", updated_at=AT, updated_by="user:u1",
        last_event="", **fields, **own.fields,
    )  # fmt: skip


def people(count: int) -> st.SearchStrategy[list[Contact]]:
    """Return a strategy of contacts. Each customer's first contact is its primary one."""
    each = [st.builds(_contact, st.just(at), _fields(NAMES[at]), figures) for at in range(count)]
    return st.tuples(*each).map(_with_primaries)


def _with_primaries(contacts: Sequence[Contact]) -> list[Contact]:
    primaries: dict[str, str] = {}
    for one in contacts:
        if one.customer_id is not None:
            primaries.setdefault(one.customer_id, one.id)
    return [one.with_fields({"is_primary": one.id in primaries.values()}) for one in contacts]


class World:
    """The contacts of a tenant, merged and unmerged by their plans. It has no table: plans are carried out as they are.

    `own`: the figures of each contact's partition.
    """

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self.contacts = {one.id: one for one in contacts}
        self.own = {one.id: one.figures for one in contacts}
        self.merges: list[MergePlan] = []
        self._number = 0

    def stamp(self) -> Stamp:
        """Return the stamp of the next change."""
        self._number += 1
        return stamp(self._number)

    def merge(self, survivor_id: str, merged_ids: Sequence[str], choices: dict[str, str]) -> MergePlan:
        """Merge contacts."""
        change = self.stamp()
        plan = plan_merge(
            self.contacts[survivor_id],
            [self.contacts[one] for one in merged_ids],
            choices,
            merge_id=change.event_id,
            stamp=change,
            own_figures={one: self.own[one] for one in merged_ids if self.contacts[one].merged_from},
        )
        self.merges.append(plan)
        self._carry_out(plan.survivor.after, *(one.after for one in plan.merged))
        return plan

    def undo(self) -> UndoPlan:
        """Undo the last merge."""
        last = self.merges.pop()
        survivor = self.contacts[last.merge.survivor_id]
        plan = plan_undo(
            last.merge,
            last.detail,
            survivor,
            Present(
                parts={one: self.contacts[one] for one in survivor.merged_from},
                times=self.own[survivor.id].times,
                customers=self.primaries(),
            ),
            stamp=self.stamp(),
        )
        self._carry_out(plan.survivor.after, *(one.after for one in plan.returned))
        return plan

    def primaries(self) -> dict[str, str | None]:
        """Return the primary contact of each customer."""
        found: dict[str, str | None] = {one: None for one in CUSTOMERS if one is not None}
        for contact in self.contacts.values():
            if contact.is_primary and contact.member_of is not None:
                found[contact.member_of] = contact.id
        return found

    def call(self, contact_id: str) -> None:
        """Record a call of a contact, in its own partition."""
        at = TIMES[-1]
        change = replace(self.stamp(), at=at)
        after, _ = self.contacts[contact_id].record_interaction(
            interaction_id="call", type="call", occurred_at=at, by_system=False, stamp=change
        )
        more = Figures(interaction_counts={"call": 1}, times=FigureTimes(last_contacted_at=at))
        self.own[contact_id] = Figures.total([self.own[contact_id], more])
        self.put(after)

    def put(self, contact: Contact) -> None:
        """Keep a contact that was changed."""
        self.contacts[contact.id] = contact

    def _carry_out(self, *after: Contact) -> None:
        for one in after:
            self.put(one)

    @property
    def live(self) -> list[Contact]:
        """The contacts that are neither deleted nor merged."""
        return [one for one in self.contacts.values() if one.deleted_at is None]


def content(contact: Contact) -> dict[str, Any]:
    """Return what a contact is, apart from the changes that led to it."""
    # A status that goes back is a further entry of the history.
    changes = {"version", "updated_at", "updated_by", "last_event", "status_changed_at"}
    return {name: value for name, value in contact.__dict__.items() if name not in changes}


def difference(contact: Contact, content_before: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which a contact is not as it was, each with both values."""
    return {
        name: (content_before[name], value)
        for name, value in content(contact).items()
        if differ(value, content_before[name])
    }
