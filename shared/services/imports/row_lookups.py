"""Reads what the plan of a chunk follows from, in a few calls for all of its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeVar

from shared.domain.contacts.number_search import digits_of
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.customers.record import Customer
from shared.domain.events import Event
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row
from shared.domain.imports.record import ImportRun
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.imports.virtual_contact import LABEL_FIELDS, addresses_in, numbers_in
from shared.domain.labels.record import NO_LABELS, Labels
from shared.domain.search import fold, prefixes_of
from shared.domain.tenant import TenantSettings
from shared.services.contacts.owners import Owners
from shared.services.imports.known import Known, MatchKey, WrittenRow
from shared.services.side_by_side import SideBySide

_T = TypeVar("_T")

MOST_OF_A_VALUE = 20
"""How many contacts with one value are looked at to find the one that rows match."""
_AT_ONCE = 8
"""Queries under way at a time. A group of rows can ask for thousands of values, each by a query of its own."""
_HELD = ("email", "other_emails", "phone", "whatsapp", "other_phones", "customer_id")
_MOST_TERMS = 50

EventKey = tuple[str, str]
"""The id of a contact, and that of its event."""


class KnownContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def holders(self, locks: Iterable[Lock]) -> dict[Lock, str]: ...

    def owners_of_emails(self, emails: Iterable[str]) -> dict[str, str]: ...

    def owner_of_email(self, email: str) -> str | None: ...

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]: ...

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...

    def read_events(self, events: Iterable[EventKey]) -> dict[str, Event]: ...


class NumberIndex(Protocol):
    """The telephone numbers of one tenant's contacts; see `shared.table.contacts.index.ContactIndex`."""

    def ending_with(self, ends: Sequence[str], *, after: str | None) -> Iterator[tuple[str, str, str]]: ...


class Customers(Protocol):
    """The customers of one tenant; see `shared.table.customers.repository.CustomerTable`."""

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, Customer]: ...

    def beginning_with(
        self, prefix: str, *, limit: int, after: str | None
    ) -> list[tuple[str, str, str, str]]: ...


@dataclass(frozen=True, slots=True)
class TenantReads:
    """Where the facts of one tenant are read. `labels` returns the labels as of now."""

    contacts: KnownContacts
    numbers: NumberIndex
    customers: Customers
    owners: Owners
    labels: Callable[[], Labels]


