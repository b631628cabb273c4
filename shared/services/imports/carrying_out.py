"""Carries out the plans of chunks: each contact is written once, however many rows are about it.

A chunk may be worked on more than once, also by two workers at once. The events of its contacts have ids that follow
from the import, and name the rows that were written with them; so an attempt finds what earlier ones have written, and
takes the fates of these rows from there, whatever has become of the contacts since.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, Invalid
from shared.domain.events import CONTACT_CREATED, Event
from shared.domain.imports.columns import Layout
from shared.domain.imports.groups import Group
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, fail_row
from shared.domain.tenant import TenantSettings
from shared.services.backoff import HOT
from shared.services.contacts.writing import ContactWriting
from shared.services.imports.contact_writer import ContactWriter, WritableContacts
from shared.services.imports.known import Known
from shared.services.imports.row_lookups import EventKey, RowLookups
from shared.services.imports.row_plans import Plan, plan_rows


class BegunChunks(Protocol):
    """The chunks of one tenant's imports that were begun; see `shared.table.imports.begun.BegunChunkTable`."""

    def begin(self, run: ImportRun, first_row: int, events: Sequence[EventKey]) -> list[EventKey] | None: ...

    def add(self, run: ImportRun, first_row: int, events: Sequence[EventKey]) -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A contact that a chunk has written, and the event of that write."""

    contact_id: str
    change: Literal["created", "changed"]
    event_id: str

    @classmethod
    def of(cls, event: Event) -> Written:
        """Return the write that an event describes."""
        return cls(event.entity_id, "created" if event.type == CONTACT_CREATED else "changed", event.id)


def encode_writes(written: Iterable[Written]) -> bytes:
    """Return the writes of a chunk, a line of JSON for each."""
    lines = (f'["{one.contact_id}","{one.change}","{one.event_id}"]\n' for one in written)
    return "".join(lines).encode()


def decode_writes(lines: bytes) -> list[Written]:
    """Return the writes of an object that `encode_writes` made."""
    return [Written(*json.loads(line)) for line in lines.splitlines()]


class RowWriting:
    """Writes what the rows of one import ask for."""

    def __init__(
        self,
        lookups: RowLookups,
        contacts: WritableContacts,
        writing: ContactWriting,
        begun: BegunChunks,
        *,
        now: Callable[[], str] = timestamps.now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lookups = lookups
        self._contacts = contacts
        self._writing = writing
        self._begun = begun
        self._now = now
        self._sleep = sleep

    def read_known(
        self, run: ImportRun, layout: Layout, settings: TenantSettings, groups: Sequence[Group]
    ) -> Known:
        """Return the facts from which the plan of a chunk follows."""
        rows = {one.number: one.row for group in groups for one in group.rows}
        return self._lookups.read(run, layout, settings, rows)

    def carry_out(self, known: Known, plan: Plan) -> tuple[dict[int, Fate], list[Written]]:
        """Write the contacts of a plan. Returns the fates of all rows, by number, and what is written.

        Rows whose contacts others change meanwhile are planned again from fresh reads. A row that cannot be written
        fails by itself. Raises Unavailable when the table is away.
        """
        if not plan.fates:
            return {}, []
        run = known.run
        writer = ContactWriter(run, self._writing, self._contacts)
        chunk = _Chunk(self._begun, run, min(plan.fates))
        fates: dict[int, Fate] = {}
        pending = list(plan.fates)
        is_first = chunk.begin(plan)
        for attempt in HOT.tries(self._sleep):
            if attempt or not is_first:
                known, found = self._lookups.read_again(known, pending, chunk.events)
                chunk.keep(found)
                plan = plan_rows(known, pending)
                chunk.add(plan)
            fates |= plan.fates
            refusals: dict[int, DomainError] = {}
            for result in writer.write(plan.to_write, self._now(), separately=attempt > 1):
                numbers = result.contact.outcomes
                if result.refusal is not None:
                    refusals |= dict.fromkeys(numbers, result.refusal)
                    continue
                if result.event is not None:
                    chunk.keep([result.event])
                for number in numbers if result.warnings else ():
                    fate = fates[number]
                    fates[number] = replace(fate, warnings=(*fate.warnings, *result.warnings))
            fates |= {number: fail_row(known.rows[number], refusal) for number, refusal in refusals.items()}
            pending = [number for number, refusal in refusals.items() if _may_pass(refusal)]
            if not pending:
                break
        return fates, list(chunk.written.values())


class _Chunk:
    """A chunk while it is written.

    `events`: those that this or another attempt may have written to contacts that exist. `written`: what is written, by
    event id.
    """

    def __init__(self, begun: BegunChunks, run: ImportRun, first_row: int) -> None:
        self.events: dict[EventKey, None] = {}
        self.written: dict[str, Written] = {}
        self._begun = begun
        self._run = run
        self._first_row = first_row

    def begin(self, plan: Plan) -> bool:
        """Record what is about to be written. Returns whether this is the first attempt."""
        self.events = dict.fromkeys(_events_of_changes(self._run, plan))
        earlier = self._begun.begin(self._run, self._first_row, list(self.events))
        self.events |= dict.fromkeys(earlier or ())
        return earlier is None

    def add(self, plan: Plan) -> None:
        """Record further events that are about to be written."""
        new = [one for one in _events_of_changes(self._run, plan) if one not in self.events]
        if new:
            self._begun.add(self._run, self._first_row, new)
            self.events |= dict.fromkeys(new)

    def keep(self, events: Iterable[Event]) -> None:
        """Keep the writes that events describe."""
        self.written |= {one.id: Written.of(one) for one in events}


def _events_of_changes(run: ImportRun, plan: Plan) -> list[EventKey]:
    """Return the events of the contacts that exist and are to be written; those of new contacts follow from rows."""
    return [
        (one.id, run.event_id(one.id, min(one.outcomes))) for one in plan.to_write if one.before is not None
    ]


def _may_pass(refusal: DomainError) -> bool:
    """Return whether a refusal may pass when the row is planned again: others have changed what it follows from."""
    return isinstance(refusal, ConcurrentChange | Duplicate | Invalid)
