"""Takes back what an import wrote to contacts.

Every contact is judged as it is now. A contact that the import created is deleted if nothing has happened to it since.
A contact that it changed gets its earlier values back, field by field. Each contact is written once, with an event that
names the writes that it takes back; so work that is repeated after a kill finds it, and has the same outcome.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from shared.domain.contacts.history import MAX_VERSIONS_BACK
from shared.domain.contacts.record import Contact
from shared.domain.contacts.reversal import KeptField, Value, find_writes, reverse
from shared.domain.errors import (
    ConcurrentChange,
    DomainError,
    Duplicate,
    Invalid,
    Merged,
    NotFound,
    Unavailable,
)
from shared.domain.events import CONTACT_CREATED, CONTACT_DELETED, Event
from shared.domain.ids import Work, derived_id
from shared.domain.imports.record import ImportRun
from shared.domain.imports.undo import Change, Undo, UndoOutcome
from shared.domain.imports.undone import UndoneContact
from shared.domain.labels.record import NO_LABELS, Labels
from shared.domain.stamp import Stamp
from shared.domain.timestamps import to_milliseconds
from shared.services.contacts.changes import in_version_order
from shared.services.imports.carrying_out import Written

if TYPE_CHECKING:
    from shared.services.contacts.bulk_writing import BulkWriting

_PORTION = 100
"""Events of a contact that are read at once, at most."""
_ROUNDS = 60
"""How often contacts are decided on again, at most: each time, a contact gives up one value that it cannot have. More
than the addresses, numbers and customers of a contact."""

Reversed = tuple[Contact, Event]
"""A contact that is taken back, and the event of that."""


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...

    def read_events(self, events: Iterable[tuple[str, str]]) -> dict[str, Event]: ...


class Events(Protocol):
    """The events of one tenant's contacts; see `shared.table.contacts.history.ContactEvents`."""

    def walk(self, contact_id: str, *, after: str | None, portion: int) -> Iterator[Event]: ...


class Owners(Protocol):
    """Finds who may own a contact; see `shared.services.contacts.writing.ContactWriting`."""

    def find_owner(self, owner_id: str | None) -> str | None: ...


class Reversals:
    """Takes back what one import wrote, on behalf of that import.

    `writing` returns what writes many contacts, given the work that derives the ids of the events. `labels` returns the
    labels as of now.
    """

    def __init__(
        self,
        run: ImportRun,
        contacts: Contacts,
        events: Events,
        owners: Owners,
        writing: Callable[[Work], BulkWriting],
        labels: Callable[[], Labels],
    ) -> None:
        if run.undo is None:
            raise ValueError("the import is not being undone")
        self._run = run
        self._undo = run.undo
        self._contacts = contacts
        self._events = events
        self._owners = owners
        self._writing = writing
        self._labels = labels

    def take_back(self, chunk: int, written: Sequence[Written]) -> list[UndoneContact]:
        """Take back what a chunk wrote. Returns what became of each contact.

        Raises Unavailable and ConcurrentChange when it should be tried again.
        """
        run, undo = self._run, self._undo
        milliseconds = to_milliseconds(undo.started_at)
        work = Work(derived_id(milliseconds, run.tenant_id, run.id, undo.attempt, str(chunk)), is_retry=True)
        found = self._contacts.read_events((one.contact_id, one.event_id) for one in written)
        own: dict[str, list[Event]] = {one.contact_id: [] for one in written}
        for event in sorted(found.values(), key=lambda one: one.version):
            own[event.entity_id].append(event)
        taken_back = _ChunkReversal(run, undo, self._contacts, self._events, self._owners, self._labels, own)
        taken_back.carry_out(self._writing(work), work)
        purged = [
            UndoneContact(one.contact_id, one.change, (), "kept", "deleted")
            for one in {one.contact_id: one for one in written}.values()
            if not own[one.contact_id]
        ]
        return [*taken_back.outcomes.values(), *purged]


