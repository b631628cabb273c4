"""Projects records to the rows from which lists, filters, searches and statistics are read.

Each live contact or customer and each entry of a timeline has a list row, and each kind of record has further rows,
posting lists and counters (`shared.projections.kinds`). The list row has the record's version, and so says what was
projected: it changes in one transaction with the counters, which keeps these exact however often and in whatever order
changes arrive.

Rows and posting lists are written before the list row, one by one and without conditions. Between the two, the markers
of shared match keys are brought in line with the rows (`shared.projections.shared_keys`). So a projector that another
one has overtaken has written rows that the other does not know about. Before it returns, it compares everything with
the present list row, repairs what differs, and marks the list row on condition that it has not changed since; the mark
makes every projector that has read the row before read it again. The same is done for a batch whose records have
changed further, since a projector may have been killed on it before (docs/decisions/0007-projections.md).

Tenants are projected side by side, and so are the calls for one tenant that do not depend on each other: reads, rows,
posting lists. Transactions of one tenant change the same counters, and DynamoDB cancels those that conflict, so they
run one after the other (docs/decisions/0031-projected-side-by-side.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.projections.hidden import find_hidden
from shared.projections.kinds import companies
from shared.projections.kinds.contacts import CONTACT_KIND, with_duplicate_key
from shared.projections.kinds.kind import Facet, Image, Kind, is_live, version_of
from shared.projections.kinds.registry import kind_of
from shared.projections.repair_notes import RepairNotes
from shared.projections.shared_keys import SharedKeys
from shared.projections.steps import (
    build_partial_transaction,
    build_transaction,
    group_for_transactions,
)
from shared.projections.work import Aim, Change, State, Work
from shared.services.side_by_side import SideBySide
from shared.table.item import Item, item_size
from shared.table.keys import postings as posting_keys
from shared.table.keys.spelling import Identity, Key, identity_of, key_of, tenant_of_item
from shared.table.postings import PostingList
from shared.table.store import BATCH_GET, BATCH_WRITE, Store
from shared.table.transactions import MOST_BYTES, MOST_STEPS, Transaction

_TOGETHER = 100
"""Records of one tenant that are projected together, at most: as many as a batch of the stream has."""
_TENANTS_AT_ONCE, _CALLS_AT_ONCE = 4, 8
"""Threads: those that work on a tenant each and commit, and those that read and write for all tenants. Together they do
not exceed a client's connections (`shared.aws.CONNECTIONS`)."""
_LABELS_AT_ONCE = 80
"""Labels that one step of a contact with more than a transaction can count adds or removes."""
_ATTEMPTS = 8


