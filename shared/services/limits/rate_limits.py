"""Rate limits: token buckets in the table, from which each process leases tokens (docs/decisions/0015).

All times are Unix times in microseconds; waits and intervals are in microseconds.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, TypeVar

from shared.domain.errors import DomainError, RateLimited, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.callers import Caller
    from shared.domain.tenant import RateLimit

SECOND = 1_000_000

FIRST_WAIT, LONGEST_WAIT = 2 * SECOND, 300 * SECOND
"""The duration of a first refusal, and the longest duration."""
GRACE = 3 * SECOND // 2
"""How long after the start of a refusal calls are not counted against the caller. `Retry-After` is in whole seconds, so
an obedient caller may call up to a second late, into the next refusal; half a second is for requests on their way."""
QUIET = 10 * SECOND
"""The shortest time without a refusal after which the waits start at FIRST_WAIT again."""
SKEW = 60 * SECOND
"""How far a stored time may exceed its possible range. A later time is invalid, or was written under other settings."""
UNAVAILABLE_PAUSE = 5 * SECOND
"""How long a process does not call a bucket after the table was unavailable."""

TENANT_REQUESTS_PER_SECOND, TENANT_BURST = 500, 1_000
"""The limit of all callers of a tenant together, so that no tenant uses up the whole service."""
TENANT_BATCH = 50
"""The number of calls after which a process charges the tenant's bucket: one twentieth of its burst."""

ROWS_PER_TOKEN = 100
"""The number of rows, read beyond a full page, that cost as much as a call."""

_LEASE = SECOND
"""How long a process may use leased tokens."""
_ATTEMPTS = 4
"""How often a process tries to take tokens while other processes change the bucket."""
_MAX_REMEMBERED = 10_000
"""The largest number of buckets that a process remembers."""
_REPORT_INTERVAL = 60 * SECOND

K = TypeVar("K")
V = TypeVar("V")


