"""Lists of follow-ups in the table."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.contacts.record import Contact
from shared.domain.interactions.follow_up import FollowUp
from shared.services.contacts.parts import of_contact
from shared.services.reading_budget import Budget
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.interactions.follow_up_items import follow_up_from_item
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.ranges import walk_ranges
from shared.table.store import Store


class FollowUpIndex:
    """The follow-ups of one tenant's contacts, in the order of time. Rows that are read are charged to a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._budget = budget
        self._reads = BudgetedReads(store, budget)
        self._parts = Parts(self._reads, tenant_id)
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def walk(
        self,
        contact: Contact,
        *,
        is_open: bool,
        first: str | None,
        last: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, FollowUp]]:
        """Yield a contact's open follow-ups, earliest due first, or the others, latest closed first, each with its
        position for `after`. Those of contacts merged into it are among them. `first` and `last`: bounds of the time
        that they sort by, both included.
        """
        entries = walk_ranges(
            self._reads,
            self._parts.ranges(contact, [follow_up_keys.range_of(is_open=is_open)]),
            between=timeline_keys.between(first, last),
            after=after,
            descending=not is_open,
            portion=portion,
        )
        for position, row in entries:
            self._budget.advance()
            yield position, of_contact(follow_up_from_item(row), contact.id)
