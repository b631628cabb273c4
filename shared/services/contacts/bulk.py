"""The use cases of many contacts at once: each entry is treated as the call for a single contact would treat it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChange, BulkChangeInput, BulkResult, label_refs
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, FieldError, NotFound, Unavailable
from shared.domain.events import Event
from shared.domain.ids import Work
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.bulk_writing import BulkWriting, ManyContacts
from shared.services.contacts.creations import Creation
from shared.services.contacts.writing import ContactWriting
from shared.services.labels.labelling import LabelRepository


class BulkContacts:
    """Many contacts, as one caller may change them.

    `performer` returns the caller's name. `work` is what the call does; all ids are derived from it. `resumable`: the
    call can be repeated and goes on then, so it raises when some entries could not be processed. `has_time`: whether to
    go on.
    """

    def __init__(
        self,
        caller: Caller,
        writing: ContactWriting,
        bulk_writing: BulkWriting,
        contacts: ManyContacts,
        settings: Callable[[], TenantSettings],
        labels: LabelRepository,
        performer: Callable[[], str],
        *,
        work: Work,
        resumable: bool,
        has_time: Callable[[], bool],
    ) -> None:
        self._caller = caller
        self._writing = writing
        self._bulk_writing = bulk_writing
        self._contacts = contacts
        self._settings = settings
        self._labels = labels
        self._performer = performer
        self._work = work
        self._resumable = resumable
        self._has_time = has_time

    def create_many(self, given: Sequence[ContactInput | DomainError]) -> list[BulkResult]:
        """Create contacts, and return a result for each entry. An entry that is an error already keeps it."""
        self._caller.require("contacts:write")
        results: dict[int, BulkResult] = {}
        creations: dict[str, Creation] = {}
        numbers: dict[str, int] = {}
        for number, one in enumerate(given):
            if not self._has_time():  # new tags are created one by one
                break
            try:
                contact, event = self._draft(number, one)
            except DomainError as error:
                results[number] = BulkResult(None, error)
            else:
                creations[contact.id] = contact, event
                numbers[contact.id] = number
        if self._work.is_retry:
            events = ((contact_id, event.id) for contact_id, (_, event) in creations.items())
            for contact_id in self._contacts.find_written(events):
                results[numbers[contact_id]] = BulkResult(contact_id)
                del creations[contact_id]
        with contextlib.suppress(Unavailable):
            for contact_id, refusal in self._writing.create_many(list(creations.values())):
                results[numbers[contact_id]] = BulkResult(None if refusal else contact_id, refusal)
                if not self._has_time():
                    break
        return self._report(
            [results.get(number, BulkResult(None, Unavailable())) for number in range(len(given))]
        )

    def _draft(self, number: int, given: ContactInput | DomainError) -> Creation:
        if isinstance(given, DomainError):
            raise given
        fields = self._writing.prepare(given.given_fields(), new=True)
        self._writing.check_owner(fields.get("owner_id"))
        return self._writing.draft(
            fields,
            # In the order of the entries, so that lists show them in this order.
            contact_id=self._work.derived_id("contact", ordinal=number),
            stamp=Stamp.now(self._caller, event_id=self._work.derived_id("event", str(number))),
            source="api",
        )

    def find_faults(self, given: object) -> tuple[FieldError, ...]:
        """Return the faults of an entry to be created, as parsed from JSON, beyond the form of its fields."""
        return self._writing.find_faults(given, whole=True)

    def prepare_change(self, given: BulkChangeInput) -> BulkChange:
        """Return a change in its stored form. Raises PermissionDenied and Invalid."""
        self._caller.require("contacts:write")
        given.check()
        labelling = self._writing.labelling
        join = labelling.static_groups(given.join_groups, "join_groups")
        leave = labelling.static_groups(given.leave_groups, "leave_groups")
        fields = self._writing.prepare(given.set.given_fields())
        self._writing.check_owner(fields.get("owner_id"))
        return BulkChange(
            fields=fields,
            add_tags=label_refs(labelling.tags(given.add_tags)),
            remove_tags=label_refs(labelling.known("tag", given.remove_tags)),
            join_groups=label_refs(join),
            leave_groups=label_refs(leave),
            max_tags=self._settings().max_tags_per_contact,
            relationship_status=given.relationship_status,
            lifecycle_stage=given.lifecycle_stage,
            reason=given.reason,
            notes=given.notes,
        )

    def refresh_change(self, change: BulkChange) -> BulkChange:
        """Return a change that was prepared earlier with its labels and its owner as they are now.

        A user who was removed is replaced by their successor. There is no owner if there is no successor, or if the
        user is no longer active.
        """
        if (chosen := change.fields.get("owner_id")) is not None:
            change = replace(change, fields={**change.fields, "owner_id": self._writing.find_owner(chosen)})
        return change.with_current_labels(self._labels.current())

    def update_many(
        self, contact_ids: Sequence[str], change: BulkChange, wanted: ContactFilter | None = None
    ) -> list[BulkResult]:
        """Change contacts, and return a result for each id. Contacts that do not match `wanted` are left out."""
        changed_by = self._performer() if change.has_status else ""

        def decide(contact: Contact, event_id: str) -> tuple[Contact, *tuple[Event, ...]] | None:
            changed = contact.change(
                change.fields_for(contact), stamp=Stamp.now(self._caller, event_id=event_id)
            )
            if not change.has_status:
                return changed
            # Fields and status have an event each, in this order.
            after = changed[0] if changed else contact
            status_event = self._work.derived_id("status event", contact.id) if changed else event_id
            moved = after.change_status(
                change.relationship_status,
                change.move(changed_by),
                stamp=Stamp.now(self._caller, event_id=status_event),
            )
            if changed is None or moved is None:
                return moved or changed
            return moved[0], changed[1], moved[1]

        results = self._bulk_writing.change(contact_ids, "contacts:write", decide, wanted)
        return self._report([results[one] for one in contact_ids if one in results])

    def delete_many(
        self, contact_ids: Sequence[str], wanted: ContactFilter | None = None
    ) -> list[BulkResult]:
        """Delete contacts, and return a result for each id. An id that is given twice is missing the second time.

        Contacts that do not match `wanted` are left out.
        """

        def decide(contact: Contact, event_id: str) -> tuple[Contact, Event]:
            return contact.delete(stamp=Stamp.now(self._caller, event_id=event_id))

        results = self._bulk_writing.change(contact_ids, "contacts:delete", decide, wanted)
        report: list[BulkResult] = []
        for contact_id in contact_ids:
            if contact_id in results:
                report.append(results[contact_id])
                if results[contact_id].refusal is None:
                    results[contact_id] = BulkResult(contact_id, NotFound("Contact"))
        return self._report(report)

    def _report(self, results: list[BulkResult]) -> list[BulkResult]:
        """Return results as the caller may see them: a Duplicate names no contact that the caller may not see.

        Raises what kept entries from being processed, if the call can be repeated to go on or no entry was processed.
        """
        unprocessed = [
            one.refusal for one in results if isinstance(one.refusal, Unavailable | ConcurrentChange)
        ]
        if unprocessed and (self._resumable or len(unprocessed) == len(results)):
            raise unprocessed[0]
        conflicts = [one.refusal for one in results if isinstance(one.refusal, Duplicate)]
        if not conflicts or self._caller.level("contacts:read") == "all":
            return results
        visible = self._find_visible_holders(conflicts)
        return [
            replace(one, refusal=one.refusal.without_holder())
            if isinstance(one.refusal, Duplicate) and one.refusal.contact_id not in visible
            else one
            for one in results
        ]

    def _find_visible_holders(self, conflicts: Iterable[Duplicate]) -> set[str]:
        """Return the ids of the conflicting contacts that the caller may see.

        Returns none when the look-up fails: the results of what was written are returned in any case.
        """
        if self._caller.level("contacts:read") != "own":
            return set()
        try:
            holders = self._contacts.get_many({one.contact_id: None for one in conflicts})
        except Unavailable:
            return set()
        return {one for one, holder in holders.items() if self._caller.owns_contact(holder)}
