"""The list that an export writes, as its caller may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.order import in_order
from shared.domain.contacts.record import Contact
from shared.domain.exports.fields import Exported
from shared.domain.exports.record import ExportRun
from shared.services.contacts.lists import ContactLists
from shared.services.contacts.shown import ShownContacts
from shared.services.walks import Step

BY_CREATION = "created_at"
_MAX_KEPT = 10_000
"""How many users, and customers, are remembered. When there are more, all are discarded."""


class Addresses(Protocol):
    """The users and customers of one tenant; see `shared.table.contacts.names.NameTable`."""

    def read_addresses(
        self, *, users: Collection[str], customers: Collection[str]
    ) -> tuple[Mapping[str, str], Mapping[str, tuple[str, str]]]: ...


class ExportListing:
    """The contacts of exports of one caller."""

    def __init__(
        self, caller: Caller, lists: ContactLists, shown: ShownContacts, addresses: Addresses
    ) -> None:
        self._caller = caller
        self._lists = lists
        self._shown = shown
        self._addresses = addresses
        self._emails: dict[str, str] = {}
        self._numbers: dict[str, str] = {}

    def walk(self, run: ExportRun) -> Iterator[Step[Contact]]:
        """Yield a step for each contact that indexes leave, after the position of the export.

        In the order of creation the list ends with the contacts that were there when the export was created.
        Raises RuleBroken when too many contacts match to be sorted.
        """
        if run.ids is not None:
            return self._walk_ids(run, run.ids)
        wanted = run.wanted
        if run.sort == BY_CREATION:
            end = min(filter(None, (wanted.created_to, run.created_at)))
            wanted = replace(wanted, created_to=end)
        return self._lists.walk_list(wanted, sort=run.sort, after=run.position)

    def _walk_ids(self, run: ExportRun, ids: Sequence[str]) -> Iterator[Step[Contact]]:
        if run.sort is not None:
            found = list(self._lists.read_many(ids, run.wanted).values())
            after = None if run.position is None else list(run.position)
            for place, contact in in_order(found, run.sort, after):
                yield place, True, contact
            return
        start = run.position or 0
        contacts = self._lists.read_many(ids, run.wanted)  # of all, since two ids may lead to one contact
        for number, contact_id in enumerate(ids[start:], start + 1):
            yield number, contact_id in contacts, contacts.get(contact_id)

    def complete(self, contacts: Sequence[Contact]) -> list[Exported]:
        """Return contacts with the names of their labels, their owners and their customers."""
        shown = self._shown.show(self._lists.with_label_names(contacts))
        self._read(
            {one.owner_id for one in contacts if one.owner_id},
            {one.customer_id for one in contacts if one.customer_id},
        )
        return [
            Exported(
                one,
                self._emails.get(one.owner_id or "", ""),
                self._numbers.get(one.customer_id or "", ""),
            )
            for one in shown
        ]

    def _read(self, users: set[str], customers: set[str]) -> None:
        for kept in (self._emails, self._numbers):
            if len(kept) > _MAX_KEPT:
                kept.clear()
        users, customers = users - self._emails.keys(), customers - self._numbers.keys()
        if not (users or customers):
            return
        emails, numbers = self._addresses.read_addresses(users=users, customers=customers)
        self._emails.update({one: emails.get(one, "") for one in users})
        for one in customers:
            number, created_by = numbers.get(one, ("", ""))
            self._numbers[one] = number if self._caller.can_see_customer_of(created_by) else ""


def order_of(wanted: ContactFilter, sort: str | None) -> str | None:
    """Return the order of an export: the one that was asked for; else the order of creation, or for a search that of
    the words found."""
    return sort or (None if wanted.search is not None else BY_CREATION)
