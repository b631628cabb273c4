"""The projections of contacts.

A contact has a row for each order of contacts, each searchable term, telephone number and match key, its id in the
posting list of each of its facets, and its share of the counters of its tenant and its company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from shared.domain.contacts import order as contact_order
from shared.domain.contacts.facets import counts_of, facets_of
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import numbers_of, terms_of_contact
from shared.domain.duplicates.keys import match_keys
from shared.domain.search import indexed, summary_of
from shared.projections.kinds.kind import Projected, RecordKind
from shared.table.contacts import items as contact_items
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import terms as term_keys


def _order_rows(tenant_id: str, contact: Contact) -> Iterator[Item]:
    for order in contact_order.INDEXED:
        place = contact_order.place_in(contact, order)
        if place is not None:
            yield list_keys.place(tenant_id, contact_order.field_of(order), place)


def _term_rows(tenant_id: str, contact: Contact) -> Iterator[Item]:
    terms = indexed(terms_of_contact(contact))
    # Every row has the summary, so that a search of several words reads few list rows of contacts with only one.
    summary = {"S": summary_of(terms)}
    for term in terms:
        yield {**term_keys.contact_term(tenant_id, term, contact.id), "words": summary}


def _number_rows(tenant_id: str, contact: Contact) -> Iterator[Item]:
    for digits in numbers_of(contact):
        yield term_keys.number(tenant_id, digits, contact.id)


def _match_rows(tenant_id: str, contact: Contact) -> Iterator[Item]:
    for key in match_keys(contact):
        if key.kind != "phone":  # the rows of its numbers say the same
            yield duplicate_keys.match(tenant_id, key, contact.id)


_ROWS: tuple[Callable[[str, Contact], Iterable[Item]], ...] = (
    _order_rows,
    _term_rows,
    _number_rows,
    _match_rows,
)


def rows_of(tenant_id: str, contact: Contact) -> Iterator[Item]:
    """Yield the rows by which searches, sorted lists and suggestions of duplicates find a contact."""
    for rows in _ROWS:
        yield from rows(tenant_id, contact)


def with_duplicate_key(item: Item, name: str | None) -> Item:
    """Return a contact's item with the custom field by which its tenant finds duplicates, as its list row has it.

    A list row keeps its own.
    """
    if name is None or contact_items.DUPLICATE_KEY in item:
        return item
    return {**item, contact_items.DUPLICATE_KEY: {"S": name}}


def _project(tenant_id: str, item: Item) -> Projected:
    contact = contact_items.contact_from_item(item)
    return Projected(
        rows=tuple(rows_of(tenant_id, contact)),
        facets=frozenset(facets_of(contact)),
        counts=counts_of(contact),
        company=contact.company or "",
    )


CONTACT_KIND = RecordKind(list_keys.BY_CREATION, contact_keys.CONTACT, _project)
