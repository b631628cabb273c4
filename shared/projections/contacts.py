"""What lists, filters, searches and statistics of contacts are read from: worked out from contacts' items.

For each live contact there are its list row, its id in the posting list of each facet, one row for each searchable
term and telephone number, and its part in the tenant's counters. The list row carries the contact's version, and so
says what has been projected: it changes in one transaction with the counters, which makes these exact however often
and in whatever order changes are handed in (docs/decisions/0007-projections.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.domain import timestamps
from shared.domain.contact_filter import facets_of, numbers_of, terms_of_contact
from shared.domain.errors import ConcurrentChange
from shared.table import items, keys
from shared.table.postings import PostingList, chunks_of, ids_in
from shared.table.store import Item, Store, Transaction

_TOMBSTONE_SECONDS = 3 * 86_400  # the stream remembers a day
_TOGETHER = 40  # contacts in one transaction: two items each when they go, and the counters they touch
_MOST_STEPS = 100  # DynamoDB's limit for a transaction
_ATTEMPTS = 8
_Place = tuple[str, str]
_Facet = tuple[str, str]


@dataclass(slots=True)
class _Change:
    """All that a batch says of one contact: its images, in their order; the last is what is to be shown."""

    images: list[Item] = field(default_factory=list)

    @property
    def last(self) -> Item:
        return self.images[-1]

    @property
    def version(self) -> int:
        return int(self.last["version"]["N"])

    @property
    def shown(self) -> Item | None:
        """The image to show, or None for a contact that is no longer live."""
        return None if "deleted_at" in self.last else self.last


class ContactProjection:
    """The projections of all tenants' contacts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def project(self, images: Iterable[Item]) -> None:
        """Bring the projections to the state of contacts' items, given in the order in which they were written.

        Items of other kinds are passed over. Doing it again, late or out of order changes nothing.
        Raises Unavailable or ConcurrentChange when it should be tried again as a whole.
        """
        changes: defaultdict[str, _Change] = defaultdict(_Change)
        for image in images:
            if keys.is_contact(image):
                changes[image[keys.PK]["S"]].images.append(image)
        by_tenant: defaultdict[str, list[_Change]] = defaultdict(list)
        for pk, change in changes.items():
            by_tenant[_tenant_of(pk)].append(change)
        for tenant_id, of_tenant in by_tenant.items():
            for start in range(0, len(of_tenant), _TOGETHER):
                self._project(tenant_id, of_tenant[start : start + _TOGETHER])

    def outdated(self, contacts: Iterable[keys.Key]) -> list[keys.Key]:
        """Those of contacts, by their keys, that the projections do not show as they are.

        Costs a read unit each. One that is just being changed may be named without need.
        """
        rows = {
            key[keys.PK]["S"]: keys.list_row_of(key, keys.BY_CREATION)
            for key in contacts
            if keys.is_contact(key)
        }
        wanted = [{keys.PK: {"S": pk}, keys.SK: {"S": keys.CONTACT}} for pk in rows]
        records = self._store.get_many(wanted, consistent=False)
        shown = self._store.get_many(list(rows.values()), consistent=False)
        return [
            key
            for key in wanted
            if _version(records.get(_place(key))) != _version(shown.get(_place(rows[key[keys.PK]["S"]])))
        ]

    def reproject(self, contact: keys.Key) -> None:
        """Bring the projections to the present state of one contact, whose stream record was lost.

        Repeats until the record has not changed meanwhile, so that it never leaves an older state behind.
        """
        image = self._store.get(contact)
        while True:
            if image is None:
                row = self._store.get(keys.list_row_of(contact, keys.BY_CREATION))
                if row is not None:  # removed for good without having been deleted first
                    version = {"N": str(int(row["version"]["N"]) + 1)}
                    self.project(
                        [{**row, **contact, "version": version, "deleted_at": {"S": timestamps.now()}}]
                    )
            else:
                self.project([image])
            again = self._store.get(contact)
            if again == image:
                return
            image = again

    def _project(self, tenant_id: str, changes: list[_Change]) -> None:
        for _ in range(_ATTEMPTS):
            states = self._states(tenant_id, changes)
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

    def _states(self, tenant_id: str, changes: list[_Change]) -> list[_State]:
        wanted = []
        for change in changes:
            row = keys.list_row_of(change.last, keys.BY_CREATION)
            wanted.append((row, keys.tombstone(tenant_id, row[keys.SK]["S"])))
        found = self._store.get_many([key for pair in wanted for key in pair])
        return [_State(found.get(_place(row)), found.get(_place(gone))) for row, gone in wanted]

    def _write_postings(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        add: defaultdict[_Facet, list[str]] = defaultdict(list)
        remove: defaultdict[_Facet, list[str]] = defaultdict(list)
        for change, state in news:
            contact_id = change.last["id"]["S"]
            has, known = _facets(change.shown), _facets(state.row)
            for facet in has - known:
                add[facet].append(contact_id)
            for facet in known.union(*map(_facets, change.images[:-1])) - has:
                remove[facet].append(contact_id)
        for facet in sorted(add.keys() | remove.keys()):
            postings = PostingList(self._store, keys.posting_partition(tenant_id, *facet))
            postings.change(add=add[facet], remove=remove[facet])

    def _write_rows(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        put: dict[_Place, Item] = {}
        left_over: dict[_Place, keys.Key] = {}
        for change, state in news:
            wanted = {_place(row): row for row in _rows(tenant_id, change.shown)}
            known = {_place(row): row for row in _rows(tenant_id, state.row)}
            put.update({place: row for place, row in wanted.items() if known.get(place) != row})
            for image in (state.row, *change.images[:-1]):
                for row in _rows(tenant_id, image):
                    if _place(row) not in wanted:
                        left_over[_place(row)] = {keys.PK: row[keys.PK], keys.SK: row[keys.SK]}
        self._store.write_many(put=list(put.values()), delete=list(left_over.values()))

    def _commit(self, tenant_id: str, news: list[tuple[_Change, _State]]) -> None:
        transaction = Transaction()
        totals: Counter[str] = Counter()
        for change, state in news:
            before = _counts(state.row)
            after = _counts(change.shown)
            totals.update(after)
            totals.subtract(before)
            _show(transaction, tenant_id, change, state)
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
    """All that the projections of a tenant should hold, by place, from its contacts' items; for comparing and for
    making them anew. Posting lists are packed as closely as they may be. Counters that would be 0 are left out.
    """
    found: dict[_Place, Item] = {}
    postings: defaultdict[str, list[str]] = defaultdict(list)
    totals: Counter[str] = Counter()
    for image in images:
        if "deleted_at" not in image:
            row = keys.list_row_of(image, keys.BY_CREATION)
            found[_place(row)] = {**image, **row}
            found.update((_place(one), dict(one)) for one in _rows(tenant_id, image))
            for facet in _facets(image):
                postings[keys.posting_partition(tenant_id, *facet)].append(image["id"]["S"])
            totals.update(_counts(image))
    for partition, contact_ids in postings.items():
        found.update((_place(chunk), chunk) for chunk in chunks_of(partition, contact_ids))
    for name, amount in totals.items():
        if amount:
            counter = keys.counter(tenant_id, name)
            found[_place(counter)] = {**counter, "amount": {"N": str(amount)}}
    return found


def differences(tenant_id: str, present: Iterable[Item]) -> tuple[dict[_Place, Item], list[keys.Key]]:
    """What a tenant's projections lack or hold otherwise than its records say, and the keys of what they hold
    beyond that; both from all items of the tenant.

    How a posting list is cut into chunks depends on its past, so of these it counts which contacts they name.
    """
    records: list[Item] = []
    held: dict[_Place, Item] = {}
    for item in present:
        if keys.is_contact(item):
            records.append(item)
        elif keys.is_projected(item) and item.get("amount", {}).get("N") != "0":
            held[_place(item)] = item
    wanted = expected(tenant_id, records)
    wanted_postings, held_postings = _postings(wanted), _postings(held)
    alike = {
        partition
        for partition, chunks in held_postings.items()
        if ids_in(chunks) == ids_in(wanted_postings.get(partition, ()))
    }
    differing = {
        place: item for place, item in wanted.items() if held.get(place) != item and place[0] not in alike
    }
    beyond = [
        {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}
        for place, item in held.items()
        if place not in wanted and place[0] not in alike
    ]
    return differing, beyond


def _postings(found: dict[_Place, Item]) -> dict[str, list[Item]]:
    """The chunks among items, by the list they are of."""
    chunks: defaultdict[str, list[Item]] = defaultdict(list)
    for (partition, _), item in found.items():
        if keys.is_posting(item):
            chunks[partition].append(item)
    return chunks


@dataclass(frozen=True, slots=True)
class _State:
    """What has been projected of a contact: its list row, or the trace of its going, or nothing yet."""

    row: Item | None
    gone: Item | None

    @property
    def version(self) -> int:
        return max(int(item["version"]["N"]) if item else 0 for item in (self.row, self.gone))


def _show(transaction: Transaction, tenant_id: str, change: _Change, state: _State) -> None:
    row = keys.list_row_of(change.last, keys.BY_CREATION)
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
            **keys.tombstone(tenant_id, row[keys.SK]["S"]),
            "version": version,
            "expires_at": {"N": str(expires_at)},
        },
        condition=f"{is_new} OR {is_older}",
        values={":version": version},
        refusal=refusal,
    )


