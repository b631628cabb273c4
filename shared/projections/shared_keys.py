"""The markers of match keys that several contacts share.

A key has a marker while 2 to 50 contacts have it. A projector that has written or removed a row of a key counts the
key's rows, and writes or removes the marker if it does not agree; then it counts again. So whoever writes a marker last
has afterwards seen rows that agree with it, and whoever writes a row last finds the marker that was written before. A
projector that was killed in between is repeated, with the same keys.

A large batch, such as that of an import, does not count key by key. It makes its tenant due for a pass
(`shared.projections.matching`), which walks all rows in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from functools import partial

from shared import observability
from shared.domain import timestamps
from shared.domain.duplicates.keys import MOST_CONTACTS, MatchKey
from shared.domain.errors import ConcurrentChange
from shared.services.side_by_side import SideBySide
from shared.table.duplicates.index import MatchIndex
from shared.table.item import Item
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys.spelling import Identity, identity_of
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store

_MOST_KEYS = 50
"""Keys that are counted one by one for one batch, at most."""
_ATTEMPTS = 8
_ASKED_SECONDS = 30
"""How long a process does not ask again for the pass of a tenant, in seconds."""
SETTLED_SECONDS = 60
"""How long before a pass all rows must have been written that it is to see, in seconds: the time for which a process
relies on having asked, and as much for clocks that differ."""
_MOST_KNOWN = 10_000
"""How many tenants a process knows to have asked for. When there are more, it forgets them all."""


class SharedKeys:
    """The markers of all tenants, for projectors."""

    def __init__(self, store: Store, calls: SideBySide) -> None:
        self._store = store
        self._calls = calls
        self._asked_until: dict[str, str] = {}

    def settle(self, tenant_id: str, rows: Iterable[Identity]) -> None:
        """Bring markers in line with rows of their keys that may have been written or removed, or make the tenant due
        for the pass that does.

        Rows of other kinds are ignored. Costs two read units for each key, and a write unit for each marker that
        changes. Raises ConcurrentChange when other projectors keep changing the same keys.
        """
        keys: set[MatchKey] = set()
        for row in rows:
            if (key := duplicate_keys.key_of_row(row)) is not None:
                keys.add(key)
            if len(keys) > _MOST_KEYS:
                self._ask_for_pass(tenant_id)
                return
        for _ in range(_ATTEMPTS):
            if not keys:
                return
            keys = self._correct(tenant_id, keys)
        raise ConcurrentChange()

    def _correct(self, tenant_id: str, keys: Set[MatchKey]) -> set[MatchKey]:
        """Correct the markers that do not agree with the rows; return their keys."""
        index = MatchIndex(self._store, tenant_id)
        markers = {key: duplicate_keys.shared(tenant_id, key) for key in sorted(keys)}
        present: dict[Identity, Item] = {}
        counts: dict[MatchKey, int] = {}

        def count(key: MatchKey) -> None:
            counts[key] = len(index.find_contacts(key, consistent=True))

        def read_markers() -> None:
            present.update(self._store.get_many(list(markers.values())))

        reads: list[Callable[[], None]] = [partial(count, key) for key in markers]
        self._calls.run([*reads, read_markers])
        wrong = {
            key
            for key, marker in markers.items()
            if is_shared(counts[key]) != (identity_of(marker) in present)
        }
        for kind in sorted({key.kind for key in wrong if counts[key] > MOST_CONTACTS}):
            observability.note("too many contacts share a match key", kind=kind, most=MOST_CONTACTS)
        self._store.write_many(
            put=[markers[key] for key in sorted(wrong) if is_shared(counts[key])],
            delete=[markers[key] for key in sorted(wrong) if not is_shared(counts[key])],
        )
        return wrong

    def _ask_for_pass(self, tenant_id: str) -> None:
        """Make a tenant due for the pass, unless this process has done so within half a minute."""
        now = timestamps.now()
        if self._asked_until.get(tenant_id, "") > now:
            return
        request_pass(self._store, tenant_id)
        if len(self._asked_until) > _MOST_KNOWN:
            self._asked_until.clear()
        self._asked_until[tenant_id] = timestamps.plus(now, _ASKED_SECONDS)


def is_shared(count: int) -> bool:
    """Return whether a key that so many contacts have is to have a marker."""
    return 2 <= count <= MOST_CONTACTS


def request_pass(store: Store, tenant_id: str, *, has_new_key: bool = False) -> None:
    """Make a tenant due for the pass that brings its markers in line. Costs a write unit, or two if it was not due.

    `has_new_key`: whether the pass is to apply a choice of a match key first, which is written within a minute.
    """
    now = timestamps.now()
    entry = duplicate_keys.due_entry(timestamps.plus(now, SETTLED_SECONDS), tenant_id)
    store.update(
        duplicate_keys.pending(tenant_id),
        f"SET requested_at = :now, {WORK_PK} = if_not_exists({WORK_PK}, :pk), "
        f"{WORK_SK} = if_not_exists({WORK_SK}, :sk)" + (", has_new_key = :now" if has_new_key else ""),
        {":now": {"S": now}, ":pk": entry[WORK_PK], ":sk": entry[WORK_SK]},
    )


def is_waiting(tenant_id: str, item: Item) -> bool:
    """Return whether an item says that its tenant is due for the pass."""
    is_pending = identity_of(item) == identity_of(duplicate_keys.pending(tenant_id))
    return is_pending and duplicate_keys.due_at(item) is not None


def build_expected(tenant_id: str, rows: Iterable[Identity]) -> Iterator[Item]:
    """Yield the markers that follow from all rows of a tenant."""
    counts = Counter(key for row in rows if (key := duplicate_keys.key_of_row(row)) is not None)
    for key, count in counts.items():
        if is_shared(count):
            yield duplicate_keys.shared(tenant_id, key)
