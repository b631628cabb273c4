"""Contacts to merge, and the plans of their merges."""

from __future__ import annotations

from typing import Any

from shared.domain.callers import Caller
from shared.domain.contacts.part_figures import FigureTimes
from shared.domain.contacts.record import Contact
from shared.domain.ids import derived_id
from shared.domain.merges.plan import MergePlan, plan_merge
from shared.domain.merges.undo import Present, UndoPlan, plan_undo
from shared.domain.stamp import Stamp
from shared.domain.timestamps import to_milliseconds

ADMIN = Caller("t1", "user", "u1", "admin")
AT, LATER = "2026-05-04T09:30:00.000Z", "2026-05-05T09:30:00.000Z"


def id_of(name: str) -> str:
    """Return the id of the contact with a name."""
    return derived_id(to_milliseconds(AT), name)


def contact(name: str, **given: Any) -> Contact:
    """Return a contact with some fields, whose id follows from its name, and whose address has it."""
    fields = {"first_name": name.upper(), "email": f"{name}@example.com", "created_at": AT, **given}
    fields["full_name"] = f"{fields['first_name']} {fields.get('last_name', '')}".strip()
    return Contact._from_fields(
        id=id_of(name), created_by="user:u1", updated_at=AT, updated_by="user:u1", last_event="", **fields
    )


def opted_out(source: str) -> Any:
    """Return the state of a channel after an opt-out."""
    return {"opted_out": True, "at": AT, "by": "user:u1", "source": source, "reason": None}


def stamp(number: int = 1) -> Stamp:
    """Return the stamp of a change by an admin."""
    return Stamp(derived_id(to_milliseconds(LATER), str(number)), LATER, ADMIN)


def merge(survivor: Contact, *merged: Contact, **choices: str) -> MergePlan:
    """Return the plan of a merge. `choices`: for a field, the name of the contact."""
    return plan_merge(
        survivor,
        merged,
        {field: id_of(name) for field, name in choices.items()},
        merge_id=id_of("merge"),
        stamp=stamp(),
        changed_by="Ada",
    )


def undo(plan: MergePlan, survivor: Contact | None = None, **present: Any) -> UndoPlan:
    """Return the plan of the undo of a merge, of the survivor as it is now; as the merge left it by default."""
    return plan_undo(
        plan.merge,
        plan.detail,
        survivor or plan.survivor.after,
        Present(
            **{
                "parts": {one.after.id: one.after for one in plan.merged},
                "times": FigureTimes(),
                "customers": {"k1": None, "k2": None},
                **present,
            }
        ),
        stamp=stamp(2),
        changed_by="Ada",
    )


def kept(plan: UndoPlan) -> set[tuple[str, str, str]]:
    """Return the fields that an undo kept, each with its contact and the reason."""
    assert plan.merge.undo is not None
    return {(one.field, one.contact_id, one.reason) for one in plan.merge.undo.kept}
