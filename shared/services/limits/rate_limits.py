"""How often who may call: token buckets in the table, from which each process takes leases (docs/decisions/0015).

Times are Unix microseconds, waits and intervals microseconds.
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
"""How long a first refusal holds, and the longest."""
GRACE = 3 * SECOND // 2
"""How long after a refusal a call is not held against its caller: `Retry-After` is in whole seconds, so one who obeys
may come a second late and into the next refusal, and half a second is for what was on its way."""
QUIET = 10 * SECOND
"""After how long without a refusal, at least, the waits begin anew."""
SKEW = 60 * SECOND
"""How far beyond all that can be a stored time may lie. What lies further is nonsense, or of another setting."""
AWAY = 5 * SECOND
"""How long a bucket is not asked again after the table was away."""

TENANT_REQUESTS_PER_SECOND, TENANT_BURST = 500, 1_000
"""For all callers of a tenant together: so that none uses the whole service up."""
TENANT_BATCH = 50
"""After how many calls a process charges the tenant: one twentieth of its burst."""

ROWS_PER_TOKEN = 100
"""How many rows, read beyond a page's worth, cost as much as a call."""

_LEASE = SECOND
_TRIES = 4
_MOST_KNOWN = 10_000
_REPORT = 60 * SECOND

K = TypeVar("K")
V = TypeVar("V")


