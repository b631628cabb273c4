"""Writes the contacts of a plan: together where that is safe, one by one where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.errors import ConcurrentChange, DomainError, FieldError, RuleBroken, Unavailable
from shared.domain.events import Event
from shared.domain.imports.record import ImportRun
from shared.domain.imports.virtual_contact import LABEL_FIELDS, VirtualContact, is_new_tag
from shared.domain.labels.record import Label
from shared.domain.stamp import Stamp
from shared.services.contacts.writing import ContactWriting
from shared.services.imports.row_plans import too_many_tags


class WritableContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def write_together(
        self,
        changes: Iterable[tuple[Contact | None, Contact, *tuple[Event, ...]]],
        *,
        separately: bool = False,
    ) -> Iterator[tuple[list[str], DomainError | None]]: ...


Change = tuple[Contact | None, Contact, Event]
"""A contact before and after a change, and the event; before is None for a new contact."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one contact.

    `event`: of its write; None when nothing was written. `refusal`: why it was not written. `warnings`: what had to be
    left out, which the plan did not foresee.
    """

    contact: VirtualContact
    event: Event | None = None
    refusal: DomainError | None = None
    warnings: tuple[FieldError, ...] = ()


class ContactWriter:
    """Writes contacts for an import."""

    def __init__(self, run: ImportRun, writing: ContactWriting, contacts: WritableContacts) -> None:
        self._run = run
        self._writing = writing
        self._contacts = contacts
        self._new_tags: dict[str, Label] = {}

    def write(self, planned: Sequence[VirtualContact], at: str, *, separately: bool) -> Iterator[Result]:
        """Write contacts. Yields the result of each; a contact that was written together with others, one of which was
        refused, is refused with ConcurrentChange. `at`: the time of the events. Raises Unavailable.

        Contacts that join a customer are written one by one, with the customer.
        """
        together: list[Change] = []
        of_customers: list[Change] = []
        warnings: dict[str, tuple[FieldError, ...]] = {}
        by_id = {one.id: one for one in planned}
        for contact in planned:
            try:
                change, warnings[contact.id] = self._build(contact, at)
            except Unavailable:
                raise
            except DomainError as refusal:
                yield Result(contact, refusal=refusal)
                continue
            if change is None:
                yield Result(contact, warnings=warnings[contact.id])
                continue
            before, after, _ = change
            is_joining = after.member_of != (before.member_of if before is not None else None)
            (of_customers if is_joining else together).append(change)
        events = {after.id: event for _, after, event in (*together, *of_customers)}
        for ids, refused in self._write(together, of_customers, separately=separately):
            for one in ids:
                if refused is None:
                    yield Result(by_id[one], events[one], warnings=warnings[one])
                else:
                    yield Result(by_id[one], refusal=refused if len(ids) == 1 else ConcurrentChange())

    def _write(
        self,
        together: Sequence[Change],
        of_customers: Sequence[Change],
        *,
        separately: bool,
    ) -> Iterator[tuple[list[str], DomainError | None]]:
        yield from self._contacts.write_together(together, separately=separately)
        for before, after, event in of_customers:
            try:
                self._writing.carry_out_for_customers(before, after, event, is_repeatable=True)
            except Unavailable:
                raise
            except DomainError as refusal:
                yield [after.id], refusal
            else:
                yield [after.id], None

    def _build(self, planned: VirtualContact, at: str) -> tuple[Change | None, tuple[FieldError, ...]]:
        """Return the change of a contact, None when nothing changes, and warnings for tags that were not created."""
        run = self._run
        fields, warnings = self._fields_of(planned)
        stamp = Stamp(run.event_id(planned.id, min(planned.outcomes)), at, run.caller)
        if planned.before is None:
            # Planned for the whole tenant, two contacts of one transaction may have a number that the tenant wants
            # unique by now. Planned within customers, an address may be unique in the tenant by now, and the row fails.
            scope = run.row_settings.unique_scope
            made = self._writing.draft(
                fields,
                contact_id=planned.id,
                stamp=stamp,
                source="import",
                unique_scope="tenant" if scope == "tenant" else None,
            )
        elif (changed := planned.before.change(fields, stamp=stamp)) is not None:
            made = changed
        else:
            return None, warnings
        after, event = made
        rows = {str(number): outcome for number, outcome in sorted(planned.outcomes.items())}
        event.data.update(import_id=run.id, rows=rows)
        return (planned.before, after, event), warnings

    def _fields_of(self, planned: VirtualContact) -> tuple[LabelledFields, tuple[FieldError, ...]]:
        """Return the fields to write, with the ids of labels. Tags that do not exist are created."""
        fields: dict[str, Any] = planned.changes()
        warnings: list[FieldError] = []
        ids = dict(zip(LABEL_FIELDS, LABEL_ID_FIELDS, strict=True))
        for name in planned.changed_labels():
            labels: dict[str, str | None] = {}
            for key, label in planned.labels[name].items():
                if not is_new_tag(key):
                    labels.setdefault(key, label)
                    continue
                try:
                    tag = self._create_tag(key, label or "")
                except RuleBroken:
                    warnings.append(too_many_tags(label or ""))
                else:
                    labels.setdefault(tag.id, tag.name)
            named = [key for key, label in labels.items() if label is not None]
            fields[ids[name]] = [*named, *(key for key in labels if labels[key] is None)]
            fields[name] = [label for label in labels.values() if label is not None]
        return cast("LabelledFields", fields), tuple(warnings)

    def _create_tag(self, key: str, name: str) -> Label:
        """Return the tag of a name, created if it does not exist yet. Raises RuleBroken when there are too many."""
        if key not in self._new_tags:
            (self._new_tags[key],) = self._writing.labelling.tags([name])
        return self._new_tags[key]
