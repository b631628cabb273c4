"""What lists, filters, searches and statistics of contacts are read from: worked out from contacts' items. And
the list and the numbers of customers, which have no more than that (`shared.projections.customers`).

For each live contact there are its list row, one posting for each facet, one row for each searchable term and
telephone number, and its part in the tenant's counters. The list row carries the contact's version, and so says
what has been projected: it changes in one transaction with the counters, which makes these exact however often
and in whatever order changes are handed in (docs/decisions/0007-projections.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.domain import timestamps
from shared.domain.contact_filter import facets_of, numbers_of, terms_of_contact
from shared.domain.errors import ConcurrentChange
from shared.projections import customers
from shared.table import items, keys
from shared.table.store import Item, Store, Transaction

_TOMBSTONE_SECONDS = 3 * 86_400  # the stream remembers a day
_TOGETHER = 40  # contacts in one transaction: two items each when they go, and the counters they touch
_MOST_STEPS = 100  # DynamoDB's limit for a transaction
_ATTEMPTS = 8
_UNCOUNTED = ("customer_id",)  # a customer's record counts its contacts
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is projected of a kind of records: on which list it is, by which further rows a live one is found, and
    its part in the tenant's counters.
    """

    order: str
    rows: Callable[[str, Item], Iterator[Item]]
    counts: Callable[[Item], Counter[str]]


@dataclass(slots=True)
class _Change:
    """All that a batch says of one record: its images, in their order; the last is what is to be shown."""

    images: list[Item] = field(default_factory=list)

    @property
    def last(self) -> Item:
        return self.images[-1]

    @property
    def kind(self) -> _Kind:
        return _kind_of(self.last)

    @property
    def row(self) -> keys.Key:
        """The key of its list row."""
        return keys.list_row_of(self.last, self.kind.order)

    @property
    def version(self) -> int:
        return int(self.last["version"]["N"])

    @property
    def shown(self) -> Item | None:
        """The image to show, or None for a record that is no longer live."""
        return None if "deleted_at" in self.last else self.last


