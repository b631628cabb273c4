"""The plan of a chunk: what an import will do with each row, and why, before anything is written.

A plan follows from the rows and from what is known already; making it reads and writes nothing. So a dry run and the
run itself have the same plan, and a repeated run has it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from shared.domain.contacts.uniqueness import Lock
from shared.domain.customers.record import Customer
from shared.domain.errors import FieldError, Invalid
from shared.domain.events import differ
from shared.domain.groups.record import Group as ContactGroup
from shared.domain.imports.groups import Group
from shared.domain.imports.results import Fate, RowOutcome, fail_row
from shared.domain.imports.rows import UNKNOWN_OWNER, ReadRow
from shared.domain.imports.virtual_contact import (
    LABEL_FIELDS,
    MOST_LABELS,
    VirtualContact,
    addresses_in,
    is_new_tag,
    new_tag,
    numbers_in,
)
from shared.domain.labels.record import MAX_LABELS, LabelKind, Tag
from shared.services.imports.known import Known, WrittenRow

_Key = TypeVar("_Key")

_KINDS: dict[str, LabelKind] = {"tags": "tag", "types": "type", "groups": "group"}
_WHAT = {
    "id": "id",
    "email": "e-mail address",
    "phone": "telephone number",
    "customer_number": "customer number",
}
_LOCKED: Mapping[str, tuple[Literal["PHONE", "WHATSAPP"], str]] = {
    "phone": ("PHONE", "telephone number"),
    "whatsapp": ("WHATSAPP", "WhatsApp number"),
}
_UNKNOWN_CUSTOMER = FieldError(
    "customer_number", "unknown_customer", "There is no customer with this number."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a chunk. `fates`: of the rows, by their numbers, if nothing unforeseen happens. `contacts`: those
    that rows are about, as they will be; in the order of their first rows.
    """

    fates: dict[int, Fate]
    contacts: tuple[VirtualContact, ...]

    def contact_of(self, number: int) -> VirtualContact | None:
        """Return the contact that a row creates or changes, as it will be after the chunk; None if there is none."""
        return next((one for one in self.contacts if number in one.outcomes), None)

    @property
    def to_write(self) -> list[VirtualContact]:
        """The contacts that have to be written."""
        return [one for one in self.contacts if one.is_changed]


def plan_groups(groups: Sequence[Group], known: Known) -> Plan:
    """Return the plan of the groups of a chunk, whose rows are read in `known`."""
    return plan_rows(known, [one.number for group in groups for one in group.rows])


def plan_rows(known: Known, numbers: Iterable[int]) -> Plan:
    """Return the plan of some rows, in the order of their numbers: the earlier row goes first."""
    planner = _Planner(known)
    fates = {number: planner.plan(number) for number in sorted(numbers)}
    return Plan(fates, tuple(planner.contacts.values()))