class Quota(NamedTuple):
    """A bucket's figures: a token comes every `interval`, and there is room for `burst` of them."""

    interval: int
    burst: int

    @classmethod
    def per_second(cls, requests: int, burst: int) -> Quota:
        """The quota of so many requests a second."""
        return cls(-(-SECOND // requests), burst)  # rounded up: never a token too many

    @property
    def fill(self) -> int:
        """In what time an empty bucket fills."""
        return self.interval * self.burst

    def is_in_use(self, full_at: int, now: int) -> bool:
        """Whether there is less than the whole burst, by the time at which there will be the whole."""
        return 0 <= full_at - now <= self.fill + SKEW

    def left(self, full_at: int, now: int) -> int:
        """How many tokens there are."""
        if not self.is_in_use(full_at, now):
            return self.burst
        return max(0, (now + self.fill - full_at) // self.interval)


_TENANT = Quota.per_second(TENANT_REQUESTS_PER_SECOND, TENANT_BURST)


class BucketState(NamedTuple):
    """What a bucket holds. `full_at`: when it is full again. `refused_at`, `refused_until`: of the last refusal;
    `next_wait`: how long the one after it is going to hold.
    """

    full_at: int = 0
    refused_at: int = 0
    refused_until: int = 0
    next_wait: int = 0

    @property
    def wait(self) -> int:
        """How long the last refusal holds or held."""
        return self.refused_until - self.refused_at

    def shuts_out(self, now: int) -> bool:
        """Whether a refusal is in force."""
        return 0 < self.refused_until - now <= LONGEST_WAIT + SKEW

    def wait_after(self, now: int) -> int:
        """How long a refusal at `now` holds."""
        if now - self.refused_until > max(QUIET, 2 * self.wait):
            return FIRST_WAIT
        return min(LONGEST_WAIT, max(FIRST_WAIT, self.next_wait))


class Bucket(Protocol):
    """A bucket in the table; see `shared.table.limits`. Each method is one call, and raises Unavailable when the
    table is away.
    """

    def take(
        self, cost: int, *, now: int, latest: int, horizon: int, in_use: bool
    ) -> tuple[bool, BucketState]:
        """Move `full_at` on by `cost`, unless a refusal is in force: from where it is, if that is from now to `latest`
        (`in_use`); or from now, if it is not from now to `horizon` later. Whether it was done, and how the bucket
        stands.
        """
        ...

    def refuse(self, now: int, until: int, next_wait: int) -> BucketState:
        """Refuse everybody until a time, unless a refusal is in force. How the bucket stands."""
        ...

    def lengthen(self, refused_until: int, next_wait: int) -> None:
        """Set how long the refusal after this one is going to hold."""
        ...

    def release(self, cost: int, now: int) -> None:
        """Undo a `take`."""
        ...


class Buckets(Protocol):
    """The buckets of callers, and for the actor None of whole tenants."""

    def of_caller(self, tenant_id: str, actor: str | None) -> Bucket: ...


class KnownBucket:
    """A bucket as this process knows it. `lengthens`: whether who keeps knocking waits ever longer."""

    def __init__(self, bucket: Bucket, *, lengthens: bool = True) -> None:
        self._bucket = bucket
        self._lengthens = lengthens
        self._away_until = 0
        self._knocks, self._knocks_until = 0, 0
        self.state = BucketState()

    def take(self, wanted: int, quota: Quota, now: int) -> int:
        """Take a token, or up to `wanted`, but at most a quarter of what is left. How many were taken.

        Raises RateLimited, from memory while a refusal is known to be in force; Unavailable.
        """
        self._turn_away(quota, now)
        for _ in range(_TRIES):
            tokens = max(1, min(wanted, quota.left(self.state.full_at, now) // 4))
            if self._moved_on(tokens * quota.interval, quota, now, now + quota.fill):
                return tokens
            self._turn_away(quota, now)
            if not quota.left(self.state.full_at, now):
                self._refuse(quota, now)
        raise Unavailable()

    def charge(self, tokens: int, quota: Quota, now: int) -> bool:
        """Take tokens whether there are so many or not; False when the bucket is overdrawn by a minute.

        Raises Unavailable.
        """
        latest = now + quota.fill + SKEW
        return any(self._moved_on(tokens * quota.interval, quota, now, latest) for _ in range(2))

    def release(self, quota: Quota, now: int) -> None:
        """Give a token back, if the table is there."""
        with contextlib.suppress(Unavailable):
            self._bucket.release(quota.interval, now)

    def _moved_on(self, cost: int, quota: Quota, now: int, bound: int) -> bool:
        if now < self._away_until:
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
            self._away_until = now + AWAY
            raise Unavailable() from error
        return done

    def _turn_away(self, quota: Quota, now: int) -> None:
        """Raises RateLimited while a refusal is in force, and notes when more knock than can have obeyed."""
        state = self.state
        if not state.shuts_out(now):
            return
        if self._lengthens and self._are_too_many(quota, now):
            self.state = state._replace(next_wait=min(LONGEST_WAIT, 2 * state.wait))
            with contextlib.suppress(Unavailable):
                self._bucket.lengthen(state.refused_until, self.state.next_wait)
        raise RateLimited(_seconds(state.refused_until - now))

    def _are_too_many(self, quota: Quota, now: int) -> bool:
        """Whether what came late in a wait cannot be the first calls of many who share a key and all obey: by now more
        than half as many again as the quota would have let through. True once a wait.
        """
        state = self.state
        if self._knocks_until != state.refused_until:
            self._knocks, self._knocks_until = 0, state.refused_until
        self._knocks += 1
        return (
            now - state.refused_at > max(GRACE, state.wait // 2)
            and self._knocks * quota.interval > state.wait * 3 // 2
            and state.next_wait < min(LONGEST_WAIT, 2 * state.wait)
        )

    def _refuse(self, quota: Quota, now: int) -> NoReturn:
        until_a_token = self.state.full_at + quota.interval - quota.fill - now
        wait = max(until_a_token, self.state.wait_after(now))
        next_wait = max(FIRST_WAIT, wait // 2)  # unless somebody knocks meanwhile
        self.state = self.state._replace(refused_at=now, refused_until=now + wait, next_wait=next_wait)
        with contextlib.suppress(Unavailable):
            self.state = self._bucket.refuse(now, now + wait, next_wait)
        raise RateLimited(_seconds(self.state.refused_until - now))


class _CallersBucket(KnownBucket):
    """A caller's bucket, from which a process that needs many tokens takes several at once."""

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
        """Take tokens for work that was done, whether there are so many or not; none beyond a debt of a minute.

        Calls are refused until the debt is paid. Raises Unavailable.
        """
        held = min(tokens, self._held) if now < self._held_until else 0
        self._held -= held
        debt = now + quota.fill + SKEW - max(now, self.state.full_at)
        most = max(0, debt // quota.interval)
        if owed := min(tokens - held, most):
            self.charge(owed, quota, now)

    def left(self, quota: Quota, now: int) -> int:
        """How many tokens there are, here and in the bucket, as far as is known."""
        return min(quota.burst, quota.left(self.state.full_at, now) + self._held)


class _TenantsBucket(KnownBucket):
    """A tenant's bucket, which is charged behind the calls and may so be overdrawn."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket)
        self._owed = 0

    def check(self, now: int) -> None:
        """Raises RateLimited while the bucket is overdrawn."""
        overdrawn = self.state.full_at - now - _TENANT.fill
        if 0 < overdrawn <= SKEW:
            raise RateLimited(_seconds(overdrawn), "tenant")

    def count(self, now: int, calls: int = 1) -> None:
        """Note calls, and charge them together with others. Raises Unavailable."""
        self._owed += calls
        if self._owed >= TENANT_BATCH and self.charge(self._owed, _TENANT, now):
            self._owed = 0


class Allowance(NamedTuple):
    """What was decided of a call: how many more its caller has `left`, and why it may not go on, if so."""

    left: int
    refusal: RateLimited | None = None


class RateLimits:
    """Counts the calls of all tenants' callers that come to this process.

    `report` is called, at most once a minute, when calls go uncounted since the table is away.
    """

    def __init__(
        self, buckets: Buckets, *, report: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._buckets = buckets
        self._report = report
        self._clock = clock
        self._callers: dict[tuple[str, str], _CallersBucket] = {}
        self._tenants: dict[str, _TenantsBucket] = {}
        self._reported_at = -_REPORT

    def admit(self, caller: Caller, limit: RateLimit) -> Allowance:
        """Count a call. While the table is away it may go on without being counted."""
        now = microseconds(self._clock())
        quota = Quota.per_second(limit.requests_per_second, limit.burst)
        own, shared = self._own(caller.tenant_id, caller.actor), self._shared(caller.tenant_id)
        try:
            shared.check(now)
            own.spend(quota, now)
            shared.count(now)
        except RateLimited as refusal:
            return Allowance(0, refusal)
        except Unavailable:
            if now - self._reported_at >= _REPORT:
                self._reported_at = now
                self._report()
        return Allowance(own.left(quota, now))

    def charge(self, caller: Caller, limit: RateLimit, rows: int) -> None:
        """Charge a caller, and the tenant, for the rows that a call read beyond a page's worth; ROWS_PER_TOKEN cost as
        much as a call. While the table is away nothing is charged.
        """
        now = microseconds(self._clock())
        tokens = rows // ROWS_PER_TOKEN
        if tokens:
            quota = Quota.per_second(limit.requests_per_second, limit.burst)
            with contextlib.suppress(Unavailable):
                self._own(caller.tenant_id, caller.actor).overdraw(tokens, quota, now)
                self._shared(caller.tenant_id).count(now, tokens)

    def _own(self, tenant_id: str, actor: str) -> _CallersBucket:
        known = self._callers.get((tenant_id, actor))
        if known is None:
            known = _CallersBucket(self._buckets.of_caller(tenant_id, actor))
            remember(self._callers, (tenant_id, actor), known)
        return known

    def _shared(self, tenant_id: str) -> _TenantsBucket:
        known = self._tenants.get(tenant_id)
        if known is None:
            known = _TenantsBucket(self._buckets.of_caller(tenant_id, None))
            remember(self._tenants, tenant_id, known)
        return known


def remember(known: dict[K, V], key: K, value: V) -> None:
    """Keep one more, or begin anew when there are too many: what is forgotten is asked for again."""
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = value


def microseconds(moment: float) -> int:
    """Seconds as whole microseconds."""
    return int(moment * SECOND)


def _seconds(duration: int) -> int:
    """A duration as `Retry-After` tells it: in whole seconds, not too short."""
    return max(1, -(-duration // SECOND))
