"""What lists, filters, searches and statistics are read from: worked out from the items of contacts and customers.

For each live contact there are its list row, its place in each order, its id in the posting list of each facet, one row
for each searchable term and telephone number, and its part in the counters of the tenant and of its company; for each
live customer its list row and its part in the counters (`kinds`). The list row carries the record's version, and so
says what has been projected: it changes in one transaction with the counters, which makes these exact however often
and in whatever order changes are handed in (docs/decisions/0007-projections.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.projections import companies, kinds
from shared.projections.contacts import Facet
from shared.table import items, keys
from shared.table.item_size import item_size
from shared.table.postings import PostingList
from shared.table.store import MOST_BYTES, MOST_STEPS, Item, Store, Transaction

_TOMBSTONE_SECONDS = 3 * 86_400  # the stream remembers a day
_TOGETHER = 40  # records in one transaction: two items each when they go, and the counters they touch
_LABELS_AT_ONCE = 80
_ATTEMPTS = 8
_Place = tuple[str, str]


@dataclass(slots=True)
class _Change:
    """All that a batch says of one record: its images, in their order; the last is what is to be shown."""

    images: list[Item] = field(default_factory=list)

    @property
    def last(self) -> Item:
        return self.images[-1]

    @property
    def row(self) -> keys.Key:
        """The key of its list row."""
        return kinds.list_row_of(self.last)

    @property
    def version(self) -> int:
        return int(self.last["version"]["N"])

    @property
    def shown(self) -> Item | None:
        """The image to show, or None for a record that is no longer live."""
        return self.last if kinds.is_live(self.last) else None


class Projection:
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
        rows = {place: kinds.list_row_of(key) for place, key in wanted.items()}
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
                row = self._store.get(kinds.list_row_of(record))
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
            self._write_postings(tenant_id, news)
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

    def _write_postings(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        add: defaultdict[Facet, list[str]] = defaultdict(list)
        remove: defaultdict[Facet, list[str]] = defaultdict(list)
        for change, state in news:
            record_id = change.last["id"]["S"]
            has, known = kinds.facets(change.last, change.shown), kinds.facets(change.last, state.row)
            for facet in has - known:
                add[facet].append(record_id)
            earlier = (kinds.facets(image, image) for image in change.images[:-1])
            for facet in known.union(*earlier) - has:
                remove[facet].append(record_id)
        for facet in sorted(add.keys() | remove.keys()):
            postings = PostingList(self._store, keys.posting_partition(tenant_id, *facet))
            postings.change(add=add[facet], remove=remove[facet])

    def _write_rows(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        put: dict[_Place, Item] = {}
        left_over: dict[_Place, keys.Key] = {}
        for change, state in news:
            record = change.last
            wanted = {_place(row): row for row in kinds.rows(record, tenant_id, change.shown)}
            known = {_place(row): row for row in kinds.rows(record, tenant_id, state.row)}
            put.update({place: row for place, row in wanted.items() if known.get(place) != row})
            for image in (state.row, *change.images[:-1]):
                for row in kinds.rows(record, tenant_id, image):
                    if _place(row) not in wanted:
                        left_over[_place(row)] = {keys.PK: row[keys.PK], keys.SK: row[keys.SK]}
        self._store.write_many(put=list(put.values()), delete=list(left_over.values()))

    def _commit(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            transaction = self._transaction(tenant_id, news)
            if len(transaction.steps) > MOST_STEPS or _bytes_in(transaction, news) > MOST_BYTES:
                # Contacts of many different tags or companies touch many counters; large ones are many bytes.
                if len(news) == 1:
                    self._go_part_of_the_way(tenant_id, *news[0])
                    raise ConcurrentChange()  # the rest from there
                half = len(news) // 2
                self._commit(tenant_id, news[:half])
                self._commit(tenant_id, news[half:])
                return
            try:
                self._store.commit(transaction)
                return
            except companies.CompanyMoved:
                if attempt == _ATTEMPTS:
                    raise

    def _go_part_of_the_way(self, tenant_id: str, change: _Change, state: _State) -> None:
        """Give a contact's list row some of the labels that it is to have, and take some of those that it is not.

        One contact alone may gain and lose more labels than a transaction can count.
        """
        key = change.row
        if state.row is not None:
            row, part = dict(state.row), int(state.row.get("part", {"N": "0"})["N"])
        else:
            row, part = {**change.last, **key, "version": {"N": "0"}}, 0
            row = {name: value for name, value in row.items() if name not in items.LABEL_IDS}
        left = _LABELS_AT_ONCE
        for name in items.LABEL_IDS:
            has = [one["S"] for one in row.get(name, {"L": []})["L"]]
            wanted = [one["S"] for one in (change.shown or {}).get(name, {"L": []})["L"]]
            moving = sorted({*has} ^ {*wanted})[:left]
            left -= len(moving)
            has = [one for one in has if one not in moving] + [one for one in moving if one in wanted]
            row[name] = {"L": [{"S": one} for one in has]}
        row["part"] = {"N": str(part + 1)}
        condition, values = _as_read(state.row)
        transaction = Transaction()
        transaction.put(row, condition=condition, values=values, refusal=lambda _: ConcurrentChange())
        totals = kinds.counts(change.last, row)
        totals.subtract(kinds.counts(change.last, state.row))
        _count(transaction, tenant_id, totals)
        companies.move(self._store, transaction, tenant_id, [(state.row, row)])
        self._store.commit(transaction)

    def _transaction(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> Transaction:
        transaction = Transaction()
        totals: Counter[str] = Counter()
        for change, state in news:
            totals.update(kinds.counts(change.last, change.shown))
            totals.subtract(kinds.counts(change.last, state.row))
            _show(transaction, change, state)
        _count(transaction, tenant_id, totals)
        changes = [(state.row, change.shown) for change, state in news]
        companies.move(self._store, transaction, tenant_id, changes)
        return transaction


@dataclass(frozen=True, slots=True)
class _State:
    """What has been projected of a record: its list row, or the trace of its going, or nothing yet."""

    row: Item | None
    gone: Item | None

    @property
    def version(self) -> int:
        return max(int(item["version"]["N"]) if item else 0 for item in (self.row, self.gone))


def _bytes_in(transaction: Transaction, news: list[tuple[_Change, _State]]) -> int:
    """The most bytes that DynamoDB may count for a transaction: list rows as they become, and as they are before."""
    return transaction.size() + sum(item_size(state.row) for _, state in news if state.row is not None)


def _as_read(row: Item | None) -> tuple[str, Item]:
    """The condition, with its values, that a list row is as it was read."""
    if row is None:
        return "attribute_not_exists(PK)", {}
    if "part" in row:
        return "version = :before AND part = :part", {":before": row["version"], ":part": row["part"]}
    return "version = :before AND attribute_not_exists(part)", {":before": row["version"]}


def _count(transaction: Transaction, tenant_id: str, differences: Counter[str]) -> None:
    for name, difference in sorted(differences.items()):
        if difference:
            transaction.update(keys.counter(tenant_id, name), "ADD amount :d", {":d": {"N": str(difference)}})


def _show(transaction: Transaction, change: _Change, state: _State) -> None:
    row = change.row
    condition, values = _as_read(state.row)

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
