"""The places that a tenant's open work takes, a fixed number for each kind.

Each is an item, taken and released in the transaction that opens or ends the work: so their number holds under races,
and none is lost to a kill. Nothing is counted, so nothing can be counted wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.jobs.quotas import MAX_BYTES_A_DAY, NO_END, Quota, too_many_bytes
from shared.table.item import Item
from shared.table.keys import jobs as job_keys
from shared.table.keys.spelling import SK, key_of
from shared.table.store import Store
from shared.table.transactions import Transaction

_ATTEMPTS = 8
_KEPT_SECONDS = 3 * 86_400  # how long a day's sum of bytes is kept


class _Taken(ConcurrentChange):
    """Somebody else took the place meanwhile."""


class Places:
    """The places of one tenant for one kind of work."""

    def __init__(self, store: Store, tenant_id: str, quota: Quota) -> None:
        self._store = store
        self._tenant = tenant_id
        self._quota = quota

    def commit(self, make: Callable[[], Transaction], holder: str, *, now: int, until: int = NO_END) -> None:
        """Write a transaction together with the taking of a place by `holder`, an id, from `now` until a time (Unix
        seconds), at which it is free again if it was not released.

        `make` makes the transaction, again after each race. Raises QuotaReached when there is no place, and what the
        transaction raises. Costs a read unit, and two write units.
        """
        for attempt in range(_ATTEMPTS):
            transaction = make()
            self._take(transaction, holder, now, until, attempt)
            try:
                self._store.commit(transaction)
            except _Taken:
                continue
            return
        raise Unavailable()

    def release(self, transaction: Transaction, holder: str) -> None:
        """Have a transaction release the place that `holder` has, if any. Costs a read unit, and two write units."""
        for place in self._items():
            if place["holder"]["S"] == holder:
                transaction.update(
                    key_of(place),
                    "SET held_until = :never, holder = :nobody",
                    {":never": {"N": "0"}, ":nobody": {"S": "-"}},
                )

    def _take(self, transaction: Transaction, holder: str, now: int, until: int, attempt: int) -> None:
        items = self._items()
        held = {
            int(item[SK]["S"])
            for item in items
            if int(item["held_until"]["N"]) >= now and item["holder"]["S"] != holder
        }
        free = [number for number in range(1, self._quota.most + 1) if number not in held]
        if not free:
            raise self._quota.refusal()
        own = [int(item[SK]["S"]) for item in items if item["holder"]["S"] == holder]
        # Those who came together and asked for the same place ask for different ones then.
        spread = crc32(f"{holder}#{attempt}".encode()) if attempt else 0
        number = own[0] if own else free[spread % len(free)]
        is_new = "attribute_not_exists(PK)"
        is_free = "held_until < :now"
        is_own = "holder = :holder"
        transaction.put(
            {
                **job_keys.slot(self._tenant, self._quota.kind, number),
                "holder": {"S": holder},
                "held_until": {"N": str(until)},
            },
            condition=f"{is_new} OR {is_free} OR {is_own}",
            values={":now": {"N": str(now)}, ":holder": {"S": holder}},
            refusal=lambda _: _Taken(),
        )

    def _items(self) -> list[Item]:
        partition = job_keys.slots(self._tenant, self._quota.kind)
        return self._store.query(partition, limit=self._quota.most, consistent=True)


def count_bytes(transaction: Transaction, tenant_id: str, size: int, at: str) -> None:
    """Have a transaction count a file's bytes into the sum of its tenant's day. It raises QuotaReached when that would
    be more than MAX_BYTES_A_DAY. `at`: the time, as text. Costs two write units.
    """
    from shared.domain.timestamps import to_milliseconds

    is_first = "attribute_not_exists(file_bytes)"
    has_room = "file_bytes <= :room"
    transaction.update(
        job_keys.bytes_of_day(tenant_id, at[:10]),
        "ADD file_bytes :size SET expires_at = :lapses",
        {
            ":size": {"N": str(size)},
            ":room": {"N": str(MAX_BYTES_A_DAY - size)},
            ":lapses": {"N": str(to_milliseconds(at) // 1000 + _KEPT_SECONDS)},
        },
        condition=f"{is_first} OR {has_room}",
        refusal=lambda _: too_many_bytes(),
    )
