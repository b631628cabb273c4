"""The plan of a merge: every record after it, worked out before anything is written. A dry run shows the same plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from shared.domain.contacts.part_figures import Figures
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import STATUS_FIELDS, Move, history_data
from shared.domain.errors import Conflict, FieldError
from shared.domain.events import Event, differ
from shared.domain.ids import derived_id, milliseconds_of
from shared.domain.merges.fields import LABELS, Sources, united
from shared.domain.merges.record import MAX_MERGED, Merge, MergeDetail, undo_until
from shared.domain.stamp import Stamp

MAX_BYTES = 150_000
"""The maximum size of a survivor, in bytes of its fields as JSON. The event of a merge may hold the values before and
after it, and an item of DynamoDB has at most 400 kB (service quotas)."""

_TOGETHER: tuple[frozenset[str], ...] = (
    frozenset({"first_name", "last_name"}),
    frozenset({"email", "email_verified", "other_emails"}),
    frozenset({"phone", "phone_raw", "whatsapp", "whatsapp_raw", "other_phones"}),
    frozenset({"customer_id", "is_primary"}),
    *(frozenset(pair) for pair in LABELS.items()),
)
"""Fields among which values move. If the merge changes one of them, the undo needs the others too."""

_BOOKED = frozenset({"first_name", "last_name", "phone", "owner_id"})
"""The fields that bookings set. If the merge changes from which booking one comes, the undo needs them too."""


class ContactChange(NamedTuple):
    """A contact before and after a change, and the event of it."""

    before: Contact
    after: Contact
    event: Event


@dataclass(frozen=True, slots=True)
class MergePlan:
    """The records that a merge writes. `merged`: those that are merged, in the order in which they were given."""

    merge: Merge
    detail: MergeDetail
    survivor: ContactChange
    merged: tuple[ContactChange, ...]


def plan_merge(
    survivor: Contact,
    merged: Sequence[Contact],
    choices: Mapping[str, str],
    *,
    merge_id: str,
    stamp: Stamp,
    own_figures: Mapping[str, Figures] | None = None,
    changed_by: str = "",
) -> MergePlan:
    """Return the plan of a merge of live contacts into another one, with the same labels known for all of them.

    `choices`: for a field, the id of the contact from which it is to come; see `CHOICES`. `stamp`: of the survivor's
    change; the ids of the other events follow from it. `own_figures`: by id, for each merged contact into which others
    were merged before, the figures of its own partition (`Figures.without`). `changed_by`: the caller's name, for the
    history of statuses.

    Raises Invalid for refused choices, and Conflict with code `merge_too_large` when the survivor would be too large or
    have too many parts.
    """
    sources = Sources(survivor, merged, choices)
    given = united(sources)
    detail = MergeDetail(
        changes=_changes(survivor, given), primary_ids=tuple(one.id for one in merged if one.is_primary)
    )
    merged_from = [*survivor.merged_from, *(part for one in merged for part in one.parts)]
    if len(merged_from) > MAX_MERGED:
        raise _too_many(len(merged_from))
    given["merged_from"] = merged_from
    given |= Figures.total(one.figures for one in sources.contacts).fields
    change = _change_survivor(survivor, given, merge_id, [one.id for one in merged], stamp, changed_by)
    _check_size(change.after)
    own = own_figures or {}
    changes = []
    for one in merged:
        after, event = one.become_merged(
            survivor.id, merge_id=merge_id, own=own.get(one.id), stamp=stamp_of(stamp, one.id)
        )
        changes.append(ContactChange(one, after, event))
    merge = Merge(
        id=merge_id,
        survivor_id=survivor.id,
        merged_ids=[one.id for one in merged],
        choices=dict(choices),
        by=stamp.caller.actor,
        at=stamp.at,
        undo_until=undo_until(stamp.at),
        job_id=stamp.caller.job_id,
    )
    return MergePlan(merge, detail, change, tuple(changes))


def stamp_of(stamp: Stamp, contact_id: str) -> Stamp:
    """Return the stamp of the change of another contact that is part of a change: its event's id follows from it."""
    return replace(stamp, event_id=derived_id(milliseconds_of(stamp.event_id), stamp.event_id, contact_id))


def status_fields(contact: Contact, given: Mapping[str, Any], stamp: Stamp) -> dict[str, Any]:
    """Return the field that follows when some fields change the status or the stage; nothing if they do not."""
    if all(given.get(name, getattr(contact, name)) == getattr(contact, name) for name in STATUS_FIELDS):
        return {}
    # Never earlier, so that the history is in the order of the moves even if clocks differ.
    return {"status_changed_at": max(stamp.at, contact.status_changed_at or "")}


def record_move(before: Contact, after: Contact, event: Event, changed_by: str) -> None:
    """Add to an event what makes an entry of the history of statuses, if the status or the stage has changed."""
    if any(getattr(before, name) != getattr(after, name) for name in STATUS_FIELDS):
        event.data.update(history_data(before, after, Move(changed_by=changed_by)))


def _changes(survivor: Contact, given: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what the undo needs of the fields that change, and of those that it has to see together with them."""
    changed = {name for name, value in given.items() if differ(getattr(survivor, name), value)}
    changed.add(
        "communication"
    )  # the undo looks for opt-outs since the merge, also if there were none before
    if "booked" in changed:
        changed |= _BOOKED
    for group in _TOGETHER:
        if not changed.isdisjoint(group):
            changed |= group
    return {name: (getattr(survivor, name), value) for name, value in given.items() if name in changed}


def _change_survivor(
    survivor: Contact,
    given: Mapping[str, Any],
    merge_id: str,
    merged_ids: Sequence[str],
    stamp: Stamp,
    changed_by: str,
) -> ContactChange:
    after, event = survivor.merge(
        {**given, **status_fields(survivor, given, stamp)},
        merge_id=merge_id,
        merged_ids=merged_ids,
        stamp=stamp,
    )
    record_move(survivor, after, event, changed_by)
    return ContactChange(survivor, after, event)


def _check_size(contact: Contact) -> None:
    sizes = {
        name: len(json.dumps(value, ensure_ascii=False).encode()) + len(name)
        for name, value in contact.__dict__.items()
        if value
    }
    total = sum(sizes.values())
    if total <= MAX_BYTES:
        return
    largest = max(sizes, key=lambda name: sizes[name])
    message = (
        f"The merged contact would have {total:,} bytes, of which `{largest}` has {sizes[largest]:,}. It can have "
        f"{MAX_BYTES:,}. Shorten this field of one of the contacts, or merge fewer of them."
    )
    raise Conflict(message, code="merge_too_large", errors=(FieldError(largest, "too_large", message),))


def _too_many(count: int) -> Conflict:
    message = (
        f"{count} contacts would be merged into this one, counting those that were merged before. There can be "
        f"{MAX_MERGED}."
    )
    return Conflict(message, code="merge_too_large", errors=(FieldError("merged_ids", "too_large", message),))
