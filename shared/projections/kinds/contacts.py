"""What of a contact is projected: its places in orders, its facets, the words and numbers it is found by, its part in
the counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from shared.domain.contacts import order as contact_order
from shared.domain.contacts.filter import counts_of, facets_of, numbers_of, terms_of_contact
from shared.domain.contacts.record import Contact
from shared.domain.search import indexed, summary_of
from shared.table import items, keys
from shared.table.store import Item

Facet = tuple[str, str]


def rows(tenant_id: str, image: Item) -> Iterator[Item]:
    """The rows a contact is found by, besides its list row and posting lists."""
    return rows_of(tenant_id, items.contact_from_item(image))


def rows_of(tenant_id: str, contact: Contact) -> Iterator[Item]:
    """The rows that a contact is found by, as `rows`."""
    for order in contact_order.INDEXED:
        place = contact_order.place_in(contact, order)
        if place is not None:
            yield keys.place(tenant_id, contact_order.field_of(order), place)
    terms = indexed(terms_of_contact(contact))
    # In each of them, so that a search of several words reads the list rows of few who have but one.
    summary = {"S": summary_of(terms)}
    for term in terms:
        yield {**keys.term(tenant_id, term, contact.id), "words": summary}
    for digits in numbers_of(contact):
        yield keys.number(tenant_id, digits, contact.id)


def facets(image: Item) -> set[Facet]:
    """The facets in whose posting lists a contact is."""
    return facets_of(items.contact_from_item(image))


def counts(image: Item) -> Counter[str]:
    """A contact's part in its tenant's counters."""
    return counts_of(items.contact_from_item(image))