class RowLookups:
    """Reads what the plans of rows follow from. `calls`: the threads that query one value each."""

    def __init__(self, reads: TenantReads, *, calls: SideBySide | None = None) -> None:
        self._reads = reads
        self._calls = calls or SideBySide(_AT_ONCE)

    def read(
        self, run: ImportRun, layout: Layout, settings: TenantSettings, rows: Mapping[int, Row]
    ) -> Known:
        """Return what the plan of rows, by their numbers, follows from."""
        reader = RowReader(layout, run.options, settings)
        return self.look_up(run, settings, rows, {number: reader.read(row) for number, row in rows.items()})

    def look_up(
        self,
        run: ImportRun,
        settings: TenantSettings,
        rows: Mapping[int, Row],
        reads: Mapping[int, ReadRow],
    ) -> Known:
        """Return what the plan of rows follows from. `reads`: what they say, by their numbers.

        The owner of a contact is the user that its row names. Otherwise it is the first active user of these: the owner
        given for the import, the tenant's default owner, and the user who created the import.
        """
        owners = self._reads.owners
        named = {one.owner for one in reads.values() if one.owner}
        known = Known(
            run,
            settings,
            rows,
            reads,
            owners.find_by_addresses(named) if named else {},
            owners.first_active(run.options.owner_id, settings.default_owner_id, run.uploader_id),
            labels=NO_LABELS,
            customers={},
            matches={},
            locks={},
            contacts={},
        )
        return self._read_table(known, list(rows), ())

    def read_again(
        self, known: Known, numbers: Sequence[int], events: Collection[EventKey]
    ) -> tuple[Known, list[Event]]:
        """Return what the plan of some of the rows follows from now, and the events of the import that are written.

        `events`: those that earlier attempts may have written, besides those of the rows' new contacts.
        """
        run = known.run
        # Of all rows: a contact that a later row has created already is not there yet for the rows before it.
        possible = {
            run.event_id(run.contact_id(number), number): run.contact_id(number) for number in known.rows
        }
        possible |= {event_id: contact_id for contact_id, event_id in events}
        fresh = self._read_table(known, numbers, possible.values())
        # Looked up after the records: an event written since would have moved its record on from what was read.
        found = self._reads.contacts.read_events(
            (contact_id, event_id) for event_id, contact_id in possible.items()
        )
        written = {
            int(number): WrittenRow(event.entity_id, outcome)
            for event in found.values()
            for number, outcome in event.data["rows"].items()
        }
        since = {
            one: row
            for event in found.values()
            for one, row in _given_by(event, known, fresh.contacts.get(event.entity_id))
        }
        again = replace(fresh, written=written, since=since)
        return self._with_earlier_holders(again, found.values()), list(found.values())

    def _with_earlier_holders(self, known: Known, events: Iterable[Event]) -> Known:
        """Return what is known with the contacts that had values before the events, as the plan had them: for the whole
        chunk, a value belongs to the contact that has had it first.
        """
        locks, matches, since = dict(known.locks), dict(known.matches), dict(known.since)
        for event in events:
            contact = known.contacts.get(event.entity_id)
            for name in ("phone", "whatsapp") if contact is not None else ():
                old = event.changes.get(name, (None, None))[0]
                if contact is not None and old is not None:
                    locks |= dict.fromkeys(_locks_of({name: old}, contact.customer_id or ""), contact.id)
            if contact is not None and known.run.options.on_duplicate == "update":
                for row, value, lock in _numbers_given(event, known, contact):
                    if locks.setdefault(lock, contact.id) == contact.id and lock not in known.locks:
                        since.setdefault((value, contact.id), row)
        for key, holder in known.matches.items():
            if (key[1], holder) in known.since:
                earlier = (one for one in self._all_holders(key, known) if (key[1], one) not in known.since)
                matches[key] = next(earlier, holder)
        contacts = dict(known.contacts)
        unread = set(matches.values()) - contacts.keys()
        if unread and known.run.options.on_duplicate != "skip":
            found = self._reads.contacts.get_many(unread)
            contacts |= _by_own_id(found)
            matches = {key: found[one].id if one in found else one for key, one in matches.items()}
        return replace(known, locks=locks, matches=matches, since=since, contacts=contacts)

    def _all_holders(self, key: MatchKey, known: Known) -> Iterable[str]:
        """Return the contacts that share a value with rows, the preferred one first."""
        kind, value = key
        if kind == "email" and known.settings.unique_scope == "customer":
            return self._reads.contacts.all_owners_of_email(value, limit=MOST_OF_A_VALUE)
        if kind == "phone":
            return sorted(one.id for one in known.contacts.values() if value in numbers_in(one.__dict__))
        return ()

    def _read_table(self, known: Known, numbers: Sequence[int], also: Iterable[str]) -> Known:
        """Return facts with all that is read from the table, for some of the rows. `also`: further contacts to read."""
        reads, options, scope = self._reads, known.run.options, known.settings.unique_scope
        rows = [one for number in numbers if (one := known.reads[number]).fields is not None]
        customers = self._find_customers({one.customer_number for one in rows} - {""})
        addresses = {address for one in rows for address in addresses_in(one.fields or {})}
        if scope == "customer":
            owners = self._query_each(reads.contacts.owner_of_email, addresses)
            in_use = {address: owner for address, owner in owners.items() if owner is not None}
        else:
            in_use = reads.contacts.owners_of_emails(addresses) if addresses else {}
        matches: dict[MatchKey, str] = {("email", address): holder for address, holder in in_use.items()}
        locks = (
            {Lock("EMAIL", one, None): holder for one, holder in in_use.items()} if scope == "tenant" else {}
        )
        contacts: dict[str, Contact] = {}
        if options.match_on == "phone":
            by_number, contacts = self._find_by_numbers(rows)
            matches |= by_number
        if options.match_on == "customer_number":
            primary = {one.id: one.primary_contact for one in customers.values()}
            matches |= {("customer", one): contact_id for one, contact_id in primary.items() if contact_id}
        if scope == "customer":
            locks |= reads.contacts.holders(_locks_in_customers(rows, customers))
        ids = {one.contact_id for one in rows} - {""}
        wanted = ids - contacts.keys()
        if options.on_duplicate != "skip":
            wanted |= {*matches.values(), *locks.values(), *also} - contacts.keys()
        found = contacts | (reads.contacts.get_many(wanted) if wanted else {})
        contacts = _by_own_id(found)
        # A merged contact leads to its survivor, also if it was merged since its values were looked up.
        present = {asked: one.id for asked, one in found.items()} | {one: one for one in contacts}
        matches |= {("id", one): present[one] for one in ids if one in present}
        locks = {lock: present.get(one, one) for lock, one in locks.items()}
        if options.on_duplicate != "skip":
            matches = {key: present[one] for key, one in matches.items() if one in present}
            elsewhere = [one for one in contacts.values() if one.unique_scope == "customer"]
            locks |= reads.contacts.holders(_locks_beside(rows, elsewhere)) if elsewhere else {}
        names_labels = bool(options.tags or options.groups) or any(
            (one.fields or {}).get(name) for one in rows for name in LABEL_FIELDS
        )
        return replace(
            known,
            labels=reads.labels() if names_labels else NO_LABELS,
            customers=customers,
            matches=matches,
            locks=locks,
            contacts=contacts,
        )

    def _query_each(self, query: Callable[[str], _T], values: Iterable[str]) -> dict[str, _T]:
        """Return what a query finds for each of some values."""
        wanted = sorted(values)
        return dict(zip(wanted, self._calls.run([partial(query, one) for one in wanted]), strict=True))

    def _find_customers(self, numbers: Iterable[str]) -> dict[str, Customer]:
        """Return the customers with some numbers, by the numbers as rows name them.

        The index that finds them follows the customers within about a second.
        """
        customers = self._reads.customers

        def find(number: str) -> list[str]:
            longest = max((one.indexed for one in prefixes_of(number)), key=len, default="")
            entries = customers.beginning_with(longest, limit=_MOST_TERMS, after=None) if longest else []
            return [customer_id for _, _, customer_id, _ in entries]

        candidates = self._query_each(find, numbers)
        wanted = set(chain.from_iterable(candidates.values()))
        found = customers.get_many(wanted) if wanted else {}
        return {
            number: found[one]
            for number, ids in candidates.items()
            for one in ids
            if one in found and fold(found[one].number) == fold(number)
        }

    def _find_by_numbers(self, rows: Iterable[ReadRow]) -> tuple[dict[MatchKey, str], dict[str, Contact]]:
        """Return the oldest contact that has each telephone number, and these contacts. Of a number that more than
        MOST_OF_A_VALUE contacts have, it is the oldest of as many.

        The index that finds them follows the contacts within about a second.
        """
        reads = self._reads

        def find(number: str) -> list[str]:
            entries = reads.numbers.ending_with([f"{digits_of(number)}+"], after=None)
            return sorted(one for (_, _, one), _ in zip(entries, range(MOST_OF_A_VALUE), strict=False))

        candidates = self._query_each(find, {one for row in rows for one in numbers_in(row.fields or {})})
        wanted = set(chain.from_iterable(candidates.values()))
        contacts = reads.contacts.get_many(wanted) if wanted else {}
        holders: dict[MatchKey, str] = {}
        for number, ids in candidates.items():
            for one in ids:
                if one in contacts and number in numbers_in(contacts[one].__dict__):
                    holders.setdefault(("phone", number), contacts[one].id)
        return holders, _by_own_id(contacts)


