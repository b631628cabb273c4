"""Writes one kind of change to many contacts: together where that is safe, one by one where it is not.

Every contact is judged by itself: rights, rules and conflicts of one do not affect the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkResult
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, DomainError, Merged, NotFound, Unavailable
from shared.domain.events import Event
from shared.domain.ids import Work, is_id
from shared.services.backoff import HOT
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.writing import ContactWriting

Decision = Callable[[Contact, str], "tuple[Contact, *tuple[Event, ...]] | None"]
"""From a contact and the id for its first event to the successor and the events, or None when nothing changes."""
_Change = tuple[Contact, Contact, *tuple[Event, ...]]
"""A contact before and after a change, and the events."""


class ManyContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...

    def find_written(self, events: Iterable[tuple[str, str]]) -> set[str]: ...

    def write_together(
        self,
        changes: Iterable[tuple[Contact | None, Contact, *tuple[Event, ...]]],
        *,
        separately: bool = False,
    ) -> Iterator[tuple[list[str], DomainError | None]]: ...


class BulkWriting:
    """Changes many contacts on behalf of one caller.

    `work` derives the ids of the events, so that work that was begun before (under an Idempotency-Key, or in a
    background job) recognizes what it has written. `has_time`: whether to go on.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        writing: ContactWriting,
        contacts: ManyContacts,
        *,
        work: Work,
        has_time: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._writing = writing
        self._contacts = contacts
        self._work = work
        self._has_time = has_time
        self._sleep = sleep

    def change(
        self, contact_ids: Iterable[str], permission: str, decide: Decision, wanted: ContactFilter | None
    ) -> dict[str, BulkResult]:
        """Change contacts, and return the result of each id; contacts that do not match `wanted` have none.

        Contacts that others change between reading and writing are read and written again: together in the first two
        attempts, one by one after that.
        """
        self._caller.require("contacts:read")
        self._caller.require(permission)
        results = {one: BulkResult(one, NotFound("Contact")) for one in contact_ids if not is_id(one)}
        pending = list(dict.fromkeys(one for one in contact_ids if one not in results))
        reason: DomainError = ConcurrentChange()
        try:
            for attempt in HOT.tries(self._sleep):
                may_be_written = self._work.is_retry or attempt > 0
                changes = list(
                    self._decide(pending, permission, decide, wanted, results, may_be_written=may_be_written)
                )
                pending = [after.id for _, after, *_ in changes]
                for ids, refusal in self._write(changes, separately=attempt > 1):
                    if refusal is None or not (len(ids) > 1 or isinstance(refusal, ConcurrentChange)):
                        results.update((one, BulkResult(one, refusal)) for one in ids)
                    if not self._has_time():
                        raise Unavailable()
                pending = [one for one in pending if one not in results]
                if not pending:
                    return results
        except Unavailable as unavailable:
            reason = unavailable
        return results | {one: BulkResult(one, reason) for one in pending if one not in results}

    def _write(
        self, changes: Sequence[_Change], *, separately: bool
    ) -> Iterator[tuple[list[str], DomainError | None]]:
        """Write changes. Yields ids with None, or with the reason why they were refused.

        Changes that concern customers too are written one by one.
        """
        of_customers = [one for one in changes if one[0].member_of != one[1].member_of]
        others = [one for one in changes if one[0].member_of == one[1].member_of]
        yield from self._contacts.write_together(others, separately=separately)
        for before, after, *events in of_customers:
            (event,) = events  # only deletions come here
            try:
                self._writing.carry_out_for_customers(before, after, event)
            except Unavailable:
                raise
            except DomainError as refusal:
                yield [after.id], refusal
            else:
                yield [after.id], None

    def _decide(
        self,
        contact_ids: list[str],
        permission: str,
        decide: Decision,
        wanted: ContactFilter | None,
        results: dict[str, BulkResult],
        *,
        may_be_written: bool,
    ) -> Iterator[_Change]:
        """Yield the changes to be written now; contacts that need no write get their result in `results`.

        `may_be_written`: an earlier attempt may have written some of them.
        """
        event_ids = {one: self._work.derived_id("event", one) for one in contact_ids}
        found = self._contacts.get_many(contact_ids)
        # Looked up after the records: an event written since would have moved its record on from what was read.
        written = self._contacts.find_written(event_ids.items()) if may_be_written else set()
        left_out: list[tuple[str, str]] = []
        for contact_id in contact_ids:
            if contact_id in written:
                results[contact_id] = BulkResult(contact_id)
                continue
            try:
                before = self._reading.require_unmerged(contact_id, found.get(contact_id))
                if wanted is not None and not wanted.matches(before):
                    left_out.append((contact_id, event_ids[contact_id]))
                    continue
                self._writing.require_right(permission, before)
                decision = decide(before, event_ids[contact_id])
            except (NotFound, Merged) as refusal:
                if wanted is None:
                    results[contact_id] = BulkResult(contact_id, refusal)
                else:
                    left_out.append((contact_id, event_ids[contact_id]))
            except DomainError as refusal:
                results[contact_id] = BulkResult(contact_id, refusal)
            else:
                if decision is None:
                    results[contact_id] = BulkResult(contact_id)
                else:
                    yield before, *decision
        if left_out and not may_be_written:
            # Another process may do the same work and have been faster: what it wrote is done.
            results.update((one, BulkResult(one)) for one in self._contacts.find_written(left_out))
