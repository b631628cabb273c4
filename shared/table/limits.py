"""Token buckets in the table: one item each, changed in place under a condition and never read separately.

An attribute that is missing, or of another type, is not BETWEEN two numbers: so an invalid value counts as missing.
When an answer is lost, botocore sends the request again, which may take tokens twice, but never too few.
"""

from __future__ import annotations

from shared.services.limits.rate_limits import LONGEST_WAIT, SECOND, SKEW, BucketState
from shared.table.item import Item
from shared.table.keys import limits as limit_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store

_KEPT = 3600 * SECOND
"""Microseconds that a bucket is kept after its last time: longer than any wait and the quiet time after it."""


class BucketTable:
    """The buckets of callers, of tenants, of attempts to sign in, and of e-mails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_caller(self, tenant_id: str, actor: str | None) -> TableBucket:
        """Return the bucket of a caller, or of the whole tenant when the caller is None."""
        return TableBucket(self._store, limit_keys.calls(tenant_id, actor))

    def of_attempts(self, kind: str, digest: str) -> TableBucket:
        """Return the bucket of sign-in attempts for an account or from an address, by its digest."""
        return TableBucket(self._store, limit_keys.sign_in_attempts(kind, digest))

    def of_mail(self, digest: str) -> TableBucket:
        """Return the bucket of e-mails to an address, by its digest, or of all e-mails."""
        return TableBucket(self._store, limit_keys.mail(digest))


class TableBucket:
    """A bucket in the table."""

    def __init__(self, store: Store, key: Key) -> None:
        self._store = store
        self._key = key

    def take(
        self, cost: int, *, now: int, latest: int, horizon: int, in_use: bool
    ) -> tuple[bool, BucketState]:
        """Move `full_at` to a later time; see `shared.services.limits.rate_limits.Bucket`."""
        values = {
            **_open_at(now),
            ":now": _number(now),
            ":expires": _number((now + horizon + _KEPT) // SECOND),
        }
        if in_use:
            change, is_allowed = "full_at = full_at + :cost", "full_at BETWEEN :now AND :latest"
            values |= {":cost": _number(cost), ":latest": _number(latest)}
        else:
            change, is_allowed = "full_at = :full", "NOT (full_at BETWEEN :now AND :horizon)"
            values |= {":full": _number(now + cost), ":horizon": _number(now + horizon)}
        done, item = self._store.update_or_read(
            self._key,
            f"SET {change}, expires_at = :expires",
            values,
            condition=f"{is_allowed} AND {_IS_OPEN}",
        )
        return done, _read_state(item)

    def refuse(self, now: int, until: int, next_wait: int) -> BucketState:
        """Refuse all calls until a time, unless a refusal is in force; so sending it again changes nothing."""
        _, item = self._store.update_or_read(
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
        """Set how long the refusal after this one will last."""
        self._store.update(
            self._key,
            "SET next_wait = :next",
            {":until": _number(refused_until), ":next": _number(next_wait)},
            condition="refused_until = :until",
        )

    def release(self, cost: int, now: int) -> None:
        """Return tokens to the bucket, unless it is full again."""
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