class Projection:
    """The projections of all tenants' contacts, customers and entries of timelines.

    `duplicate_key_of`: returns the custom field by which a tenant has chosen to find duplicates, or None.
    """

    def __init__(
        self,
        store: Store,
        *,
        calls: SideBySide | None = None,
        duplicate_key_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._store = store
        self.duplicate_key_of = duplicate_key_of
        self._repair_notes = RepairNotes(store)
        self._tenants = SideBySide(_TENANTS_AT_ONCE)
        self._calls = calls or SideBySide(_CALLS_AT_ONCE)
        self._shared_keys = SharedKeys(store, self._calls)

    def project(self, images: Iterable[Item], *, replaced: Iterable[Item] = ()) -> None:
        """Bring the projections to the state of records' items, given in the order in which they were written.

        Items of other kinds are ignored. Projecting an item again, late or out of order changes nothing. `replaced`:
        the items that those overwrote; if their own changes were never projected, nothing of them is left over.
        Raises Unavailable or ConcurrentChange when the whole call must be repeated.
        """
        for failure in self.project_each_tenant(images, replaced=replaced).values():
            raise failure

    def project_each_tenant(
        self, images: Iterable[Item], *, replaced: Iterable[Item] = ()
    ) -> dict[str, Exception]:
        """Do the same as `project`, but return the failures by tenant id. The caller repeats these tenants' items.

        The projections of all other tenants are up to date.
        """
        by_tenant = _group_changes(images, replaced)
        outcomes = self._tenants.run_each(
            [partial(self._project_changes, tenant_id, changes) for tenant_id, changes in by_tenant.items()]
        )
        failures: dict[str, Exception] = {}
        for tenant_id, outcome in zip(by_tenant, outcomes, strict=True):
            failure = outcome.exception()
            if isinstance(failure, Exception):
                failures[tenant_id] = failure
            elif failure is not None:  # such as KeyboardInterrupt: the process ends
                raise failure
        return failures

    def _project_changes(self, tenant_id: str, changes: Sequence[Change]) -> None:
        for start in range(0, len(changes), _TOGETHER):
            self._project(tenant_id, [Work(change) for change in changes[start : start + _TOGETHER]])

    def find_outdated(self, records: Iterable[Key]) -> list[Key]:
        """Return the keys of those records that the projections do not show as they are, or that
        cannot be found as they are shown.

        Costs a read unit for each record; for a record that has changed since its creation also half a unit for each
        of its rows and a read of each of its posting lists. A record that is changing at the moment may be returned
        without need.
        """
        wanted = {identity_of(key): key_of(key) for key in records if kind_of(key)}
        return self._find_differing(wanted, self._store.get_many(list(wanted.values()), consistent=False))

    def find_differing(self, items: Iterable[Item]) -> list[Key]:
        """Do the same as `find_outdated`, for the items of records that were just read. Costs half a unit less."""
        found = {identity_of(item): item for item in items if kind_of(item)}
        return self._find_differing({pair: key_of(item) for pair, item in found.items()}, found)

    def _find_differing(self, keys: Mapping[Identity, Key], found: Mapping[Identity, Item]) -> list[Key]:
        wanted = {pair: (kind, key) for pair, key in keys.items() if (kind := kind_of(key))}
        row_keys = {pair: kind.row_key(key) for pair, (kind, key) in wanted.items()}
        rows = self._store.get_many(list(row_keys.values()), consistent=False)
        outdated, changed = [], []
        for pair, (kind, key) in wanted.items():
            row = rows.get(identity_of(row_keys[pair]))
            if _live_version(found.get(pair)) != _live_version(row):
                outdated.append(key)
            elif row is not None and version_of(row) > 1:  # no projector can have been overtaken in version 1
                changed.append((key, Image(kind, row)))
        return outdated + find_hidden(self._store, changed)

    def reproject(self, record: Key) -> None:
        """Bring the projections to the present state of one record, whose stream record was lost.

        Repeats until the record has not changed meanwhile, so that it never leaves an older state. When it is killed
        on the way it must be repeated, and then finds what was left over (`shared.projections.sweeping`).
        """
        kind = kind_of(record)
        if kind is None:
            raise ValueError("a key of no projected record")
        former = self._repair_notes.states_of(record)
        item = self._store.get(record)
        while True:
            notes = self._repair_notes.write([(record, item)] if item is not None else [])
            self._repair(kind, record, item, former)
            self._repair_notes.remove(notes)
            again = self._store.get(record)
            if again == item:
                return
            item = again

    def _repair(self, kind: Kind, record: Key, item: Item | None, former: Sequence[Item]) -> None:
        """Project a record's item, and compare all rows with the list row even if that is up to date."""
        if item is None:  # removed for good, perhaps without having been deleted first
            known = [one for one in (self._store.get(kind.row_key(record)), *former) if one is not None]
            if not known:
                return
            version = {"N": str(max(map(version_of, known)) + 1)}
            item = {**known[0], **record, "version": version, "deleted_at": {"S": timestamps.now()}}
        change = Change(kind, [Image(kind, item)], [Image(kind, one) for one in former])
        self._project(tenant_of_item(item), [Work(change, must_check=True)])

    def apply_duplicate_key(self, tenant_id: str, contacts: Sequence[Key]) -> None:
        """Give contacts the match key that their tenant has chosen now, and take the earlier one from them.

        Costs a read unit for each contact, and for each that has another one what a change of its match keys costs.
        Raises Unavailable or ConcurrentChange when the whole call must be repeated.
        """
        found = self._store.get_many(contacts)
        changes = [Change(CONTACT_KIND, [Image(CONTACT_KIND, item)]) for item in found.values()]
        self._project(tenant_id, [Work(change, must_apply_key=True) for change in changes])

    def _apply_settings(self, tenant_id: str, works: Sequence[Work]) -> None:
        """Give the states of contacts the match key that their tenant has chosen."""
        contacts = [work.change for work in works if work.change.kind is CONTACT_KIND]
        chosen = self.duplicate_key_of(tenant_id) if contacts else None
        for change in contacts:
            for image in (*change.images, *change.replaced):
                image.item = with_duplicate_key(image.item, chosen)

    def _project(self, tenant_id: str, works: list[Work]) -> None:
        self._apply_settings(tenant_id, works)
        notes: list[Key] = []
        for attempt in range(_ATTEMPTS):
            self._read_states(works)
            repeated = [work for work in works if attempt == 0 and work.aim is None]
            for work in repeated:
                work.unsettle_all_rows()
            works = [work for work in works if work.aim is not None]
            if not works:
                self._settle(tenant_id, repeated)
                break
            notes += self._write_notes([work for work in works if work.must_repair])
            # What a list shows must be findable, and what a search finds is checked against its list row: so the rows
            # to be found by are written before the list row. Leftovers of older states are removed before it too,
            # since the list row, once changed, says that everything is done.
            self._write(tenant_id, works)
            self._settle(tenant_id, [*works, *repeated])
            works = self._commit_all(tenant_id, [work for work in works if work.aim is not Aim.CHECK])
        if works:
            raise ConcurrentChange()
        self._repair_notes.remove(notes)

    def _write_notes(self, works: Sequence[Work]) -> list[Key]:
        """Write repair notes for records, and read the states by which they were being repaired before."""
        states = self._calls.run(
            [partial(self._repair_notes.states_of, work.change.last.item) for work in works]
        )
        for work, found in zip(works, states, strict=True):
            work.change.replaced += map(work.change.image_of, found)
        return self._repair_notes.write(
            [(work.change.last.item, work.state.row.item) for work in works if work.state.row is not None]
        )

    def _read_states(self, works: list[Work]) -> None:
        wanted = [(work.change.row_key, work.change.tombstone_key) for work in works]
        found = self._read([key for pair in wanted for key in pair])
        for work, (row_key, tombstone_key) in zip(works, wanted, strict=True):
            row = found.get(identity_of(row_key))
            work.state = State(
                work.change.image_of(row) if row is not None else None, found.get(identity_of(tombstone_key))
            )

    def _read(self, keys: Sequence[Key]) -> dict[Identity, Item]:
        """Return the items that exist of keys, read side by side."""
        starts = range(0, len(keys), BATCH_GET)
        reads = [partial(self._store.get_many, keys[start : start + BATCH_GET]) for start in starts]
        return {pair: item for found in self._calls.run(reads) for pair, item in found.items()}

    def _find_removed_meanwhile(self, works: Sequence[Work]) -> list[Work]:
        """Return those of committed records that were projected and removed while this projector was at work: a list
        row put where there was none does not show it.
        """
        begun = [work for work in works if work.began_with_nothing]
        tombstones = self._store.get_many([work.change.tombstone_key for work in begun])
        for work in begun:
            work.began_with_nothing = False
        return [work for work in begun if identity_of(work.change.tombstone_key) in tombstones]

    def _write(self, tenant_id: str, works: Sequence[Work]) -> None:
        """Write rows and posting lists, all side by side: no two calls write the same item."""
        changes = self._facet_changes(works)
        posting_writes: list[Callable[[], bool | None]] = [
            partial(
                PostingList(self._store, posting_keys.partition(tenant_id, *facet)).change,
                add=[work.record_id for work in add_to],
                remove=[work.record_id for work in remove_from],
            )
            for facet, (add_to, remove_from) in changes.items()
        ]
        have_changed = self._calls.run([*posting_writes, *self._row_writes(works)])
        for (facet, (add_to, remove_from)), has_changed in zip(changes.items(), have_changed, strict=False):
            if has_changed:
                for work in (*add_to, *remove_from):
                    work.touched_facets.add(facet)

    def _settle(self, tenant_id: str, works: Sequence[Work]) -> None:
        """Bring the markers of shared match keys in line with the rows that have changed."""
        self._shared_keys.settle(tenant_id, {pair for work in works for pair in work.unsettled})
        for work in works:
            work.unsettled.clear()

    def _facet_changes(self, works: Sequence[Work]) -> dict[Facet, tuple[list[Work], list[Work]]]:
        """Return for each facet the records that its posting list must contain, and those that it must not."""
        changes: defaultdict[Facet, tuple[list[Work], list[Work]]] = defaultdict(lambda: ([], []))
        for work in works:
            add, remove = work.facets()
            for facet in add:
                changes[facet][0].append(work)
            for facet in remove:
                changes[facet][1].append(work)
            if not work.must_repair:
                work.touched_facets |= add | remove
        return dict(sorted(changes.items()))

    def _row_writes(self, works: Sequence[Work]) -> list[Callable[[], None]]:
        """Return the calls that write records' rows and remove those that must not be there."""
        rows = [(work, *work.rows()) for work in works]
        found = self._read(
            [
                key
                for work, wanted, _, unwanted in rows
                if work.must_read
                for key in (*map(key_of, wanted.values()), *unwanted.values())
            ]
        )
        writes: dict[Identity, tuple[Item | None, Key]] = {}
        for work, wanted, known, unwanted in rows:
            work.unsettled.update(unwanted)
            if work.must_read:
                work.unsettled.update(wanted)
                known = found
                unwanted = {pair: key for pair, key in unwanted.items() if pair in known}
            else:
                known = {pair: row for pair, row in known.items() if pair not in work.touched}
            changed = {pair: row for pair, row in wanted.items() if known.get(pair) != row}
            work.unsettled.update(changed)
            work.touched.update(unwanted)
            work.touched.update((pair, key_of(row)) for pair, row in changed.items())
            writes.update((pair, (None, key)) for pair, key in unwanted.items())
            writes.update((pair, (row, key_of(row))) for pair, row in changed.items())
        pending = list(writes.values())
        return [
            partial(
                self._store.write_many,
                put=[row for row, _ in some if row is not None],
                delete=[key for row, key in some if row is None],
            )
            for some in (
                pending[start : start + BATCH_WRITE] for start in range(0, len(pending), BATCH_WRITE)
            )
        ]

    def _commit_all(self, tenant_id: str, works: Sequence[Work]) -> list[Work]:
        """Commit records, one transaction after the other; return those that must be read again."""
        committed: list[Work] = []
        left: list[Work] = []
        for group in group_for_transactions(works, MOST_STEPS):
            try:
                self._commit(tenant_id, group)
            except ConcurrentChange:  # another projector has projected one of the records
                left += [work for work in group if not work.is_settled]
            else:
                committed += group
        return left + self._find_removed_meanwhile(committed)

    def _commit(self, tenant_id: str, works: Sequence[Work]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            transaction = build_transaction(self._store, tenant_id, works)
            if len(transaction.steps) > MOST_STEPS or _max_bytes(transaction, works) > MOST_BYTES:
                # Contacts of many different tags or companies touch many counters; large ones are many bytes.
                if len(works) == 1:
                    (work,) = works
                    partial = build_partial_transaction(self._store, tenant_id, work, labels=_LABELS_AT_ONCE)
                    self._store.commit(partial)
                    work.mark_committed()
                    raise ConcurrentChange()  # the rest follows from the list row as it is now
                half = len(works) // 2
                self._commit(tenant_id, works[:half])
                self._commit(tenant_id, works[half:])
                return
            try:
                self._store.commit(transaction)
            except companies.CompanyChanged:
                if attempt == _ATTEMPTS:
                    raise
            else:
                for work in works:
                    work.mark_committed()
                    work.is_settled = not work.began_with_nothing
                return


def _group_changes(images: Iterable[Item], replaced: Iterable[Item]) -> dict[str, list[Change]]:
    """Return the changes of each record by the id of its tenant, from items in the order of a batch."""
    changes: dict[Identity, Change] = {}
    for item in images:
        kind = kind_of(item)
        if kind is not None:
            change = changes.setdefault(identity_of(item), Change(kind))
            change.images.append(change.image_of(item))
    for item in replaced:
        if (changed := changes.get(identity_of(item))) is not None:
            changed.replaced.append(changed.image_of(item))
    by_tenant: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes.values():
        by_tenant[tenant_of_item(change.last.item)].append(change)
    return by_tenant


def _max_bytes(transaction: Transaction, works: Iterable[Work]) -> int:
    """Return the most bytes that DynamoDB may count for a transaction: list rows before and after it."""
    before = (work.state.row for work in works)
    return transaction.size() + sum(item_size(row.item) for row in before if row is not None)


def _live_version(item: Item | None) -> str | None:
    """Return a live record's version; None for a record that no list shows."""
    return str(item["version"]["N"]) if item is not None and is_live(item) else None
