"""The slots for the work that a tenant has open at once: a fixed number for each kind of work.

Each slot is an item, which is taken and released in the transaction that opens or ends the work. The limit therefore
holds under races, and no kill leaves a slot taken. Nothing is counted, so no count can be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.jobs.quotas import MAX_BYTES_A_DAY, NO_END, Quota, too_many_bytes
from shared.domain.timestamps import to_milliseconds
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import jobs as job_keys
from shared.table.keys.spelling import SK, key_of
from shared.table.store import Store
from shared.table.transactions import Transaction

_ATTEMPTS = 8
_SUM_KEPT_SECONDS = 3 * 86_400
"""Seconds for which the sum of a day's bytes is kept."""


class _Taken(ConcurrentChange):
    """Another writer took the slot first."""


class Slots:
    """The slots of one tenant for one kind of work."""

    def __init__(self, store: Store, tenant_id: str, quota: Quota) -> None:
        self._store = store
        self._tenant = tenant_id
        self._quota = quota

    def commit(self, build: Callable[[], Transaction], holder: str, *, now: int, until: int = NO_END) -> None:
        """Take a slot for `holder`, an id, in a transaction with other writes.

        `now`, `until`: Unix seconds. A slot that was not released is free again at `until`. `build` builds the
        transaction, once more after each lost race. Raises QuotaReached when no slot is free, and what the transaction
        raises. Costs a read unit and two write units.
        """
        for attempt in range(_ATTEMPTS):
            transaction = build()
            self._take(transaction, holder, now, until, attempt)
            try:
                self._store.commit(transaction)
            except _Taken:
                continue
            return
        raise Unavailable()

    def release(self, transaction: Transaction, holder: str) -> None:
        """Add the release of the slot that `holder` has, if any, to a transaction. Costs a read unit and two write
        units."""
        for slot in self._items():
            if slot["holder"]["S"] == holder:
                transaction.update(
                    key_of(slot),
                    "SET held_until = :never, holder = :no_holder",
                    {":never": {"N": "0"}, ":no_holder": {"S": "-"}},
                )

    def _take(self, transaction: Transaction, holder: str, now: int, until: int, attempt: int) -> None:
        items = self._items()
        held = {
            int(item[SK]["S"]): item["holder"]["S"]
            for item in items
            if int(item["held_until"]["N"]) >= now and item["holder"]["S"] != holder
        }
        free = [number for number in range(1, self._quota.most + 1) if number not in held]
        if not free:
            raise self._quota.refusal(next(iter(held.values())))
        own = [int(item[SK]["S"]) for item in items if item["holder"]["S"] == holder]
        # Writers that raced for the same slot try different slots the next time.
        spread = crc32(f"{holder}#{attempt}".encode()) if attempt else 0
        number = own[0] if own else free[spread % len(free)]
        is_free = "held_until < :now"
        is_own = "holder = :holder"
        transaction.put(
            {
                **job_keys.slot(self._tenant, self._quota.kind, number),
                "holder": {"S": holder},
                "held_until": {"N": str(until)},
            },
            condition=f"{IS_NEW} OR {is_free} OR {is_own}",
            values={":now": {"N": str(now)}, ":holder": {"S": holder}},
            refusal=lambda _: _Taken(),
        )

    def _items(self) -> list[Item]:
        partition = job_keys.slots(self._tenant, self._quota.kind)
        return self._store.query(partition, limit=self._quota.most, consistent=True)


def count_bytes(transaction: Transaction, tenant_id: str, size: int, at: str) -> None:
    """Add a file's bytes to the sum of the tenant's day in a transaction. The transaction raises QuotaReached when the
    sum would be more than MAX_BYTES_A_DAY. Costs two write units.
    """
    is_first = "attribute_not_exists(file_bytes)"
    has_room = "file_bytes <= :room"
    transaction.update(
        job_keys.bytes_of_day(tenant_id, at[:10]),
        "ADD file_bytes :size SET expires_at = :expires",
        {
            ":size": {"N": str(size)},
            ":room": {"N": str(MAX_BYTES_A_DAY - size)},
            ":expires": _expiry(at),
        },
        condition=f"{is_first} OR {has_room}",
        refusal=lambda _: too_many_bytes(),
    )


def uncount_bytes(transaction: Transaction, tenant_id: str, size: int, at: str) -> None:
    """Subtract a file's bytes from the sum of the day on which `count_bytes` added them. Costs two write units."""
    transaction.update(
        job_keys.bytes_of_day(tenant_id, at[:10]),
        "ADD file_bytes :size SET expires_at = :expires",
        {":size": {"N": str(-size)}, ":expires": _expiry(at)},
    )


def _expiry(at: str) -> dict[str, str]:
    return {"N": str(to_milliseconds(at) // 1000 + _SUM_KEPT_SECONDS)}
