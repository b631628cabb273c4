"""The contacts of a tenant for the recount: their ids, their partitions, and the writes that correct them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.services.contacts.parts import PartChange
from shared.table import guards, walking
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import SK
from shared.table.recount.tally import Tally
from shared.table.store import Store
from shared.table.transactions import Transaction

_PAGE, _LARGEST = 100, 500
_BOUNDS = (("!", event_keys.EVENT), (f"{event_keys.ENTRY_EVENT}~", "~"))
"""The sort keys before and after the events of a contact: no figure depends on events, and they are half of the items.
"""


class RecountedContacts:
    """The contacts of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)
        self._parts = Parts(store, tenant_id)

    def ids(self, *, after: str, limit: int) -> list[str]:
        """Return the ids of the contacts in the list after an id, or from the start."""
        rows = self._store.query(
            list_keys.partition(self._tenant, list_keys.BY_CREATION), limit=limit, after=after or None
        )
        return [row[SK]["S"] for row in rows]

    def read(self, contact_id: str) -> Contact | None:
        """Return a contact as of now, live or deleted; None when it does not exist or is being purged."""
        return self._contacts.get_with_deleted(contact_id)

    def walk(self, contact_id: str, *, consistent: bool) -> Iterator[list[Item]]:
        """Yield the items in a contact's partition in portions, its record among them, without its events.

        `consistent`: as of now, each portion at its own moment, for twice the units.
        """
        partition = contact_keys.partition(self._tenant, contact_id)
        for between in _BOUNDS:
            yield from walking.pages(
                self._store,
                partition,
                page=_PAGE,
                largest=_LARGEST,
                between=between,
                consistent=consistent,
            )

    def record_in(self, items: list[Item]) -> Contact | None:
        """Return the contact whose record is among items; None if it is not, or is being purged."""
        for item in items:
            if contact_keys.is_contact(item) and "emptied_at" not in item:
                return contact_items.contact_from_item(item)
        return None

    def tally(self, overdue: str) -> Tally:
        """Return a tally of nothing yet; see `Tally`."""
        return Tally(overdue)

    def save(
        self, before: Contact, changed: tuple[Contact, Event] | None, parts: Sequence[PartChange]
    ) -> None:
        """Write a corrected contact and its event, if there are any, and corrected contacts that were merged into it.

        Raises ConcurrentChange when the contact is no longer as `before`, or one of the others as it was read.
        """
        transaction = Transaction()
        if changed is not None:
            self._contacts.add_changes(transaction, (before, *changed))
        else:
            transaction.check(
                contact_keys.contact(self._tenant, before.id), **guards.at_version(before.version)
            )
        for part in parts:
            self._parts.add(transaction, part)
        self._store.commit(transaction)
