"""Contacts found by what they have: postings walked together, words by their beginnings, numbers by their ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from shared.domain.contact import Contact
from shared.table import items, keys
from shared.table.store import Item, Store

_PAGE = 64


class ContactIndex:
    """The indexes of one tenant's contacts, as the stream has brought them up."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def count(self, name: str) -> int:
        """A counter of the tenant, such as `all` or `source=import`."""
        item = self._store.get(keys.counter(self._tenant, name), consistent=False)
        return int(item["amount"]["N"]) if item else 0

    def count_of_customer(self, customer_id: str) -> int:
        """How many contacts a customer has. Its record knows, so there is no counter for each."""
        item = self._store.get(keys.customer(self._tenant, customer_id), consistent=False)
        return int(item["contact_count"]["N"]) if item and "contact_count" in item else 0

    def counts(self) -> dict[str, int]:
        """All counters of the tenant that are not 0."""
        found: dict[str, int] = {}
        after = None
        while True:
            page = self._store.query(keys.counters_partition(self._tenant), limit=500, after=after)
            found.update((keys.counter_name(item), int(item["amount"]["N"])) for item in page)
            if len(page) < 500:
                return {name: amount for name, amount in found.items() if amount}
            after = page[-1][keys.SK]["S"]

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[str]:
        """The ids of contacts that have all facets' values, in order, behind `after` and within the bounds.

        The lists of ids are walked together: each is asked for its next id at or beyond the farthest of the
        others, so what is read follows the answer and not the lists' lengths.
        """
        lists = [
            _Postings(self._store, keys.posting_partition(self._tenant, *facet), descending, low, high)
            for facet in facets
        ]
        bound, inclusive = (after, False) if after else ((high if descending else low), True)
        while True:
            candidate = lists[0].seek(bound, inclusive=inclusive)
            for postings in lists[1:]:
                if candidate is None:
                    return
                found = postings.seek(candidate, inclusive=True)
                if found != candidate:
                    bound, inclusive = found or "", True
                    break
            else:
                if candidate is None:
                    return
                yield candidate
                bound, inclusive = candidate, False
                continue
            if not bound:
                return

    def beginning_with(self, prefix: str, *, after: str | None) -> Iterator[tuple[str, str, str, list[str]]]:
        """Terms that begin with a prefix, in their order: (position for `after`, the term, contact id, all the
        contact's terms).
        """
        for row in self._walk(keys.term_partition(self._tenant, prefix), keys.escape_term(prefix), after):
            position = row[keys.SK]["S"]
            term, _, contact_id = position.rpartition("#")
            yield position, keys.unescape_term(term), contact_id, row["words"]["S"].split()

    def ending_with(self, reversed_digits: str, *, after: str | None) -> Iterator[tuple[str, str, str]]:
        """Telephone numbers with an end (last digit first): (position for `after`, digits, contact id)."""
        for row in self._walk(keys.number_partition(self._tenant, reversed_digits), reversed_digits, after):
            position = row[keys.SK]["S"]
            digits, _, contact_id = position.rpartition("#")
            yield position, digits, contact_id

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]:
        """The contacts of ids as the lists show them, in the same order; none for those not shown."""
        partition = keys.list_partition(self._tenant, keys.BY_CREATION)
        wanted = [{keys.PK: {"S": partition}, keys.SK: {"S": one}} for one in contact_ids]
        found = self._store.get_many(wanted, consistent=False)
        return [
            items.contact_from_item(found[partition, one]) for one in contact_ids if (partition, one) in found
        ]

    def all_rows(
        self, *, after: str | None, descending: bool, low: str, high: str, portion: int
    ) -> Iterator[Contact]:
        """All contacts in the order of their creation, behind the id `after` and within the bounds, read
        `portion` at a time.
        """
        partition = keys.list_partition(self._tenant, keys.BY_CREATION)
        while low <= high:
            page = self._store.query(
                partition, limit=portion, after=after, between=(low, high), descending=descending
            )
            for row in page:
                yield items.contact_from_item(row)
            if len(page) < portion:
                return
            after = page[-1][keys.SK]["S"]

    def _walk(self, partition: str, start: str, after: str | None) -> Iterator[Item]:
        while True:
            page = self._store.query(partition, limit=_PAGE, prefix=start, after=after)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][keys.SK]["S"]


class _Postings:
    """One sorted list of ids, read a page at a time from where it is asked for."""

    def __init__(self, store: Store, partition: str, descending: bool, low: str, high: str) -> None:
        self._store = store
        self._partition = partition
        self._descending = descending
        self._low, self._high = low, high
        self._page: list[str] = []  # ascending, whichever way it was read
        self._is_last = False

    def seek(self, bound: str, *, inclusive: bool) -> str | None:
        """The next id at (if `inclusive`) or beyond `bound` in the direction of the walk; None at the end."""
        found = self._in_page(bound, inclusive)
        if found is not None or self._is_last:
            return found
        between = (self._low, bound) if self._descending else (bound, self._high)
        # One more, since the bound itself may come back and not be wanted.
        rows = (
            self._store.query(self._partition, limit=_PAGE + 1, between=between, descending=self._descending)
            if between[0] <= between[1]
            else []
        )
        ids = [row[keys.SK]["S"] for row in rows]
        self._is_last = len(ids) <= _PAGE
        self._page = ids[::-1] if self._descending else ids
        return self._in_page(bound, inclusive)

    def _in_page(self, bound: str, inclusive: bool) -> str | None:
        page = self._page
        if self._descending:
            at = bisect_left(page, bound + ("\x00" if inclusive else "")) - 1
            return page[at] if at >= 0 else None
        at = bisect_left(page, bound if inclusive else bound + "\x00")
        return page[at] if at < len(page) else None
