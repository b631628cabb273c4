"""The plan of the undo of a merge: every record after it, worked out before anything is written.

The contacts that were merged are back as they were, and the survivor loses what the merge gave it, as far as it has not
changed since (`separation.py`). What differs from that is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.contacts.part_figures import Figures, FigureTimes
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.events import FIGURES
from shared.domain.merges.plan import ContactChange, record_move, stamp_of, status_fields
from shared.domain.merges.record import KeptField, KeptReason, Merge, MergeDetail, Undo
from shared.domain.merges.returning import Return, bring_back, contested_number, give_way
from shared.domain.merges.separation import Separation, separate
from shared.domain.stamp import Stamp
from shared.domain.tenant import UniqueScope

_NOT_LISTED = FIGURES | {"merged_from", "full_name"}
"""Fields of the survivor that follow from the others or from the contacts that are back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The present records that the undo of a merge depends on.

    `parts`: the contacts that were merged into the survivor, by id: those that are to be back, and the others.
    `times`: the times among the figures of the survivor's own partition. `customers`: the customers of the contacts,
    now and before the merge, each with its primary contact; without those that were deleted. `owners`: for each owner
    that is no longer a user, the successor. `taken`: locks in the names of contacts that have no part in the merge.
    `unique_scope`: the tenant's setting, under which contacts that are back take their locks, as restored ones do.
    """

    parts: Mapping[str, Contact]
    times: FigureTimes
    customers: Mapping[str, str | None] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    taken: Collection[Lock] = ()
    unique_scope: UniqueScope | None = None


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """The records that an undo writes. `returned`: the contacts that are back, in the order of the merge."""

    merge: Merge
    survivor: ContactChange
    returned: tuple[ContactChange, ...]


def plan_undo(
    merge: Merge,
    detail: MergeDetail,
    survivor: Contact,
    present: Present,
    *,
    stamp: Stamp,
    changed_by: str = "",
) -> UndoPlan:
    """Return the plan of the undo of a merge.

    `survivor`: as it is now, live or deleted. `stamp`: of the survivor's change; the ids of the other events follow
    from it. `changed_by`: the caller's name, for the history of statuses.

    Locks of the plan that the contacts do not hold yet may be those of other contacts; then plan again with these in
    `Present.taken`.
    """
    back = [present.parts[one] for one in merge.merged_ids]
    separation = separate(
        survivor, detail, back, customers=present.customers, owners=present.owners, taken=present.taken
    )
    returns = [
        bring_back(one, detail, survivor, customers=present.customers, owners=present.owners) for one in back
    ]
    for result in returns:
        if present.unique_scope is not None:
            result.given["unique_scope"] = present.unique_scope
    for name in _settle_locks(survivor.with_fields(separation.given), detail, back, returns, present.taken):
        separation.given |= {name: None, f"{name}_raw": None}
        separation.kept[name] = "address_returned"
    _settle_primaries(survivor, detail, separation, back, returns, present.customers)
    separation.given |= _figures(survivor, back, present)
    change = _change_survivor(survivor, separation.given, merge, stamp, changed_by)
    returned = []
    for contact, result in zip(back, returns, strict=True):
        given = {**result.given, **_united_figures(contact, present.parts)}
        after, event = contact.unmerge(given, merge_id=merge.id, stamp=stamp_of(stamp, contact.id))
        returned.append(ContactChange(contact, after, event))
    undo = Undo(
        at=stamp.at,
        by=stamp.caller.actor,
        returned=sorted(change.event.changes.keys() - _NOT_LISTED),
        kept=[
            KeptField(field=name, contact_id=contact.id, reason=reason)
            for contact, kept in _kept(survivor, separation.kept, back, returns)
            for name, reason in kept.items()
        ],
    )
    return UndoPlan(merge.with_undo(undo), change, tuple(returned))


def _settle_locks(
    survivor: Contact,
    detail: MergeDetail,
    back: Sequence[Contact],
    returns: Sequence[Return],
    taken: Collection[Lock],
) -> list[str]:
    """Take from the contacts that are back the values that others have, and return the fields in which the survivor has
    a number that goes back to one of them. `survivor`: after the undo.
    """
    lost: list[str] = []
    held = {*taken, *survivor.locks}
    for contact, result in zip(back, returns, strict=True):
        locks = contact.with_fields(result.given).locks
        for lock in locks:
            if lock not in taken and (name := contested_number(lock, survivor, detail)) is not None:
                lost.append(name)
                held.discard(lock)
        refused = [lock for lock in locks if lock in held]
        give_way(contact, refused, result)
        held.update(locks)
    return lost


def _settle_primaries(
    survivor: Contact,
    detail: MergeDetail,
    separation: Separation,
    back: Sequence[Contact],
    returns: Sequence[Return],
    customers: Mapping[str, str | None],
) -> None:
    """Make those primary again that were primary before the merge, where the merge made another contact primary and
    this has not changed since. Where it has, list them.
    """
    given = separation.given
    before, after = detail.changes.get("is_primary", (survivor.is_primary, False))
    by_merge: dict[str, set[str | None]] = {
        customer_id: {None, one} for customer_id, one in detail.promoted.items()
    }
    if after and survivor.is_primary and survivor.customer_id is not None:
        by_merge.setdefault(survivor.customer_id, {None}).add(survivor.id)

    def is_open(customer_id: str | None) -> bool:
        if customer_id is None or customer_id not in customers:
            return False
        return customers[customer_id] in by_merge.get(customer_id, {None})

    if "customer_id" in given:
        was_primary = bool(before) and survivor.deleted_at is None
        given["is_primary"] = was_primary and is_open(given["customer_id"])
        if was_primary and not given["is_primary"]:
            separation.kept["is_primary"] = "changed_since"
    for contact, result in zip(back, returns, strict=True):
        if contact.id not in detail.primary_ids or contact.customer_id not in customers:
            continue
        if not is_open(contact.customer_id):
            result.kept["is_primary"] = "changed_since"
        else:
            result.given["is_primary"] = True
            if contact.customer_id == survivor.customer_id and "customer_id" not in given:
                given["is_primary"] = False


def _figures(survivor: Contact, back: Sequence[Contact], present: Present) -> dict[str, Any]:
    """Return the survivor's parts and figures after the undo."""
    gone = {part for one in back for part in one.parts}
    rest = [one for one in survivor.merged_from if one not in gone]
    parts = {one: present.parts[one].figures for one in survivor.merged_from}
    own = survivor.figures.without(parts.values(), present.times)
    return {"merged_from": rest, **Figures.total([own, *(parts[one] for one in rest)]).fields}


def _united_figures(contact: Contact, parts: Mapping[str, Contact]) -> dict[str, Any]:
    """Return the figures of a contact that is back with the contacts that were merged into it before; nothing for one
    without such contacts.
    """
    if not contact.merged_from:
        return {}
    return Figures.total([contact.figures, *(parts[one].figures for one in contact.merged_from)]).fields


def _change_survivor(
    survivor: Contact, given: Mapping[str, Any], merge: Merge, stamp: Stamp, changed_by: str
) -> ContactChange:
    after, event = survivor.separate(
        {**given, **status_fields(survivor, given, stamp)},
        merge_id=merge.id,
        unmerged_ids=merge.merged_ids,
        stamp=stamp,
    )
    record_move(survivor, after, event, changed_by)
    return ContactChange(survivor, after, event)


def _kept(
    survivor: Contact, kept: Mapping[str, KeptReason], back: Sequence[Contact], returns: Sequence[Return]
) -> list[tuple[Contact, Mapping[str, KeptReason]]]:
    return [(survivor, kept), *((one, result.kept) for one, result in zip(back, returns, strict=True))]