class Quota(NamedTuple):
    """The rate of a bucket: it gains a token every `interval` and holds at most `burst` tokens."""

    interval: int
    burst: int

    @classmethod
    def per_second(cls, requests: int, burst: int) -> Quota:
        """Return the quota of `requests` a second."""
        return cls(-(-SECOND // requests), burst)  # rounded up, so that no extra token appears

    @property
    def fill(self) -> int:
        """The time in which an empty bucket fills."""
        return self.interval * self.burst

    def is_in_use(self, full_at: int, now: int) -> bool:
        """Return whether a bucket that is full again at `full_at` now holds less than its burst."""
        return 0 <= full_at - now <= self.fill + SKEW

    def left(self, full_at: int, now: int) -> int:
        """Return the number of tokens in the bucket."""
        if not self.is_in_use(full_at, now):
            return self.burst
        return max(0, (now + self.fill - full_at) // self.interval)


_TENANT = Quota.per_second(TENANT_REQUESTS_PER_SECOND, TENANT_BURST)


class BucketState(NamedTuple):
    """The state of a bucket.

    `full_at`: when it is full again. `refused_at`, `refused_until`: the last refusal. `next_wait`: the duration of the
    next refusal.
    """

    full_at: int = 0
    refused_at: int = 0
    refused_until: int = 0
    next_wait: int = 0

    @property
    def wait(self) -> int:
        """The duration of the last refusal."""
        return self.refused_until - self.refused_at

    def is_refusing(self, now: int) -> bool:
        """Return whether a refusal is in force."""
        return 0 < self.refused_until - now <= LONGEST_WAIT + SKEW

    def wait_after(self, now: int) -> int:
        """Return the duration of a refusal that starts now."""
        if now - self.refused_until > max(QUIET, 2 * self.wait):
            return FIRST_WAIT
        return min(LONGEST_WAIT, max(FIRST_WAIT, self.next_wait))


class Bucket(Protocol):
    """A bucket in the table; see `shared.table.limits`.

    Each method is one request to the table and raises Unavailable if it fails.
    """

    def take(
        self, cost: int, *, now: int, latest: int, horizon: int, in_use: bool
    ) -> tuple[bool, BucketState]:
        """Advance `full_at` by `cost`; return whether that was done, and the state of the bucket.

        With `in_use`, `full_at` must lie between `now` and `latest`, and advances from its present value. Otherwise it
        must lie outside of `now` to `now + horizon`, and advances from `now`. Nothing is done during a refusal.
        """
        ...

    def refuse(self, now: int, until: int, next_wait: int) -> BucketState:
        """Start a refusal until a time, unless one is in force; return the state of the bucket."""
        ...

    def lengthen(self, refused_until: int, next_wait: int) -> None:
        """Set the duration of the next refusal."""
        ...

    def release(self, cost: int, now: int) -> None:
        """Undo a `take`."""
        ...


class Buckets(Protocol):
    """The buckets of callers; with the actor None, those of whole tenants."""

    def of_caller(self, tenant_id: str, actor: str | None) -> Bucket: ...


class KnownBucket:
    """A bucket with the state that this process last saw.

    `lengthens`: whether refusals grow longer for a caller who keeps calling.
    """

    def __init__(self, bucket: Bucket, *, lengthens: bool = True) -> None:
        self._bucket = bucket
        self._lengthens = lengthens
        self._unavailable_until = 0
        self._calls, self._calls_until = 0, 0
        self.state = BucketState()

    def take(self, wanted: int, quota: Quota, now: int) -> int:
        """Take up to `wanted` tokens, at least one and at most a quarter of those left; return how many were taken.

        Raises RateLimited, without a request while a known refusal is in force, and Unavailable.
        """
        self._raise_during_refusal(quota, now)
        for _ in range(_ATTEMPTS):
            tokens = max(1, min(wanted, quota.left(self.state.full_at, now) // 4))
            if self._advance(tokens * quota.interval, quota, now, now + quota.fill):
                return tokens
            self._raise_during_refusal(quota, now)
            if not quota.left(self.state.full_at, now):
                self._refuse(quota, now)
        raise Unavailable()

    def charge(self, tokens: int, quota: Quota, now: int) -> bool:
        """Take tokens even if there are not enough; return False if the debt would exceed a minute.

        Raises Unavailable.
        """
        latest = now + quota.fill + SKEW
        return any(self._advance(tokens * quota.interval, quota, now, latest) for _ in range(2))

    def release(self, quota: Quota, now: int) -> None:
        """Release a token, if the table is available."""
        with contextlib.suppress(Unavailable):
            self._bucket.release(quota.interval, now)

    def _advance(self, cost: int, quota: Quota, now: int, bound: int) -> bool:
        if now < self._unavailable_until:
            raise Unavailable()
        try:
            done, self.state = self._bucket.take(
                cost,
                now=now,
                latest=bound - cost,
                horizon=quota.fill + SKEW,
                in_use=quota.is_in_use(self.state.full_at, now),
            )
        except DomainError as error:
            self._unavailable_until = now + UNAVAILABLE_PAUSE
            raise Unavailable() from error
        return done

    def _raise_during_refusal(self, quota: Quota, now: int) -> None:
        """Raises RateLimited during a refusal; lengthens the next refusal if the caller ignores this one."""
        state = self.state
        if not state.is_refusing(now):
            return
        if self._lengthens and self._ignores_refusals(quota, now):
            self.state = state._replace(next_wait=min(LONGEST_WAIT, 2 * state.wait))
            with contextlib.suppress(Unavailable):
                self._bucket.lengthen(state.refused_until, self.state.next_wait)
        raise RateLimited(_seconds(state.refused_until - now))

    def _ignores_refusals(self, quota: Quota, now: int) -> bool:
        """Return whether more calls came late in a wait than obedient clients that share a key could have sent.

        The threshold is one and a half times the calls that the quota would have allowed. True once for each wait.
        """
        state = self.state
        if self._calls_until != state.refused_until:
            self._calls, self._calls_until = 0, state.refused_until
        self._calls += 1
        return (
            now - state.refused_at > max(GRACE, state.wait // 2)
            and self._calls * quota.interval > state.wait * 3 // 2
            and state.next_wait < min(LONGEST_WAIT, 2 * state.wait)
        )

    def _refuse(self, quota: Quota, now: int) -> NoReturn:
        until_next_token = self.state.full_at + quota.interval - quota.fill - now
        wait = max(until_next_token, self.state.wait_after(now))
        next_wait = max(FIRST_WAIT, wait // 2)  # unless the caller keeps calling meanwhile
        self.state = self.state._replace(refused_at=now, refused_until=now + wait, next_wait=next_wait)
        with contextlib.suppress(Unavailable):
            self.state = self._bucket.refuse(now, now + wait, next_wait)
        raise RateLimited(_seconds(self.state.refused_until - now))


class _CallerBucket(KnownBucket):
    """The bucket of a caller. A process that needs many tokens leases several at once."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket)
        self._lease = self._held = self._held_until = 0

    def spend(self, quota: Quota, now: int) -> None:
        """Use one token. Raises RateLimited, Unavailable."""
        is_held = now < self._held_until
        if not (is_held and self._held):
            wanted = self._lease * 2 if is_held else self._lease - self._held
            self._lease = self._held = 0
            self._lease = self._held = self.take(wanted, quota, now)
            self._held_until = now + _LEASE
        self._held -= 1

    def overdraw(self, tokens: int, quota: Quota, now: int) -> None:
        """Take tokens for work already done, even if there are not enough, up to a debt of a minute.

        Calls are refused until the debt is paid. Raises Unavailable.
        """
        held = min(tokens, self._held) if now < self._held_until else 0
        self._held -= held
        debt = now + quota.fill + SKEW - max(now, self.state.full_at)
        most = max(0, debt // quota.interval)
        if owed := min(tokens - held, most):
            self.charge(owed, quota, now)

    def left(self, quota: Quota, now: int) -> int:
        """Return the number of tokens left, leased ones included, as far as this process knows."""
        return min(quota.burst, quota.left(self.state.full_at, now) + self._held)


class _TenantBucket(KnownBucket):
    """The bucket of a tenant. It is charged after the calls, so it can be overdrawn."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket)
        self._owed = 0

    def check(self, now: int) -> None:
        """Raises RateLimited while the bucket is overdrawn."""
        overdrawn = self.state.full_at - now - _TENANT.fill
        if 0 < overdrawn <= SKEW:
            raise RateLimited(_seconds(overdrawn), "tenant")

    def count(self, now: int, calls: int = 1) -> None:
        """Count calls; charge them in batches of TENANT_BATCH. Raises Unavailable."""
        self._owed += calls
        if self._owed >= TENANT_BATCH and self.charge(self._owed, _TENANT, now):
            self._owed = 0


class Allowance(NamedTuple):
    """The decision on a call.

    `left`: how many calls the caller has left. `refusal`: the reason for a refusal, or None.
    """

    left: int
    refusal: RateLimited | None = None


class RateLimits:
    """Counts the calls that this process receives.

    `report`: called at most once a minute while calls are not counted because the table is unavailable.
    """

    def __init__(
        self, buckets: Buckets, *, report: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._buckets = buckets
        self._report = report
        self._clock = clock
        self._callers: dict[tuple[str, str], _CallerBucket] = {}
        self._tenants: dict[str, _TenantBucket] = {}
        self._reported_at = -_REPORT_INTERVAL

    def admit(self, caller: Caller, limit: RateLimit) -> Allowance:
        """Count a call and decide on it. While the table is unavailable, calls are allowed and not counted."""
        now = microseconds(self._clock())
        quota = Quota.per_second(limit.requests_per_second, limit.burst)
        own, tenants = (
            self._caller_bucket(caller.tenant_id, caller.actor),
            self._tenant_bucket(caller.tenant_id),
        )
        try:
            tenants.check(now)
            own.spend(quota, now)
            tenants.count(now)
        except RateLimited as refusal:
            return Allowance(0, refusal)
        except Unavailable:
            if now - self._reported_at >= _REPORT_INTERVAL:
                self._reported_at = now
                self._report()
        return Allowance(own.left(quota, now))

    def charge(self, caller: Caller, limit: RateLimit, rows: int) -> None:
        """Charge a caller and the tenant for rows that a call read beyond a full page.

        ROWS_PER_TOKEN rows cost as much as a call. While the table is unavailable nothing is charged.
        """
        now = microseconds(self._clock())
        tokens = rows // ROWS_PER_TOKEN
        if tokens:
            quota = Quota.per_second(limit.requests_per_second, limit.burst)
            with contextlib.suppress(Unavailable):
                self._caller_bucket(caller.tenant_id, caller.actor).overdraw(tokens, quota, now)
                self._tenant_bucket(caller.tenant_id).count(now, tokens)

    def _caller_bucket(self, tenant_id: str, actor: str) -> _CallerBucket:
        known = self._callers.get((tenant_id, actor))
        if known is None:
            known = _CallerBucket(self._buckets.of_caller(tenant_id, actor))
            remember(self._callers, (tenant_id, actor), known)
        return known

    def _tenant_bucket(self, tenant_id: str) -> _TenantBucket:
        known = self._tenants.get(tenant_id)
        if known is None:
            known = _TenantBucket(self._buckets.of_caller(tenant_id, None))
            remember(self._tenants, tenant_id, known)
        return known


def remember(known: dict[K, V], key: K, value: V) -> None:
    """Add an entry, after clearing `known` if it is full; forgotten state is read again from the table."""
    if len(known) >= _MAX_REMEMBERED:
        known.clear()
    known[key] = value


def microseconds(moment: float) -> int:
    """Return seconds as whole microseconds."""
    return int(moment * SECOND)


def _seconds(duration: int) -> int:
    """Return a duration for `Retry-After`: in whole seconds, rounded up."""
    return max(1, -(-duration // SECOND))
