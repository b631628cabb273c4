"""The kinds of records that are projected, and what of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.projections.kinds import contacts, customers
from shared.projections.kinds.contacts import Facet
from shared.table import keys
from shared.table.store import Item


@dataclass(frozen=True, slots=True)
class _Kind:
    """On which list a kind of records is, by which further rows and facets one is found, and its part in the tenant's
    counters.
    """

    order: str
    rows: Callable[[str, Item], Iterator[Item]]
    facets: Callable[[Item], set[Facet]]
    counts: Callable[[Item], Counter[str]]


_KINDS = {
    keys.CONTACT: _Kind(keys.BY_CREATION, contacts.rows, contacts.facets, contacts.counts),
    keys.CUSTOMER: _Kind(keys.CUSTOMERS, customers.rows, lambda _: set(), customers.counts),
}


def list_row_of(record: dict[str, Any]) -> keys.Key:
    """The key of a record's list row, from the record's key."""
    return keys.list_row_of(record, _of(record).order)


def rows(record: keys.Key, tenant_id: str, image: Item | None) -> Iterator[Item]:
    """The rows by which a record (known by its key) is found in the state of an image; none if it is not live."""
    if image is not None and is_live(image):
        yield from _of(record).rows(tenant_id, image)


def facets(record: keys.Key, image: Item | None) -> set[Facet]:
    """The facets by which a record is found in the state of an image; none if it is not live."""
    return _of(record).facets(image) if image is not None and is_live(image) else set()


def counts(record: keys.Key, image: Item | None) -> Counter[str]:
    """The part that a record has in the counters in the state of an image; none if it is not live."""
    return _of(record).counts(image) if image is not None and is_live(image) else Counter()


def is_live(image: Item) -> bool:
    """Whether a record is shown at all."""
    return "deleted_at" not in image


def _of(record: dict[str, Any]) -> _Kind:
    return _KINDS[record[keys.SK]["S"]]
