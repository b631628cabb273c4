"""Lists of interactions in the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.domain.contacts.record import Contact
from shared.domain.interactions.interaction import Interaction
from shared.services.contacts.parts import of_contact
from shared.services.reading_budget import Budget
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.interactions import items as interaction_items
from shared.table.keys import contacts as contact_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.ranges import skip_range, walk_ranges
from shared.table.store import Store


class InteractionIndex:
    """The interactions of one tenant's contacts, in the order of time. Rows that are read are charged to a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._tenant = tenant_id
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
        ranges: Sequence[bool],
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[tuple[str, Interaction]]:
        """Yield a contact's interactions after a position and within bounds of time, each with its position.

        Those of contacts merged into it are among them. `ranges`: which ranges to read, each named by whether the
        system recorded its interactions. Reads `portion` interactions of each at first, and twice as many each time.
        """
        prefixes = [interaction_keys.range_of(by_system=by_system) for by_system in ranges]
        entries = walk_ranges(
            self._reads,
            self._parts.ranges(contact, prefixes),
            between=timeline_keys.between(first, last),
            after=after,
            descending=descending,
            portion=portion,
        )
        for position, row in entries:
            self._budget.advance()
            yield position, of_contact(interaction_items.interaction_from_item(row), contact.id)

    def skip(
        self,
        contact_id: str,
        by_system: bool,
        count: int,
        *,
        first: str | None,
        last: str | None,
        descending: bool,
    ) -> tuple[int, str | None]:
        """Skip the first `count` interactions of one range of a contact into which none was merged, or fewer when the
        budget is spent.

        Returns how many were skipped, and the position after which to continue, None at the end.
        """
        skipped, position = skip_range(
            self._reads,
            contact_keys.partition(self._tenant, contact_id),
            interaction_keys.range_of(by_system=by_system),
            count,
            between=timeline_keys.between(first, last),
            descending=descending,
        )
        if skipped:
            self._budget.advance()
        return skipped, position