def _by_own_id(contacts: Mapping[str, Contact]) -> dict[str, Contact]:
    """Return contacts by their own ids, which are not those by which the survivors of merged contacts were found."""
    return {one.id: one for one in contacts.values()}


def _given_by(event: Event, known: Known, contact: Contact | None) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the values by which a contact is found since an event, each as ((value, contact id), the first of the rows
    of the event that has it). `contact`: as it is now, if it was read.
    """
    rows = sorted(map(int, event.data["rows"]))
    same = (
        {name: getattr(contact, name) for name in _HELD} if contact is not None and event.version > 1 else {}
    )
    old, new = (same | {name: both[side] for name, both in event.changes.items()} for side in (0, 1))
    for values_in in (addresses_in, numbers_in):
        for value in set(values_in(new)) - set(values_in(old)):
            having = (
                one
                for one in rows
                if one in known.reads and value in values_in(known.reads[one].fields or {})
            )
            yield (value, event.entity_id), next(having, rows[0])
    if (customer_id := new.get("customer_id")) is not None and customer_id != old.get("customer_id"):
        yield (customer_id, event.entity_id), rows[0]


def _numbers_given(event: Event, known: Known, contact: Contact) -> Iterator[tuple[int, str, Lock]]:
    """Yield the numbers that the rows of an event gave a contact, each with the row and the lock, also those that a
    later row replaced: no other contact has got them in between.
    """
    outcomes: dict[str, str] = event.data["rows"]
    for row in sorted(int(one) for one, outcome in outcomes.items() if outcome != "failed"):
        fields: Mapping[str, Any] = (known.reads[row].fields or {}) if row in known.reads else {}
        numbers = {name: fields.get(name) for name in ("phone", "whatsapp")}
        for lock in _locks_of(numbers, contact.customer_id or ""):
            yield row, lock.value, lock


def _locks_in_customers(rows: Iterable[ReadRow], customers: Mapping[str, Customer]) -> Iterator[Lock]:
    """Yield the locks that new contacts take, where values are unique within customers."""
    for one in rows:
        customer = customers.get(one.customer_number)
        yield from _locks_of(one.fields or {}, customer.id if customer else "")


def _locks_beside(rows: Sequence[ReadRow], contacts: Iterable[Contact]) -> set[Lock]:
    """Return the locks that contacts could take with the values of rows."""
    withins = {one.customer_id or "" for one in contacts}
    return {lock for one in rows for within in withins for lock in _locks_of(one.fields or {}, within)}


def _locks_of(fields: Mapping[str, Any], within: str) -> Iterator[Lock]:
    for address in addresses_in(fields):
        yield Lock("EMAIL", address, within)
    if phone := fields.get("phone"):
        yield Lock("PHONE", phone, within)
    if whatsapp := fields.get("whatsapp"):
        yield Lock("WHATSAPP", whatsapp, within)