def _facets(image: Item | None) -> set[_Facet]:
    """The facets a live contact is found by; none for None."""
    return set() if image is None or "deleted_at" in image else facets_of(items.contact_from_item(image))


def _rows(tenant_id: str, image: Item | None) -> Iterator[Item]:
    """The rows a live contact is found by, besides its facets; none for None."""
    if image is None or "deleted_at" in image:
        return
    contact = items.contact_from_item(image)
    terms = terms_of_contact(contact)
    # All of them in each, so that a search of several words reads rows of one.
    words = {"S": " ".join(terms)}
    for word in terms:
        yield {**keys.term(tenant_id, word, contact.id), "words": words}
    for digits in numbers_of(contact):
        yield keys.number(tenant_id, digits, contact.id)


def _counts(image: Item | None) -> Counter[str]:
    """A live contact's part in its tenant's counters."""
    counts: Counter[str] = Counter()
    if image is not None:
        contact = items.contact_from_item(image)
        counts["all"] = 1
        counts.update(f"{facet}={value}" for facet, value in facets_of(contact))
        counts["bookings"] = contact.total_bookings
        counts["interactions"] = contact.interaction_count
    return counts


def _tenant_of(pk: str) -> str:
    tenant_id = keys.tenant_of(pk)
    if tenant_id is None:
        raise ValueError("a contact lies outside all tenants")
    return tenant_id


def _place(key: dict[str, Any]) -> _Place:
    return key[keys.PK]["S"], key[keys.SK]["S"]


def _version(item: Item | None) -> str | None:
    """A live record's version; None for what no list shows."""
    return None if item is None or "deleted_at" in item else str(item["version"]["N"])
