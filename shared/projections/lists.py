"""The lists of contacts: rows that hold what a page shows, so that a page is one read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.table import keys
from shared.table.store import Item, Store


def project(store: Store, images: Iterable[Item]) -> None:
    """Bring the lists to the state of contacts' items, given in the order in which they were written.

    Items of other kinds are passed over. Doing it again, with the same or the latest items, is harmless.
    Raises Unavailable when the table stays too busy; the call can be repeated.
    """
    latest = {image["id"]["S"]: image for image in images if keys.is_contact(image)}
    put: list[Item] = []
    delete: list[keys.Key] = []
    for image in latest.values():
        key = _row_key(image)
        if "deleted_at" in image:
            delete.append(key)
        else:
            put.append({**image, **key})
    store.write_many(put=put, delete=delete)


def reproject(store: Store, contact_key: dict[str, Any]) -> None:
    """Bring the lists to the present state of one contact, whose stream record was lost.

    Repeats until the record has not changed meanwhile, so that it never leaves an older state behind.
    """
    image = store.get(contact_key)
    while image is not None:
        project(store, [image])
        again = store.get(contact_key)
        if again == image:
            return
        image = again


def _row_key(image: Item) -> keys.Key:
    tenant_id = keys.tenant_of(image[keys.PK]["S"])
    if tenant_id is None:
        raise ValueError("a contact lies outside all tenants")
    return keys.list_row(tenant_id, keys.BY_CREATION, image["id"]["S"])
