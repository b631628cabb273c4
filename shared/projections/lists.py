"""The lists of contacts: rows that hold what a page shows, so that a page is one read."""

from __future__ import annotations

from collections.abc import Iterable

from shared.table import keys
from shared.table.store import Item, Store


class Lists:
    """The lists of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def project(self, images: Iterable[Item]) -> None:
        """Bring the lists to the state of contacts' items, given in the order in which they were written.

        Items of other kinds are passed over. Doing it again, with the same or the latest items, is harmless.
        Raises Unavailable when the table stays too busy; the call can be repeated.
        """
        latest = {image[keys.PK]["S"]: image for image in images if keys.is_contact(image)}
        put: list[Item] = []
        delete: list[keys.Key] = []
        for image in latest.values():
            row = keys.list_row_of(image, keys.BY_CREATION)
            if "deleted_at" in image:
                delete.append(row)
            else:
                put.append({**image, **row})
        self._store.write_many(put=put, delete=delete)

    def outdated(self, contacts: Iterable[keys.Key]) -> list[keys.Key]:
        """Those of contacts, by their keys, that the lists do not show as they are.

        Costs a read unit each. One that is just being changed may be named without need.
        """
        rows = {
            key[keys.PK]["S"]: keys.list_row_of(key, keys.BY_CREATION)
            for key in contacts
            if keys.is_contact(key)
        }
        wanted = [{keys.PK: {"S": pk}, keys.SK: {"S": keys.CONTACT}} for pk in rows]
        records = self._store.get_many(wanted, consistent=False)
        shown = self._store.get_many(list(rows.values()), consistent=False)
        return [
            key
            for key in wanted
            if _version(records.get(_place(key))) != _version(shown.get(_place(rows[key[keys.PK]["S"]])))
        ]

    def reproject(self, contact: keys.Key) -> None:
        """Bring the lists to the present state of one contact, whose stream record was lost.

        Repeats until the record has not changed meanwhile, so that it never leaves an older state behind.
        """
        image = self._store.get(contact)
        while True:
            if image is None:
                self._store.write_many(delete=[keys.list_row_of(contact, keys.BY_CREATION)])
            else:
                self.project([image])
            again = self._store.get(contact)
            if again == image:
                return
            image = again


def _place(key: keys.Key) -> tuple[str, str]:
    return key[keys.PK]["S"], key[keys.SK]["S"]


def _version(item: Item | None) -> str | None:
    """A live record's version; None for what no list shows."""
    return None if item is None or "deleted_at" in item else item["version"]["N"]
