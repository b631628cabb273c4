"""Token buckets in memory that behave like those in the table, and clients that obey refusals or ignore them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from shared.domain.callers import Caller
from shared.domain.tenant import RateLimit
from shared.services.limits.rate_limits import LONGEST_WAIT, SKEW, Bucket, BucketState, RateLimits

START = 1_800_000_000.0


class Clock:
    """A clock that is moved by hand, in Unix seconds."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class MemoryBucket:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.state = BucketState()
        self.calls: list[str] = []

    def take(
        self, cost: int, *, now: int, latest: int, horizon: int, in_use: bool
    ) -> tuple[bool, BucketState]:
        self.calls.append("take")
        full_at = self.state.full_at
        may = now <= full_at <= latest if in_use else not now <= full_at <= now + horizon
        if may and not self._is_shut(now):
            self.state = self.state._replace(full_at=(full_at if in_use else now) + cost)
            return True, self.state
        return False, self.state

    def refuse(self, now: int, until: int, next_wait: int) -> BucketState:
        self.calls.append("refuse")
        if not self._is_shut(now):
            self.state = self.state._replace(refused_at=now, refused_until=until, next_wait=next_wait)
        return self.state

    def lengthen(self, refused_until: int, next_wait: int) -> None:
        self.calls.append("lengthen")
        if self.state.refused_until == refused_until:
            self.state = self.state._replace(next_wait=next_wait)

    def release(self, cost: int, now: int) -> None:
        self.calls.append("give back")
        if self.state.full_at > now:
            self.state = self.state._replace(full_at=self.state.full_at - cost)

    def _is_shut(self, now: int) -> bool:
        return now < self.state.refused_until <= now + LONGEST_WAIT + SKEW


class MemoryBuckets:
    """The buckets of all callers and tenants."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, str | None], MemoryBucket] = {}

    def of_caller(self, tenant_id: str, actor: str | None) -> MemoryBucket:
        return self.all.setdefault((tenant_id, actor), MemoryBucket())

    def of_attempts(self, kind: str, digest: str) -> Bucket:
        return self.of_caller(kind, digest)

    def of_mail(self, digest: str) -> Bucket:
        return self.of_caller("MAIL", digest)


def never() -> None:
    raise AssertionError("nothing is away")


def processes(buckets: object, clock: Callable[[], float], count: int) -> list[RateLimits]:
    """Return `count` processes that share nothing but the buckets."""
    return [RateLimits(buckets, report=never, clock=clock) for _ in range(count)]  # type: ignore[arg-type]


@dataclass
class Crowd:
    """Clients of a caller that send `requests` requests each, in sequence, and obey `Retry-After`.

    `way`: the longest time of a request, and of its answer, on the network. `pause`: the time between an answer and the
    next request.
    """

    caller: Caller
    limit: RateLimit
    clients: int = 32
    requests: int = 20
    way: float = 0.2
    pause: float = 0.01
    waits: list[int] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)

    def run(self, limits: Sequence[RateLimits], clock: Clock, random: Random) -> float:
        """Let all finish; how long it took, in seconds."""
        started = clock.now
        due = [(clock.now + random.uniform(0, self.way), client) for client in range(self.clients)]
        left = [self.requests] * self.clients
        heapq.heapify(due)
        while due:
            clock.now, client = heapq.heappop(due)
            refusal = random.choice(limits).admit(self.caller, self.limit).refusal
            wait = self.pause
            if refusal is None:
                left[client] -= 1
                self.accepted.append(clock.now - started)
            else:
                assert refusal.retry_after is not None
                wait = refusal.retry_after
                self.waits.append(refusal.retry_after)
            if left[client]:
                heapq.heappush(due, (clock.now + wait + random.uniform(0, 2 * self.way), client))
        return clock.now - started


def most(limit: RateLimit, seconds: float) -> float:
    """How many requests a limit lets through within some seconds of a full bucket."""
    return limit.burst + limit.requests_per_second * seconds
