"""The indexes of contacts: postings walked together, words by their prefixes, telephone numbers by their ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Unpack

from shared.domain.contacts.facets import OWN
from shared.domain.contacts.record import Contact
from shared.domain.ids import id_of, number_of
from shared.services.reading_budget import Budget
from shared.table import walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts import items as contact_items
from shared.table.contacts.survivors import MERGED_INTO, Survivors
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import counters as counter_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import postings as posting_keys
from shared.table.keys import terms as term_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.posting_unions import UnionWalk
from shared.table.postings import PostingWalk
from shared.table.store import Query, Store

_PAGE = 64
_MOST = 500
"""Items of a list that are read at once, at most."""
_OWN = ("owner_id", "organizer_id")
"""The facets whose lists together make that of OWN."""


def _counters_of(name: str) -> list[str]:
    """Return the counters whose sum is the count for a name: its own, or those of the facets of OWN."""
    facet, _, value = name.partition("=")
    return [f"{one}={value}" for one in _OWN] if facet == OWN else [name]


class ContactIndex:
    """The indexes of one tenant's contacts, which follow the records within about a second.

    Rows that are read are charged to `budget`: walks raise BudgetSpent when it is spent. Counters are not charged.
    """

    def __init__(self, store: Store, tenant_id: str, budget: Budget | None = None) -> None:
        self._store = store
        self._tenant = tenant_id
        self._budget = budget or Budget.unlimited()
        self._reads = BudgetedReads(store, self._budget)

    def count(self, name: str) -> int:
        """Return a counter of the tenant, such as `all` or `source=import`."""
        if len(_counters_of(name)) > 1:
            return self.counts_of([name])[0]
        item = self._store.get(counter_keys.counter(self._tenant, name), consistent=False)
        return int(item[counter_keys.AMOUNT]["N"]) if item else 0

    def parts_of(self, name: str) -> tuple[int, dict[str, int]]:
        """Return a counter that has parts, and its parts by name."""
        item = self._store.get(counter_keys.counter(self._tenant, name), consistent=False) or {}
        amounts = {part: int(amount["N"]) for part, amount in item.items() if "N" in amount}
        return amounts.pop(counter_keys.AMOUNT, 0), amounts

    def count_of_customer(self, customer_id: str) -> int:
        """Return the number of contacts of a customer, which is in the customer's record."""
        item = self._store.get(customer_keys.customer(self._tenant, customer_id), consistent=False)
        return int(item["contact_count"]["N"]) if item and "contact_count" in item else 0

    def counts(self) -> dict[str, int]:
        """Return all counters of the tenant that are not 0."""
        rows = walking.walk(self._store, counter_keys.partition(self._tenant), page=_MOST)
        amounts = {counter_keys.name_of(row): int(row["amount"]["N"]) for row in rows}
        return {name: amount for name, amount in amounts.items() if amount}

    def counts_of(self, names: Sequence[str]) -> list[int]:
        """Return some of the counters; 0 for those that do not exist."""
        wanted = {
            one: counter_keys.counter(self._tenant, one) for name in names for one in _counters_of(name)
        }
        found = self._store.get_many(list(wanted.values()), consistent=False)
        items_of = {one: found.get(identity_of(key)) for one, key in wanted.items()}
        amounts = {one: int(item["amount"]["N"]) if item else 0 for one, item in items_of.items()}
        return [sum(amounts[one] for one in _counters_of(name)) for name in names]

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[tuple[str, bool]]:
        """Yield the ids of contacts that have the values of all facets, in order, after `after` and within the bounds.

        Each id comes with True; between them come ids with False, up to which there are no more matches. The lists of
        ids are walked together: each is asked for its next id at or beyond the farthest of the others, so the reads
        follow the size of the answer, not the lengths of the lists. Of three lists or more, the shortest two lead, and
        the others are only asked for the ids that these have in common.
        """
        if len(facets) > 2:
            counts = self.counts_of([f"{facet}={value}" for facet, value in facets])
            facets = [facet for _, facet in sorted(zip(counts, facets, strict=True))]
        first, last = number_of(low), number_of(high)

        def walk_of(facet: str, value: str) -> PostingWalk:
            partition = posting_keys.partition(self._tenant, facet, value)
            return PostingWalk(self._reads, partition, descending=descending, low=first, high=last)

        leader, *others = (
            UnionWalk([walk_of(one, value) for one in _OWN], descending=descending)
            if facet == OWN
            else walk_of(facet, value)
            for facet, value in facets
        )
        step = -1 if descending else 1
        start = number_of(after) + step if after else (last if descending else first)
        candidate = leader.seek(start)
        while candidate is not None:
            found: int | None = candidate
            for walk in others:
                found = walk.seek(candidate)
                if found != candidate:
                    break
            self._budget.advance()
            if found == candidate:
                yield id_of(candidate), True
                found = candidate + step
            elif found is not None:
                yield id_of(found - step), False
            candidate = None if found is None else leader.seek(found)

    def beginning_with(self, prefix: str, *, after: str | None) -> Iterator[tuple[str, str, str, str]]:
        """Yield the terms that start with a prefix, in order.

        Each as (position for `after`, the term, contact id, the summary of the contact's terms).
        """
        for row in self._walk(
            term_keys.contact_terms(self._tenant, prefix),
            _PAGE,
            prefix=term_keys.term_start(prefix),
            after=after,
        ):
            position = row[SK]["S"]
            yield position, *term_keys.parse_term(position), row["words"]["S"]

    def ending_with(self, ends: Sequence[str], *, after: str | None) -> Iterator[tuple[str, str, str]]:
        """Yield the telephone numbers with one of the ends, each as (position for `after`, digits, contact id).

        An end has its last digit first, and a `+` after a whole number; no end starts with another one.
        """
        for start in sorted(map(term_keys.number_start, ends)):
            if after is not None and after > start and not after.startswith(start):
                continue  # walked through before
            position_in_end = after if after is not None and after.startswith(start) else None
            for row in self._walk(
                term_keys.numbers(self._tenant, start), _PAGE, prefix=start, after=position_in_end
            ):
                position = row[SK]["S"]
                yield position, *term_keys.parse_number(position)

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]:
        """Return the contacts with some ids as the lists show them, in the same order, without those not shown."""
        wanted = [list_keys.row(self._tenant, list_keys.BY_CREATION, one) for one in contact_ids]
        found = self._reads.get_many(wanted, consistent=False)
        rows = (found.get(identity_of(key)) for key in wanted)
        return [contact_items.contact_from_item(row) for row in rows if row]

    def survivors(self, contact_ids: Collection[str]) -> dict[str, str]:
        """Return the survivors of those of some contacts that are merged: ids by ids. A survivor may be deleted."""
        keys = {one: contact_keys.contact(self._tenant, one) for one in contact_ids}
        found = self._reads.get_many(list(keys.values()), consistent=False)
        items = {one: found.get(identity_of(key)) for one, key in keys.items()}
        merged = {one: item for one, item in items.items() if item is not None and MERGED_INTO in item}
        survivors = Survivors(self._store, self._tenant).find_many(merged)
        self._budget.charge(len(survivors))
        return {one: item["id"]["S"] for one, item in survivors.items()}

    def all_rows(
        self, *, after: str | None, descending: bool, low: str, high: str, portion: int
    ) -> Iterator[Contact]:
        """Yield all contacts in the order of their creation, after the id `after` and within the bounds.

        Reads `portion` rows at first, and twice as many each time, up to 500.
        """
        partition = list_keys.partition(self._tenant, list_keys.BY_CREATION)
        if low > high:
            return
        rows = self._walk(partition, portion, after=after, between=(low, high), descending=descending)
        yield from map(contact_items.contact_from_item, rows)

    def skip_rows(self, count: int, *, descending: bool, low: str, high: str) -> tuple[int, str | None]:
        """Skip the first `count` contacts that `all_rows` would yield, or fewer when the budget is spent.

        Returns how many were skipped, and the id after which to continue, None at the end.
        """
        partition = list_keys.partition(self._tenant, list_keys.BY_CREATION)
        if low > high:
            return 0, None
        return self._skip(partition, count, (low, high), descending)

    def places(
        self,
        field: str,
        *,
        after: str | None,
        between: tuple[str, str] | None,
        descending: bool,
        portion: int,
    ) -> Iterator[str]:
        """Yield the places in an order (by `field`, such as `updated_at`) after a place and within bounds.

        Each place ends with `#` and the id of the contact. Reads `portion` at first, and twice as many each time, up to
        500.
        """
        partition = list_keys.partition(self._tenant, field)
        for row in self._walk(partition, portion, after=after, between=between, descending=descending):
            yield row[SK]["S"]

    def skip_places(
        self, field: str, count: int, *, between: tuple[str, str] | None, descending: bool
    ) -> tuple[int, str | None]:
        """Skip the first `count` places, or fewer when the budget is spent.

        Returns how many were skipped, and the place after which to continue, None at the end.
        """
        partition = list_keys.partition(self._tenant, field)
        return self._skip(partition, count, between, descending)

    def _skip(
        self, partition: str, count: int, between: tuple[str, str] | None, descending: bool
    ) -> tuple[int, str | None]:
        skipped, continue_after = self._reads.skip(partition, count, between=between, descending=descending)
        if skipped:
            self._budget.advance()
        return skipped, continue_after

    def size_of_range(self, field: str, between: tuple[str, str], *, most: int) -> int:
        """Return the number of places of an order within bounds, or `most` when there are more."""
        return self._reads.skip(list_keys.partition(self._tenant, field), most, between=between)[0]

    def top_companies(self, count: int) -> list[tuple[str, int]]:
        """Return the companies with the most contacts, at least two each, as (spelling, number of contacts)."""
        rows = self._store.query(counter_keys.top_companies(self._tenant), limit=count)
        return [(row["spelling"]["S"], int(row["amount"]["N"])) for row in rows]

    def _walk(self, partition: str, portion: int, **options: Unpack[Query]) -> Iterator[Item]:
        for row in walking.walk(self._reads, partition, page=portion, largest=_MOST, **options):
            self._budget.advance()
            yield row