class _ChunkReversal:
    """The reversal of one chunk. `own`: the events of what the chunk wrote, by contact, the oldest first."""

    def __init__(
        self,
        run: ImportRun,
        undo: Undo,
        contacts: Contacts,
        events: Events,
        owners: Owners,
        labels: Callable[[], Labels],
        own: dict[str, list[Event]],
    ) -> None:
        self.outcomes: dict[str, UndoneContact] = {}
        self._run = run
        self._caller = run.caller
        self._undo = undo
        self._contacts = contacts
        self._events = events
        self._owners = owners
        self._read_labels = labels
        self._labels = NO_LABELS
        self._own = own
        self._taken: defaultdict[str, set[Value]] = defaultdict(set)
        self._planned: dict[str, tuple[Contact, Contact]] = {}
        self._decided: Counter[str] = Counter()

    def carry_out(self, writing: BulkWriting, work: Work) -> None:
        """Take back what can be, and set the outcome of each contact."""
        pending = [one for one, events in self._own.items() if events]
        for _ in range(_ROUNDS):
            self._labels = self._read_labels()
            results = writing.change(pending, "contacts:write", self._decide, None)
            pending = [one for one in pending if not self._settle(one, results[one].refusal)]
            if not pending:
                break
        for contact_id in pending:
            self._set(contact_id, "failed", "too_many_conflicts")
        # A contact that was decided on once was written then. Of others, an earlier attempt may have been the writer.
        unsure = [
            (one, work.derived_id("event", one))
            for one, events in self._own.items()
            if events and self._decided[one] != 1
        ]
        for event in self._contacts.read_events(unsure).values() if unsure else ():
            self._set_by(event)

    def _settle(self, contact_id: str, refusal: DomainError | None) -> bool:
        """Handle the result of a contact. Returns False when it is to be decided on again."""
        if refusal is None:
            return True
        if isinstance(refusal, Unavailable | ConcurrentChange):
            raise refusal
        if isinstance(refusal, Merged):
            self._set(contact_id, "kept", "merged")
            return True
        if isinstance(refusal, NotFound):
            deleted = self._contacts.get_with_deleted(contact_id)
            is_own = deleted is not None and deleted.updated_by == self._caller.actor
            self._set(contact_id, *(("removed", "") if is_own else ("kept", "deleted")))
            return True
        value = self._find_taken(contact_id, refusal)
        if value is None or value in self._taken[contact_id]:
            self._set(contact_id, "failed", refusal.code)
            return True
        self._taken[contact_id].add(value)
        return False

    def _find_taken(self, contact_id: str, refusal: DomainError) -> Value | None:
        """Return the value for which a change was refused; None when there is no such value."""
        before, after = self._planned[contact_id]
        if isinstance(refusal, Invalid) and any(one.code == "unknown_customer" for one in refusal.errors):
            return "customer_id", after.customer_id
        if not isinstance(refusal, Duplicate):
            return None
        name, _, position = refusal.field.partition(".")
        values = getattr(after, name)
        value = ("email", values[int(position)]) if position else (name, values)
        had = {*before.addresses} if value[0] == "email" else {getattr(before, name)}
        # What it had already conflicts only among the contacts of another customer.
        return ("customer_id", after.customer_id) if value[1] in had else value

    def _decide(self, before: Contact, event_id: str) -> Reversed | None:
        self._decided[before.id] += 1
        own = self._own[before.id]
        later = self._read_later(before, own)
        undos = [one for one in later or () if self._is_undo(one)]
        handled = {done for one in undos for done in one.data["undone"]}
        stamp = Stamp.now(self._caller, event_id=event_id)
        if own[0].type == CONTACT_CREATED:
            change = self._decide_on_created(before, later, stamp)
        elif all(one.id in handled for one in own):
            self._set_by(next(one for one in undos if own[0].id in one.data["undone"]))
            return None
        else:
            change = self._decide_on_changed(before, later, handled, stamp)
        if change is None:
            return None
        after, event = change
        self._planned[before.id] = before, after
        outcome = self.outcomes[before.id]
        kept = [{"field": one.field, "reason": one.reason} for one in outcome.fields]
        writes = [*own, *(one for one in later or () if self._is_write(one))]
        event.data.update(
            import_id=self._run.id,
            undo=self._undo.attempt,
            undone=list(dict.fromkeys(one.id for one in writes if one.id not in handled)),
            kept=kept,
        )
        return change

    def _decide_on_created(
        self, before: Contact, later: Sequence[Event] | None, stamp: Stamp
    ) -> Reversed | None:
        # The import and its undo also change a contact when another one joins or leaves its customer.
        if later is None or not all(one.actor == self._caller.actor for one in later):
            self._set(before.id, "kept", _what_happened_to(before))
            return None
        self._set(before.id, "removed")
        return before.delete(stamp=stamp)

    def _decide_on_changed(
        self, before: Contact, later: Sequence[Event] | None, handled: set[str], stamp: Stamp
    ) -> Reversed | None:
        first = self._own[before.id][0]
        writes = find_writes(before, later, first, self._is_write)
        if later is None:
            # Of too many changes since, only those of this chunk are known to be the import's.
            writes = [*(replace(writes[0], event=one) for one in self._own[before.id][:0:-1]), *writes]
        reversal = reverse(
            before,
            [one for one in writes if one.event.id not in handled],
            self._labels,
            self._taken[before.id],
            stamp=stamp,
        )
        fields = reversal.fields
        if "owner_id" in fields:
            fields["owner_id"] = self._owners.find_owner(fields["owner_id"])
        if reversal.kept:
            self._set(before.id, "kept", "fields_kept", reversal.kept)
        else:
            self._set(before.id, "restored")
        return before.change(fields, stamp=stamp)

    def _read_later(self, before: Contact, own: Sequence[Event]) -> list[Event] | None:
        """Return the events of a contact since the first of `own`, newest first; None when they are not needed, or too
        many."""
        count = before.version - own[0].version
        if count == len(own) - 1:  # nothing has happened since
            return list(own[:0:-1])
        is_created = own[0].type == CONTACT_CREATED
        if count > MAX_VERSIONS_BACK or (is_created and before.updated_by != self._caller.actor):
            return None
        events = self._events.walk(before.id, after=None, portion=min(count + 1, _PORTION))
        ordered = in_version_order(events, (before.version, None))
        later = [event for event, _ in islice(ordered, count)]
        return later if len(later) == count else None

    def _is_write(self, event: Event) -> bool:
        """Return whether an event is of a write of this import."""
        return event.actor == self._caller.actor and "rows" in event.data

    def _is_undo(self, event: Event) -> bool:
        """Return whether an event is of this undo."""
        return event.actor == self._caller.actor and event.data.get("undo") == self._undo.attempt

    def _set(
        self, contact_id: str, outcome: UndoOutcome, reason: str = "", fields: tuple[KeptField, ...] = ()
    ) -> None:
        own = self._own[contact_id]
        change: Change = "created" if own[0].type == CONTACT_CREATED else "changed"
        rows = sorted({int(row) for event in own for row in event.data.get("rows", ())})
        self.outcomes[contact_id] = UndoneContact(contact_id, change, tuple(rows), outcome, reason, fields)

    def _set_by(self, event: Event) -> None:
        """Set the outcome of a contact that was written with an event."""
        fields = tuple(KeptField(**one) for one in event.data["kept"])
        if event.type == CONTACT_DELETED:
            self._set(event.entity_id, "removed")
        elif fields:
            self._set(event.entity_id, "kept", "fields_kept", fields)
        else:
            self._set(event.entity_id, "restored")


def _what_happened_to(contact: Contact) -> str:
    """Return why a contact that an import created is kept."""
    if contact.total_bookings or contact.booking_counts:
        return "has_bookings"
    if contact.note_count:
        return "has_notes"
    if contact.interaction_count or contact.interaction_counts:
        return "has_interactions"
    return "has_follow_ups" if contact.next_follow_up_at else "edited"
