"""What lists, filters, searches and statistics are read from: worked out from the items of contacts and customers.

For each live contact there are its list row, its place in each order, its id in the posting list of each facet, one row
for each searchable term and telephone number, and its part in the counters of the tenant and of its company; for each
live customer its list row and its part in the counters (`kinds`). The list row carries the record's version, and so
says what has been projected: it changes in one transaction with the counters, which makes these exact however often
and in whatever order changes are handed in.

Rows and posting lists are written before the list row, one by one and without conditions. A projector that another one
has overtaken has therefore written what the other does not know of. It does not leave before it has compared
everything with the present list row, put right what differs, and marked the list row under the condition that it has
not changed meanwhile; the mark makes every projector that read it before look again. The same is done for a batch
whose records have gone further, since a projector may have been killed on it before
(docs/decisions/0007-projections.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.projections.hidden import hidden
from shared.projections.kinds import companies
from shared.projections.kinds import kind as kinds
from shared.projections.kinds.contacts import Facet
from shared.projections.mendings import Mendings
from shared.projections.steps import part_of_the_way, transaction_of
from shared.projections.work import Aim, Change, Place, State, Work, place_of, version_of
from shared.table import keys
from shared.table.item_size import item_size
from shared.table.postings import PostingList
from shared.table.store import MOST_BYTES, MOST_STEPS, Item, Store, Transaction

_TOGETHER = 40  # records in one transaction: two items each when they go, and the counters they touch
_MOST_STEPS = MOST_STEPS
_LABELS_AT_ONCE = 80
_ATTEMPTS = 8


class Projection:
    """The projections of all tenants' contacts and customers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mendings = Mendings(store)

    def project(self, images: Iterable[Item], *, replaced: Iterable[Item] = ()) -> None:
        """Bring the projections to the state of records' items, given in the order in which they were written.

        Items of other kinds are passed over. Doing it again, late or out of order changes nothing. `replaced`: items
        that were overwritten by those; of changes that were never projected, nothing is left over then.
        Raises Unavailable or ConcurrentChange when it should be tried again as a whole, which it must be.
        """
        changes: defaultdict[str, Change] = defaultdict(Change)
        for image in images:
            if keys.is_listed(image):
                changes[image[keys.PK]["S"]].images.append(image)
        for image in replaced:
            if image[keys.PK]["S"] in changes:
                changes[image[keys.PK]["S"]].replaced.append(image)
        by_tenant: defaultdict[str, list[Change]] = defaultdict(list)
        for pk, change in changes.items():
            by_tenant[_tenant_of(pk)].append(change)
        for tenant_id, of_tenant in by_tenant.items():
            for start in range(0, len(of_tenant), _TOGETHER):
                self._project(tenant_id, [Work(change) for change in of_tenant[start : start + _TOGETHER]])

    def outdated(self, records: Iterable[keys.Key]) -> list[keys.Key]:
        """Those of contacts and customers, by their keys, that the projections do not show as they are, or that cannot
        be found as they are shown.

        Costs a read unit each, and for a record that has changed since it was made half a unit for each of its rows
        and a read of each of its posting lists. One that is just being changed may be named without need.
        """
        wanted = {place_of(key): _key_of(key) for key in records if keys.is_listed(key)}
        rows = {place: kinds.list_row_of(key) for place, key in wanted.items()}
        found = self._store.get_many(list(wanted.values()), consistent=False)
        shown = self._store.get_many(list(rows.values()), consistent=False)
        outdated, changed = [], []
        for place, key in wanted.items():
            row = shown.get(place_of(rows[place]))
            if _version(found.get(place)) != _version(row):
                outdated.append(key)
            elif row is not None and version_of(row) > 1:  # of its first state nobody can have been overtaken
                changed.append((key, row))
        return outdated + hidden(self._store, changed)

    def reproject(self, record: keys.Key) -> None:
        """Bring the projections to the present state of one contact or customer, whose stream record was lost.

        Repeats until the record has not changed meanwhile, so that it never leaves an older state behind. Killed on
        the way, it must be done again, which finds what was left (`shared.projections.sweeping`).
        """
        former = self._mendings.of(record)
        image = self._store.get(record)
        while True:
            noted = self._mendings.note([(record, image)] if image is not None else [])
            self._compare(record, image, former)
            self._mendings.forget(noted)
            again = self._store.get(record)
            if again == image:
                return
            image = again

    def _compare(self, record: keys.Key, image: Item | None, former: Sequence[Item]) -> None:
        """Project an image, and compare all rows with the list row even if that says that there is nothing to do."""
        if image is None:  # removed for good, perhaps without having been deleted first
            known = [one for one in (self._store.get(kinds.list_row_of(record)), *former) if one is not None]
            if not known:
                return
            version = {"N": str(max(map(version_of, known)) + 1)}
            image = {**known[0], **record, "version": version, "deleted_at": {"S": timestamps.now()}}
        change = Change([image], list(former))
        self._project(_tenant_of(image[keys.PK]["S"]), [Work(change, checks=True)])

    def _project(self, tenant_id: str, works: list[Work]) -> None:
        noted: list[keys.Key] = []
        for _ in range(_ATTEMPTS):
            self._look(works)
            works = [work for work in works if work.aim is not None]
            if not works:
                break
            noted += self._note([work for work in works if work.compares])
            # What is shown must be findable, and what is found is checked against its row: so rows to be found by
            # are put before the list row changes. What is left over of older states goes before it too, since the
            # list row, once changed, says that all is done.
            self._write_postings(tenant_id, works)
            self._write_rows(tenant_id, works)
            works = [work for work in works if work.aim is not Aim.CHECK]
            try:
                self._commit(tenant_id, works)
            except ConcurrentChange:  # somebody else has projected one of them: look again
                works = [work for work in works if not work.is_settled]
            else:
                works = self._come_and_gone(works)
        if works:
            raise ConcurrentChange()
        self._mendings.forget(noted)

    def _note(self, works: Sequence[Work]) -> list[keys.Key]:
        """Note by what records are about to be put right, and see by what they were before."""
        for work in works:
            work.change.replaced += self._mendings.of(work.change.last)
        return self._mendings.note(
            [(work.change.last, work.state.row) for work in works if work.state.row is not None]
        )

    def _look(self, works: list[Work]) -> None:
        wanted = [(work.change.row, keys.tombstone(work.change.last)) for work in works]
        found = self._store.get_many([key for pair in wanted for key in pair])
        for work, (row, gone) in zip(works, wanted, strict=True):
            work.state = State(found.get(place_of(row)), found.get(place_of(gone)))

    def _come_and_gone(self, works: Sequence[Work]) -> list[Work]:
        """Those of committed records that have been projected and gone while this projector was at work, which a
        list row put where none was does not show.
        """
        begun = [work for work in works if work.began_with_nothing]
        gone = self._store.get_many([keys.tombstone(work.change.last) for work in begun])
        for work in begun:
            work.began_with_nothing = False
        return [work for work in begun if place_of(keys.tombstone(work.change.last)) in gone]

    def _write_postings(self, tenant_id: str, works: Sequence[Work]) -> None:
        changes: defaultdict[Facet, tuple[list[Work], list[Work]]] = defaultdict(lambda: ([], []))
        for work in works:
            add, remove = work.facets()
            for facet in add:
                changes[facet][0].append(work)
            for facet in remove:
                changes[facet][1].append(work)
            if not work.compares:
                work.touched_facets |= add | remove
        for facet, (add_to, remove_from) in sorted(changes.items()):
            postings = PostingList(self._store, keys.posting_partition(tenant_id, *facet))
            has_changed = postings.change(
                add=[work.record_id for work in add_to], remove=[work.record_id for work in remove_from]
            )
            if has_changed:
                for work in (*add_to, *remove_from):
                    work.touched_facets.add(facet)

    def _write_rows(self, tenant_id: str, works: Sequence[Work]) -> None:
        put: dict[Place, Item] = {}
        delete: dict[Place, keys.Key] = {}
        for work in works:
            wanted, known, unwanted = work.rows(tenant_id)
            if work.reads:
                known = self._store.get_many([*map(_key_of, wanted.values()), *unwanted.values()])
                unwanted = {place: key for place, key in unwanted.items() if place in known}
            else:
                known = {place: row for place, row in known.items() if place not in work.touched}
            changed = {place: row for place, row in wanted.items() if known.get(place) != row}
            work.touched.update(unwanted)
            work.touched.update((place, _key_of(row)) for place, row in changed.items())
            put.update(changed)
            delete.update(unwanted)
        self._store.write_many(put=list(put.values()), delete=list(delete.values()))

    def _commit(self, tenant_id: str, works: Sequence[Work]) -> None:
        if not works:
            return
        for attempt in range(1, _ATTEMPTS + 1):
            transaction = transaction_of(self._store, tenant_id, works)
            if len(transaction.steps) > _MOST_STEPS or _bytes_in(transaction, works) > MOST_BYTES:
                # Contacts of many different tags or companies touch many counters; large ones are many bytes.
                if len(works) == 1:
                    (work,) = works
                    self._store.commit(part_of_the_way(self._store, tenant_id, work, labels=_LABELS_AT_ONCE))
                    work.has_committed()
                    raise ConcurrentChange()  # the rest from there
                half = len(works) // 2
                self._commit(tenant_id, works[:half])
                self._commit(tenant_id, works[half:])
                return
            try:
                self._store.commit(transaction)
            except companies.CompanyMoved:
                if attempt == _ATTEMPTS:
                    raise
            else:
                for work in works:
                    work.has_committed()
                    work.is_settled = not work.began_with_nothing
                return


def _bytes_in(transaction: Transaction, works: Iterable[Work]) -> int:
    """The most bytes that DynamoDB may count for a transaction: list rows as they become, and as they are before."""
    before = (work.state.row for work in works)
    return transaction.size() + sum(item_size(row) for row in before if row is not None)


def _tenant_of(pk: str) -> str:
    tenant_id = keys.tenant_of(pk)
    if tenant_id is None:
        raise ValueError("a record lies outside all tenants")
    return tenant_id


def _key_of(item: dict[str, Any]) -> keys.Key:
    return {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}


def _version(item: Item | None) -> str | None:
    """A live record's version; None for what no list shows."""
    return None if item is None or "deleted_at" in item else str(item["version"]["N"])