class _Planner:
    """Plans rows one after the other. `contacts`: those that the rows so far are about, by id."""

    def __init__(self, known: Known) -> None:
        self.contacts: dict[str, VirtualContact] = {}
        self._known = known
        self._options = known.run.options
        self._scope = known.settings.unique_scope
        self._matches = dict(known.matches)
        self._locks = dict(known.locks)
        self._new_tags: dict[str, str] = {}
        self._number = 0
        self._room_for_tags = MAX_LABELS["tag"] - len(known.labels.all_of(Tag))

    def plan(self, number: int) -> Fate:
        """Return the planned fate of the next row."""
        known, self._number = self._known, number
        row, read = known.rows[number], known.reads[number]
        if read.fields is None:
            return fail_row(row, read.error or Invalid("This row cannot be read."))
        customer = known.customers.get(read.customer_number)
        if (written := known.written.get(number)) is not None:
            return self._recognise(read, customer, written)
        by_id = self._matches.get(("id", read.contact_id))
        contact_id = by_id or self._find(read, customer)
        if contact_id is not None and self._options.on_duplicate == "skip":
            return self._skip(contact_id, _WHAT["id" if by_id else self._options.match_on])
        virtual = self._contact(contact_id)
        if virtual is None:
            return self._create(number, read, customer)
        was = virtual.shown()
        warnings = self._combine(virtual, read, customer)
        outcome: RowOutcome = "unchanged"
        if differ(virtual.shown(), was):
            outcome = "updated" if self._options.on_duplicate == "update" else "merged"
        self._add(number, virtual, outcome)
        return Fate(outcome, virtual.id, warnings=(*read.warnings, *warnings))

    def _find(self, read: ReadRow, customer: Customer | None) -> str | None:
        """Return the id of the contact that a row matches by its values, or None."""
        fields: Mapping[str, Any] = read.fields or {}
        match self._options.match_on:
            case "email":
                addresses = addresses_in(fields)
                if self._scope == "customer" and customer is not None:
                    locks = [Lock("EMAIL", one, customer.id) for one in addresses]
                    held = [(one.value, self._locks.get(one)) for one in locks]
                else:
                    held = [(one, self._matches.get(("email", one))) for one in addresses]
            case "phone":
                held = [(one, self._matches.get(("phone", one))) for one in numbers_in(fields)]
            case "customer_number":
                held = [(customer.id, self._matches.get(("customer", customer.id)))] if customer else []
        return next((one for value, one in held if one is not None and self._has_by_now(one, value)), None)

    def _has_by_now(self, contact_id: str, value: str) -> bool:
        """Return whether a contact that has a value has it at this row."""
        return self._known.since.get((value, contact_id), 0) < self._number

    def _contact(self, contact_id: str | None) -> VirtualContact | None:
        """Return a matched contact as it will be after the rows so far; None if it does not exist."""
        if contact_id is None:
            return None
        if contact_id not in self.contacts and contact_id in self._known.contacts:
            return VirtualContact.of(self._known.contacts[contact_id])
        return self.contacts.get(contact_id)

    def _add(self, number: int, virtual: VirtualContact, outcome: RowOutcome) -> None:
        """Keep a contact with the outcome of a row. Its values are taken from then on."""
        virtual.outcomes[number] = outcome
        self.contacts[virtual.id] = virtual
        for address in virtual.addresses:
            self._hold(self._locks, self._lock("EMAIL", address, virtual), address, virtual)
            self._hold(self._matches, ("email", address), address, virtual)
        for number_held in virtual.numbers:
            self._hold(self._matches, ("phone", number_held), number_held, virtual)
        if self._scope_of(virtual) == "customer":
            for name, (kind, _) in _LOCKED.items():
                if value := virtual.values.get(name):
                    self._hold(self._locks, self._lock(kind, value, virtual), value, virtual)
        if customer_id := virtual.values.get("customer_id"):
            self._hold(self._matches, ("customer", customer_id), customer_id, virtual)

    def _hold(self, holders: dict[_Key, str], key: _Key, value: str, virtual: VirtualContact) -> None:
        """Let a contact be the holder of a value, unless another contact has it by now."""
        if key not in holders or not self._has_by_now(holders[key], value):
            holders[key] = virtual.id

    # A new contact

    def _create(self, number: int, read: ReadRow, customer: Customer | None) -> Fate:
        contact_id = self._known.run.contact_id(number)
        virtual, result = self._draft(contact_id, read, customer)
        if isinstance(result, Invalid):
            return fail_row(self._known.rows[number], result)
        if isinstance(result, Fate):
            return result
        self._add(number, virtual, "created")
        return Fate("created", contact_id, warnings=tuple(result))

    def _draft(
        self, contact_id: str, read: ReadRow, customer: Customer | None
    ) -> tuple[VirtualContact, list[FieldError] | Fate | Invalid]:
        """Return a new contact with warnings, or with the fate or the reason that keeps it from being created."""
        known = self._known
        owner_id = known.owners.get(read.owner, known.default_owner)
        virtual = VirtualContact.create(contact_id, read.fields or {}, owner_id)
        warnings = list(read.warnings)
        if read.owner and read.owner not in known.owners:
            warnings.insert(0, UNKNOWN_OWNER)
        if customer is not None:
            virtual.values["customer_id"] = customer.id
        elif read.customer_number:
            warnings.append(_UNKNOWN_CUSTOMER)
        if not virtual.values.get("email") and known.settings.require_email:
            return virtual, Invalid.field("email", "required", "An e-mail address is required.")
        if not virtual.values.get("first_name"):
            return virtual, Invalid.field("first_name", "required", "A first name is required.")
        if self._options.match_on != "email" or self._scope == "customer":
            if (refusal := self._find_refusal(virtual)) is not None:
                return virtual, refusal
            virtual.values, taken = self._free_values(virtual.values, virtual)
            warnings += taken
        # Otherwise nothing can be taken: the row would match the contact that has one of its addresses.
        return virtual, [*warnings, *self._add_labels(virtual, read)]

    def _find_refusal(self, virtual: VirtualContact) -> Fate | None:
        """Return the fate of a row that matches no contact, but whose e-mail address another contact has; where rows
        are skipped and numbers are unique, also of one whose number another contact has. None for any other row.
        """
        skips = self._options.on_duplicate == "skip"
        if holder := self._holder("EMAIL", virtual.values.get("email"), virtual):
            return (self._skip if skips else self._fail)(holder, _WHAT["email"])
        for name, (kind, what) in _LOCKED.items() if skips and self._scope == "customer" else ():
            if holder := self._holder(kind, virtual.values.get(name), virtual):
                return self._skip(holder, what)
        return None

    def _skip(self, contact_id: str, what: str) -> Fate:
        """Return the fate of a row that a contact has already."""
        self._name(contact_id, "skipped")
        row = self._known.run.row_of_contact(contact_id)
        if row is not None:
            message = f"Row {row} of this file has the same {what}."
            return Fate("skipped", contact_id, "duplicate_in_file", message)
        return Fate("skipped", contact_id, "duplicate", f"A contact with this {what} exists already.")

    def _fail(self, contact_id: str, what: str) -> Fate:
        """Return the fate of a row that cannot be created because of a value that another contact has."""
        self._name(contact_id, "failed")
        return Fate("failed", contact_id, "duplicate", f"Another contact has this {what}.")

    def _name(self, contact_id: str, outcome: RowOutcome) -> None:
        """Let the event of a contact, if there will be one, name the row: its outcome follows from the contact."""
        if (virtual := self.contacts.get(contact_id)) is not None:
            virtual.outcomes[self._number] = outcome

    # A contact that exists

    def _combine(self, virtual: VirtualContact, read: ReadRow, customer: Customer | None) -> list[FieldError]:
        """Apply a row to the contact that it matches. Returns warnings for what was left out."""
        known, warnings = self._known, list[FieldError]()
        fields = {name: value for name, value in (read.fields or {}).items() if name not in read.derived}
        if read.owner and (owner_id := known.owners.get(read.owner)) is None:
            warnings.append(UNKNOWN_OWNER)
        elif read.owner:
            fields["owner_id"] = owner_id
        free, taken = self._free_values(fields, virtual)
        warnings += [*taken, *virtual.apply(free, self._options.on_duplicate)]
        if customer is not None:
            warnings += self._join(virtual, customer)
        elif read.customer_number:
            warnings.append(_UNKNOWN_CUSTOMER)
        return [*warnings, *self._add_labels(virtual, read)]

    def _join(self, virtual: VirtualContact, customer: Customer) -> list[FieldError]:
        """Make a contact without a customer one of the customer's. A contact of another customer stays with it, and so
        does a contact whose values are unique within its customer, since all of them would have to be free there.
        """
        present = virtual.values.get("customer_id")
        if present == customer.id:
            return []
        if present is None and self._scope_of(virtual) == "tenant":
            virtual.values["customer_id"] = customer.id
            return []
        return [FieldError("customer_number", "customer_kept", "The contact stays where it is.")]

    # For both

    def _recognise(self, read: ReadRow, customer: Customer | None, written: WrittenRow) -> Fate:
        """Return the fate of a row that an earlier attempt has written, with the warnings as they were found."""
        if written.outcome == "failed":
            return self._fail(written.contact_id, _WHAT["email"])
        if written.outcome == "skipped":
            return self._skip(written.contact_id, self._shared_value(read, customer, written.contact_id))
        contact = self._known.contacts.get(written.contact_id)
        warnings: Sequence[FieldError] = read.warnings
        if written.outcome == "created":
            _, result = self._draft(written.contact_id, read, customer)
            warnings = result if isinstance(result, list) else warnings
        elif contact is not None:
            warnings = [*warnings, *self._combine(VirtualContact.of(contact), read, customer)]
        return Fate(written.outcome, written.contact_id, warnings=tuple(warnings))

    def _shared_value(self, read: ReadRow, customer: Customer | None, contact_id: str) -> str:
        """Return the name of the value that a row and the contact that an earlier row created have in common."""
        fields: Mapping[str, Any] = read.fields or {}
        keys = {
            "email": addresses_in(fields),
            "phone": numbers_in(fields),
            "customer_number": [customer.id] if customer else [],
        }
        since, match_on = self._known.since, self._options.match_on
        if any((key, contact_id) in since for key in keys[match_on]):
            return _WHAT[match_on]
        if (fields.get("email"), contact_id) in since:
            return _WHAT["email"]
        within = customer.id if customer else ""
        return next(
            (
                what
                for name, (kind, what) in _LOCKED.items()
                if self._known.locks.get(Lock(kind, fields.get(name) or "", within)) == contact_id
            ),
            _WHAT["email"],
        )

    def _free_values(
        self, fields: Mapping[str, Any], virtual: VirtualContact
    ) -> tuple[dict[str, Any], list[FieldError]]:
        """Return fields without the unique values that other contacts have, and a warning for each of those."""
        free, warnings = dict(fields), list[FieldError]()

        def leave_out(name: str, code: str, what: str, holder: str) -> None:
            warnings.append(FieldError(name, code, f"Another contact has this {what}.", holder))

        if holder := self._holder("EMAIL", fields.get("email"), virtual):
            del free["email"]
            leave_out("email", "address_taken", "e-mail address", holder)
        if others := fields.get("other_emails"):
            held = {one: self._holder("EMAIL", one, virtual) for one in others}
            free["other_emails"] = [one for one in others if not held[one]]
            for address, holder in held.items():
                if holder:
                    leave_out("other_emails", "address_taken", f"e-mail address, {address}", holder)
        if self._scope_of(virtual) == "customer":
            for name, (kind, what) in _LOCKED.items():
                if holder := self._holder(kind, fields.get(name), virtual):
                    free |= {name: None, f"{name}_raw": None}
                    leave_out(name, "number_taken", what, holder)
        return free, warnings

    def _holder(self, kind: Any, value: str | None, virtual: VirtualContact) -> str | None:
        """Return the id of another contact that has a unique value; None if the contact may have it."""
        holder = self._locks.get(self._lock(kind, value, virtual)) if value else None
        if holder is None or holder == virtual.id or not self._has_by_now(holder, value or ""):
            return None
        return holder

    def _lock(self, kind: Any, value: str, virtual: VirtualContact) -> Lock:
        is_tenant_wide = self._scope_of(virtual) == "tenant"
        return Lock(kind, value, None if is_tenant_wide else virtual.values.get("customer_id") or "")

    def _scope_of(self, virtual: VirtualContact) -> str:
        return virtual.before.unique_scope if virtual.before is not None else self._scope

    def _add_labels(self, virtual: VirtualContact, read: ReadRow) -> list[FieldError]:
        """Add the labels of a row and those of the import's options."""
        warnings: list[FieldError] = []
        fields: Mapping[str, Any] = read.fields or {}
        of_all = {"tags": self._options.tags, "groups": self._options.groups}
        for name in LABEL_FIELDS:
            given: list[str] = [*fields.get(name, ()), *of_all.get(name, ())]
            if not given:
                continue
            labels: dict[str, str | None] = {}
            typed: dict[str, str] = {}
            for one in given:
                key, label, warning = self._label(name, one)
                if warning is not None:
                    warnings.append(warning)
                else:
                    labels[key] = label
                    typed.setdefault(key, one)
            most = MOST_LABELS.get(name, self._known.settings.max_tags_per_contact)
            warnings += virtual.add_labels(name, labels, most, typed)
        for key, tag in virtual.labels["tags"].items():
            if is_new_tag(key):
                self._new_tags.setdefault(key, tag or "")
        return warnings

    def _label(self, name: str, given: str) -> tuple[str, str, FieldError | None]:
        """Return the key and the name of a label, and a warning if the contact cannot get it."""
        label = self._known.labels.find(_KINDS[name], given)
        if isinstance(label, ContactGroup) and label.kind != "static":
            message = f"The group {label.name} is dynamic: its filter says which contacts are in it."
            return "", "", FieldError(name, "dynamic_group", message)
        if label is not None:
            return label.id, label.name, None
        if name != "tags":
            kind = _KINDS[name]
            return "", "", FieldError(name, f"unknown_{kind}", f"There is no {kind} {given}.")
        key = new_tag(given)
        if key not in self._new_tags and len(self._new_tags) >= self._room_for_tags:
            return "", "", too_many_tags(given)
        return key, self._new_tags.get(key, given), None


def too_many_tags(name: str) -> FieldError:
    """Return the warning for a tag that is left out because the tenant has as many tags as it may have."""
    message = f"There are {MAX_LABELS['tag']:,} tags, the most a tenant has. Left out: {name}."
    return FieldError("tags", "too_many_tags", message)
