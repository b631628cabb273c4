"""Contacts found by what they have: postings walked together, words by their beginnings, numbers by their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.domain.contacts.facets import OWN
from shared.domain.contacts.record import Contact
from shared.domain.ids import id_of, number_of
from shared.services.reading_budget import Budget
from shared.table import items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.keys import counters as counter_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import postings as posting_keys
from shared.table.keys import terms as term_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.posting_unions import UnionWalk
from shared.table.postings import PostingWalk
from shared.table.store import Item, Store

_PAGE = 64
_MOST = 500
"""How many items of a list are read at once at the most."""
_OWN = ("owner_id", "organizer_id")
"""The facets whose lists together are that of OWN."""


def _counters_of(name: str) -> list[str]:
    """The counters whose sum is the number of a name: its own, but for those of OWN."""
    facet, _, value = name.partition("=")
    return [f"{one}={value}" for one in _OWN] if facet == OWN else [name]


class ContactIndex:
    """The indexes of one tenant's contacts, as the stream has brought them up.

    Rows that are read are charged to `budget`: walks raise Spent when it is spent. Counters are not charged.
    """

    def __init__(self, store: Store, tenant_id: str, budget: Budget | None = None) -> None:
        self._store = store
        self._tenant = tenant_id
        self._budget = budget or Budget.unlimited()
        self._reads = BudgetedReads(store, self._budget)

    def count(self, name: str) -> int:
        """A counter of the tenant, such as `all` or `source=import`."""
        if len(_counters_of(name)) > 1:
            return self.counts_of([name])[0]
        item = self._store.get(counter_keys.counter(self._tenant, name), consistent=False)
        return int(item["amount"]["N"]) if item else 0

    def count_of_customer(self, customer_id: str) -> int:
        """How many contacts a customer has. Its record knows, so there is no counter for each."""
        item = self._store.get(customer_keys.customer(self._tenant, customer_id), consistent=False)
        return int(item["contact_count"]["N"]) if item and "contact_count" in item else 0

    def counts(self) -> dict[str, int]:
        """All counters of the tenant that are not 0."""
        found: dict[str, int] = {}
        after = None
        while True:
            page = self._store.query(counter_keys.partition(self._tenant), limit=500, after=after)
            found.update((counter_keys.name_of(item), int(item["amount"]["N"])) for item in page)
            if len(page) < 500:
                return {name: amount for name, amount in found.items() if amount}
            after = page[-1][SK]["S"]

    def counts_of(self, names: Sequence[str]) -> list[int]:
        """Some of the counters, 0 for those there are none of."""
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
        """The ids of contacts that have all facets' values, in order, behind `after` and within the bounds: each
        with True, and between them ids with False up to which there are no more.

        The lists of ids are walked together: each is asked for its next id at or beyond the farthest of the
        others, so what is read follows the answer and not the lists' lengths. Of three and more, the shortest two
        lead, and the others are only asked for what these have in common.
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
        """Terms that begin with a prefix, in their order: (position for `after`, the term, contact id, the summary of
        the contact's terms).
        """
        for row in self._walk(
            term_keys.contact_terms(self._tenant, prefix), term_keys.term_start(prefix), after
        ):
            position = row[SK]["S"]
            yield position, *term_keys.parse_term(position), row["words"]["S"]

    def ending_with(self, ends: Sequence[str], *, after: str | None) -> Iterator[tuple[str, str, str]]:
        """Telephone numbers with one of the ends (last digit first, behind a whole number a `+`), of which none begins
        another: (position for `after`, digits, contact id).
        """
        for start in sorted(map(term_keys.number_start, ends)):
            if after is not None and after > start and not after.startswith(start):
                continue  # gone through before
            behind = after if after is not None and after.startswith(start) else None
            for row in self._walk(term_keys.numbers(self._tenant, start), start, behind):
                position = row[SK]["S"]
                yield position, *term_keys.parse_number(position)

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]:
        """The contacts of ids as the lists show them, in the same order; none for those not shown."""
        wanted = [list_keys.row(self._tenant, list_keys.BY_CREATION, one) for one in contact_ids]
        found = self._reads.get_many(wanted, consistent=False)
        rows = (found.get(identity_of(key)) for key in wanted)
        return [items.contact_from_item(row) for row in rows if row]

    def all_rows(
        self, *, after: str | None, descending: bool, low: str, high: str, portion: int
    ) -> Iterator[Contact]:
        """All contacts in the order of their creation, behind the id `after` and within the bounds: `portion` are read
        at first, and twice as many each time, up to 500.
        """
        partition = list_keys.partition(self._tenant, list_keys.BY_CREATION)
        while low <= high:
            page = self._reads.query(
                partition, limit=portion, after=after, between=(low, high), descending=descending
            )
            for row in page:
                self._budget.advance()
                yield items.contact_from_item(row)
            if len(page) < portion:
                return
            after = page[-1][SK]["S"]
            portion = max(portion, min(2 * portion, _MOST))

    def skip_rows(self, count: int, *, descending: bool, low: str, high: str) -> tuple[int, str | None]:
        """Pass over the first `count` contacts that `all_rows` would give, or fewer when the budget is spent: how many
        there were, and behind which id it goes on, None at the end.
        """
        partition = list_keys.partition(self._tenant, list_keys.BY_CREATION)
        if low > high:
            return 0, None
        return self._passed(partition, count, (low, high), descending)

    def places(
        self,
        field: str,
        *,
        after: str | None,
        between: tuple[str, str] | None,
        descending: bool,
        portion: int,
    ) -> Iterator[str]:
        """The places in an order (by `field`, such as `updated_at`) behind one and within bounds: `portion` are read at
        first, and twice as many each time, up to 500. Each ends with `#` and the id of the contact.
        """
        partition = list_keys.partition(self._tenant, field)
        while True:
            page = self._reads.query(
                partition, limit=portion, after=after, between=between, descending=descending
            )
            for row in page:
                self._budget.advance()
                yield row[SK]["S"]
            if len(page) < portion:
                return
            after = page[-1][SK]["S"]
            portion = max(portion, min(2 * portion, _MOST))

    def skip_places(
        self, field: str, count: int, *, between: tuple[str, str] | None, descending: bool
    ) -> tuple[int, str | None]:
        """Pass over the first `count` places, or fewer when the budget is spent: how many there were, and behind which
        it goes on, None at the end.
        """
        partition = list_keys.partition(self._tenant, field)
        return self._passed(partition, count, between, descending)

    def _passed(
        self, partition: str, count: int, between: tuple[str, str] | None, descending: bool
    ) -> tuple[int, str | None]:
        passed, behind = self._reads.skip(partition, count, between=between, descending=descending)
        if passed:
            self._budget.advance()
        return passed, behind

    def size_of_range(self, field: str, between: tuple[str, str], *, most: int) -> int:
        """How many places of an order lie within bounds; `most`, when there are more."""
        return self._reads.skip(list_keys.partition(self._tenant, field), most, between=between)[0]

    def top_companies(self, count: int) -> list[tuple[str, int]]:
        """The companies with the most contacts, at least two: (as it is written, contacts)."""
        rows = self._store.query(counter_keys.top_companies(self._tenant), limit=count)
        return [(row["spelling"]["S"], int(row["amount"]["N"])) for row in rows]

    def _walk(self, partition: str, start: str, after: str | None) -> Iterator[Item]:
        portion = _PAGE
        while True:
            page = self._reads.query(partition, limit=portion, prefix=start, after=after)
            for row in page:
                self._budget.advance()
                yield row
            if len(page) < portion:
                return
            after = page[-1][SK]["S"]
            portion = min(2 * portion, _MOST)
