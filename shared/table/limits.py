"""Token buckets in the table: one item each, changed in place under a condition and never read by itself.

An attribute that is not there, or of another type, is not BETWEEN two numbers: so what is nonsense is as if it were
not there. A lost answer makes botocore send again, and may so take tokens twice: never one too few.
"""

from __future__ import annotations

from shared.services.limits.rate_limits import LONGEST_WAIT, SECOND, SKEW, BucketState
from shared.table.keys import limits as limit_keys
from shared.table.keys.spelling import Key
from shared.table.store import Item, Store

_KEPT = 3600 * SECOND
"""How long a bucket is kept beyond what it tells: longer than any wait, and the quiet spell after it, lasts."""


class BucketTable:
    """The buckets of callers, of tenants, of attempts to sign in, and of e-mails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_caller(self, tenant_id: str, actor: str | None) -> TableBucket:
        """The bucket of a caller, or for None of the whole tenant."""
        return TableBucket(self._store, limit_keys.calls(tenant_id, actor))

    def of_attempts(self, kind: str, digest: str) -> TableBucket:
        """The bucket of attempts to sign in, by what they have in common."""
        return TableBucket(self._store, limit_keys.sign_in_attempts(kind, digest))

    def of_mail(self, digest: str) -> TableBucket:
        """The bucket of e-mails to an address, by its digest, or of all there are."""
        return TableBucket(self._store, limit_keys.mail(digest))


class TableBucket:
    """One bucket."""

    def __init__(self, store: Store, key: Key) -> None:
        self._store = store
        self._key = key

    def take(
        self, cost: int, *, now: int, latest: int, horizon: int, in_use: bool
    ) -> tuple[bool, BucketState]:
        """Move `full_at` on; see `shared.services.limits.rate_limits.Bucket`."""
        values = {
            **_open_at(now),
            ":now": _number(now),
            ":expires": _number((now + horizon + _KEPT) // SECOND),
        }
        if in_use:
            change, is_so = "full_at = full_at + :cost", "full_at BETWEEN :now AND :latest"
            values |= {":cost": _number(cost), ":latest": _number(latest)}
        else:
            change, is_so = "full_at = :full", "NOT (full_at BETWEEN :now AND :horizon)"
            values |= {":full": _number(now + cost), ":horizon": _number(now + horizon)}
        done, item = self._store.update_or_show(
            self._key,
            f"SET {change}, expires_at = :expires",
            values,
            condition=f"{is_so} AND {_IS_OPEN}",
        )
        return done, _read_state(item)

    def refuse(self, now: int, until: int, next_wait: int) -> BucketState:
        """Refuse everybody until a time, unless a refusal is in force, which this one is too when it is sent again."""
        _, item = self._store.update_or_show(
            self._key,
            "SET refused_at = :now, refused_until = :until, next_wait = :next, expires_at = :expires",
            {
                **_open_at(now),
                ":now": _number(now),
                ":until": _number(until),
                ":next": _number(next_wait),
                ":expires": _number((until + _KEPT) // SECOND),
            },
            condition=_IS_OPEN,
        )
        return _read_state(item)

    def lengthen(self, refused_until: int, next_wait: int) -> None:
        """Set how long the refusal after this one is going to hold."""
        self._store.update(
            self._key,
            "SET next_wait = :next",
            {":until": _number(refused_until), ":next": _number(next_wait)},
            condition="refused_until = :until",
        )

    def release(self, cost: int, now: int) -> None:
        """Undo a `take`, unless the bucket is full again."""
        self._store.update(
            self._key,
            "SET full_at = full_at - :cost",
            {":cost": _number(cost), ":now": _number(now)},
            condition="full_at > :now",
        )


_IS_OPEN = "NOT (refused_until BETWEEN :after AND :longest)"


def _open_at(now: int) -> Item:
    return {":after": _number(now + 1), ":longest": _number(now + LONGEST_WAIT + SKEW)}


def _read_state(item: Item) -> BucketState:
    return BucketState(*(int(float(item.get(name, {}).get("N", 0))) for name in BucketState._fields))


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