class ContactProjection:
    """The projections of all tenants' contacts and customers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def project(self, images: Iterable[Item]) -> None:
        """Bring the projections to the state of records' items, given in the order in which they were written.

        Items of other kinds are passed over. Doing it again, late or out of order changes nothing.
        Raises Unavailable or ConcurrentChange when it should be tried again as a whole.
        """
        changes: defaultdict[str, _Change] = defaultdict(_Change)
        for image in images:
            if keys.is_listed(image):
                changes[image[keys.PK]["S"]].images.append(image)
        by_tenant: defaultdict[str, list[_Change]] = defaultdict(list)
        for pk, change in changes.items():
            by_tenant[_tenant_of(pk)].append(change)
        for tenant_id, of_tenant in by_tenant.items():
            for start in range(0, len(of_tenant), _TOGETHER):
                self._project(tenant_id, of_tenant[start : start + _TOGETHER])

    def outdated(self, records: Iterable[keys.Key]) -> list[keys.Key]:
        """Those of contacts and customers, by their keys, that the projections do not show as they are.

        Costs a read unit each. One that is just being changed may be named without need.
        """
        wanted = {
            _place(key): {keys.PK: key[keys.PK], keys.SK: key[keys.SK]}
            for key in records
            if keys.is_listed(key)
        }
        rows = {place: keys.list_row_of(key, _kind_of(key).order) for place, key in wanted.items()}
        found = self._store.get_many(list(wanted.values()), consistent=False)
        shown = self._store.get_many(list(rows.values()), consistent=False)
        return [
            key
            for place, key in wanted.items()
            if _version(found.get(place)) != _version(shown.get(_place(rows[place])))
        ]

    def reproject(self, record: keys.Key) -> None:
        """Bring the projections to the present state of one contact or customer, whose stream record was lost.

        Repeats until the record has not changed meanwhile, so that it never leaves an older state behind.
        """
        image = self._store.get(record)
        while True:
            if image is None:
                row = self._store.get(keys.list_row_of(record, _kind_of(record).order))
                if row is not None:  # removed for good without having been deleted first
                    version = {"N": str(int(row["version"]["N"]) + 1)}
                    self.project(
                        [{**row, **record, "version": version, "deleted_at": {"S": timestamps.now()}}]
                    )
            else:
                self.project([image])
            again = self._store.get(record)
            if again == image:
                return
            image = again

    def _project(self, tenant_id: str, changes: list[_Change]) -> None:
        for _ in range(_ATTEMPTS):
            states = self._states(changes)
            news = [
                (change, state)
                for change, state in zip(changes, states, strict=True)
                if state.version < change.version
            ]
            if not news:
                return
            # What is shown must be findable, and what is found is checked against its row: so rows to be found by
            # are put before the list row changes. What is left over of older states goes before it too, since the
            # list row, once changed, says that all is done.
            self._write_rows(tenant_id, news)
            try:
                self._commit(tenant_id, news)
            except ConcurrentChange:
                continue  # somebody else has projected one of them: look again
            return
        raise ConcurrentChange()

    def _states(self, changes: list[_Change]) -> list[_State]:
        wanted = [(change.row, keys.tombstone(change.last)) for change in changes]
        found = self._store.get_many([key for pair in wanted for key in pair])
        return [_State(found.get(_place(row)), found.get(_place(gone))) for row, gone in wanted]

    def _write_rows(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        put: dict[_Place, Item] = {}
        left_over: dict[_Place, keys.Key] = {}
        for change, state in news:
            kind = change.kind
            wanted = {_place(row): row for row in _rows(kind, tenant_id, change.shown)}
            known = {_place(row): row for row in _rows(kind, tenant_id, state.row)}
            put.update({place: row for place, row in wanted.items() if known.get(place) != row})
            for image in (state.row, *change.images[:-1]):
                for row in _rows(kind, tenant_id, image):
                    if _place(row) not in wanted:
                        left_over[_place(row)] = {keys.PK: row[keys.PK], keys.SK: row[keys.SK]}
        self._store.write_many(put=list(put.values()), delete=list(left_over.values()))

    def _commit(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        transaction = Transaction()
        totals: Counter[str] = Counter()
        for change, state in news:
            if change.shown is not None:
                totals.update(change.kind.counts(change.shown))
            if state.row is not None:
                totals.subtract(change.kind.counts(state.row))
            _show(transaction, change, state)
        for name, difference in sorted(totals.items()):
            if difference:
                transaction.update(
                    keys.counter(tenant_id, name), "ADD amount :d", {":d": {"N": str(difference)}}
                )
        if len(transaction.steps) <= _MOST_STEPS:
            self._store.commit(transaction)
            return
        # Contacts of many different tags touch many counters.
        half = len(news) // 2
        self._commit(tenant_id, news[:half])
        self._commit(tenant_id, news[half:])


def expected(tenant_id: str, images: Iterable[Item]) -> dict[_Place, Item]:
    """All that the projections of a tenant should hold, by place, from its contacts' and customers' items; for
    comparing and for making them anew. Counters that would be 0 are left out.
    """
    found: dict[_Place, Item] = {}
    totals: Counter[str] = Counter()
    for image in images:
        if "deleted_at" not in image:
            kind = _kind_of(image)
            row = keys.list_row_of(image, kind.order)
            found[_place(row)] = {**image, **row}
            found.update((_place(one), dict(one)) for one in _rows(kind, tenant_id, image))
            totals.update(kind.counts(image))
    for name, amount in totals.items():
        if amount:
            counter = keys.counter(tenant_id, name)
            found[_place(counter)] = {**counter, "amount": {"N": str(amount)}}
    return found


@dataclass(frozen=True, slots=True)
class _State:
    """What has been projected of a record: its list row, or the trace of its going, or nothing yet."""

    row: Item | None
    gone: Item | None

    @property
    def version(self) -> int:
        return max(int(item["version"]["N"]) if item else 0 for item in (self.row, self.gone))


def _show(transaction: Transaction, change: _Change, state: _State) -> None:
    row = change.row
    if state.row is None:
        condition, values = "attribute_not_exists(PK)", {}
    else:
        condition, values = "version = :before", {":before": state.row["version"]}

    def refusal(_: Item | None) -> Exception:
        return ConcurrentChange()

    if change.shown is not None:
        transaction.put({**change.shown, **row}, condition=condition, values=values, refusal=refusal)
        return
    if state.row is not None:
        transaction.delete(row, condition=condition, values=values, refusal=refusal)
    expires_at = timestamps.to_milliseconds(timestamps.now()) // 1000 + _TOMBSTONE_SECONDS
    is_new = "attribute_not_exists(PK)"
    is_older = "version < :version"
    version = change.last["version"]
    transaction.put(
        {
            **keys.tombstone(change.last),
            "version": version,
            "expires_at": {"N": str(expires_at)},
        },
        condition=f"{is_new} OR {is_older}",
        values={":version": version},
        refusal=refusal,
    )


def _rows(kind: _Kind, tenant_id: str, image: Item | None) -> Iterator[Item]:
    """The rows a live record is found by; none for None."""
    if image is not None and "deleted_at" not in image:
        yield from kind.rows(tenant_id, image)


def _contact_rows(tenant_id: str, image: Item) -> Iterator[Item]:
    contact = items.contact_from_item(image)
    for facet, value in facets_of(contact):
        yield keys.posting(tenant_id, facet, value, contact.id)
    terms = terms_of_contact(contact)
    # All of them in each, so that a search of several words reads rows of one.
    words = {"S": " ".join(terms)}
    for word in terms:
        yield {**keys.term(tenant_id, word, contact.id), "words": words}
    for digits in numbers_of(contact):
        yield keys.number(tenant_id, digits, contact.id)


def _contact_counts(image: Item) -> Counter[str]:
    contact = items.contact_from_item(image)
    counts = Counter(["all"])
    counts.update(f"{facet}={value}" for facet, value in facets_of(contact) if facet not in _UNCOUNTED)
    counts["bookings"] = contact.total_bookings
    counts["interactions"] = contact.interaction_count
    return counts


_KINDS = {
    keys.CONTACT: _Kind(keys.BY_CREATION, _contact_rows, _contact_counts),
    keys.CUSTOMER: _Kind(keys.CUSTOMERS, lambda *_: iter(()), customers.counts),
}


def _kind_of(record: dict[str, Any]) -> _Kind:
    return _KINDS[record[keys.SK]["S"]]


def _tenant_of(pk: str) -> str:
    tenant_id = keys.tenant_of(pk)
    if tenant_id is None:
        raise ValueError("a record lies outside all tenants")
    return tenant_id


def _place(key: dict[str, Any]) -> _Place:
    return key[keys.PK]["S"], key[keys.SK]["S"]


def _version(item: Item | None) -> str | None:
    """A live record's version; None for what no list shows."""
    return None if item is None or "deleted_at" in item else str(item["version"]["N"])
