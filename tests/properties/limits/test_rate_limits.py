"""The invariants of rate limits, with many processes at any times."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.callers import Caller
from shared.domain.tenant import RateLimit
from shared.services.limits.rate_limits import (
    FIRST_WAIT,
    LONGEST_WAIT,
    QUIET,
    SECOND,
    TENANT_BATCH,
    TENANT_BURST,
    TENANT_REQUESTS_PER_SECOND,
    Quota,
    microseconds,
)
from tests.buckets import START, Clock, Crowd, MemoryBuckets, most, processes
from tests.support.budgets import repetitions

CALLER = Caller("T1", "client", "c1", "client")
FIRST, LONGEST = FIRST_WAIT // SECOND, LONGEST_WAIT // SECOND

limits = st.builds(RateLimit, st.integers(1, 60), st.integers(1, 120))
pauses = st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 3), st.floats(0, 60))
requests = st.lists(st.tuples(st.integers(0, 7), pauses), min_size=1, max_size=300)


@settings(max_examples=repetitions(60))
@given(limit=limits, requests=requests)
def test_never_more_get_through_than_the_bucket_lets(
    limit: RateLimit, requests: list[tuple[int, float]]
) -> None:
    """check 4: in whatever process, at whatever times, at each moment."""
    clock, buckets = Clock(), MemoryBuckets()
    known = processes(buckets, clock, 8)
    accepted = 0
    for process, pause in requests:
        clock.now += pause
        accepted += known[process].admit(CALLER, limit).refusal is None
        assert accepted <= most(limit, clock.now - START) * 1.0001


@settings(max_examples=repetitions(60))
@given(limit=limits, requests=requests)
def test_no_call_is_refused_while_there_is_a_token_and_no_refusal_in_force(
    limit: RateLimit, requests: list[tuple[int, float]]
) -> None:
    clock, buckets = Clock(), MemoryBuckets()
    known = processes(buckets, clock, 8)
    bucket = buckets.of_caller(CALLER.tenant_id, CALLER.actor)
    quota = Quota.per_second(limit.requests_per_second, limit.burst)
    for process, pause in requests:
        clock.now += pause
        now, before = microseconds(clock.now), bucket.state
        refusal = known[process].admit(CALLER, limit).refusal
        if refusal is not None:
            assert before.is_refusing(now) or quota.left(before.full_at, now) == 0
            # And the answer is exact: a refusal that other processes started is not announced for longer than it lasts.
            assert refusal.retry_after == max(1, -(-(bucket.state.refused_until - now) // SECOND))


@settings(max_examples=repetitions(20))
@given(limit=limits, requests=requests)
def test_the_time_of_a_refusal_never_moves_while_it_is_in_force(
    limit: RateLimit, requests: list[tuple[int, float]]
) -> None:
    clock, buckets = Clock(), MemoryBuckets()
    known = processes(buckets, clock, 8)
    bucket = buckets.of_caller(CALLER.tenant_id, CALLER.actor)
    for process, pause in requests:
        clock.now += pause
        before = bucket.state
        known[process].admit(CALLER, limit)
        if before.is_refusing(microseconds(clock.now)):
            assert bucket.state.refused_until == before.refused_until


@settings(max_examples=repetitions(50))
@given(
    limit=limits,
    ahead=st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4),
    requests=st.lists(st.tuples(st.integers(0, 3), pauses), min_size=1, max_size=300),
)
def test_clocks_that_differ_let_no_more_through_than_their_difference_is_worth(
    limit: RateLimit, ahead: list[float], requests: list[tuple[int, float]]
) -> None:
    clock, buckets = Clock(), MemoryBuckets()
    known = [processes(buckets, lambda by=by: clock.now + by, 1)[0] for by in ahead]  # type: ignore[misc]
    accepted = 0
    for process, pause in requests:
        clock.now += pause
        accepted += known[process].admit(CALLER, limit).refusal is None
        assert accepted <= most(limit, clock.now - START + max(ahead) - min(ahead)) * 1.0001


@settings(max_examples=repetitions(10))
@given(limit=limits, count=st.integers(1, 8), seed=st.integers())
def test_clients_that_obey_all_finish_and_never_wait_longer(limit: RateLimit, count: int, seed: int) -> None:
    """check 5: 32 clients that share a caller, in however many processes, whatever the limit."""
    clock = Clock()
    crowd = Crowd(CALLER, limit, requests=10)
    took = crowd.run(processes(MemoryBuckets(), clock, count), clock, Random(seed))
    assert len(crowd.accepted) == 320
    assert set(crowd.waits) <= {*range(1, FIRST + 1)}
    # Between two successive refusals, all tokens of the wait are used, except those of idle leases.
    assert took <= 2 * (320 / min(limit.requests_per_second, limit.burst / (FIRST + 1.5)) + FIRST + 1)


@pytest.mark.parametrize(("clients", "pause"), [(600, 5.0), (220, 2.0), (900, 10.0), (1_500, 30.0)])
@pytest.mark.parametrize("count", [1, 8])
def test_a_crowd_that_obeys_and_comes_seldom_gets_what_the_limit_lets_through(
    clients: int, pause: float, count: int
) -> None:
    """check 5: many clients share a key; their first calls during a refusal that they cannot know of do not count as
    ignoring it."""
    limit, seconds = RateLimit(100, 200), 200
    clock, random = Clock(), Random(7)
    known = processes(MemoryBuckets(), clock, count)
    due = [(START + random.random(), number) for number in range(clients)]  # all of them within a second
    heapify(due)
    accepted, waits = 0, set()
    while due[0][0] < START + seconds:
        clock.now, client = heappop(due)
        refusal = random.choice(known).admit(CALLER, limit).refusal
        if refusal is not None:
            assert refusal.retry_after is not None
            waits.add(refusal.retry_after)
            heappush(due, (clock.now + refusal.retry_after, client))
            continue
        accepted += clock.now > START + seconds / 2
        heappush(due, (clock.now + pause, client))
    offered = min(limit.requests_per_second, clients / (pause + FIRST))
    assert accepted >= 0.8 * offered * seconds / 2
    assert max(waits) <= 2 * FIRST


def ignore_refusals(every: float, seconds: float) -> tuple[Clock, MemoryBuckets, list[int]]:
    """Run a client that ignores refusals; return the durations of the refusals in seconds."""
    clock, buckets = Clock(), MemoryBuckets()
    (known,) = processes(buckets, clock, 1)
    limit = RateLimit(5, 5)
    until, durations = 0, []
    while clock.now < START + seconds:
        refusal = known.admit(CALLER, limit).refusal
        state = buckets.of_caller("T1", CALLER.actor).state
        if refusal is not None and state.refused_until != until:
            until = state.refused_until
            durations.append(state.wait // SECOND)
        clock.now += every
    return clock, buckets, durations


def test_a_client_that_ignores_refusals_waits_twice_as_long_each_time_up_to_five_minutes() -> None:
    _, _, durations = ignore_refusals(every=0.1, seconds=1_500)
    assert durations[:10] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_wait_that_is_obeyed_halves_the_next() -> None:
    clock, buckets, durations = ignore_refusals(every=0.1, seconds=70)
    assert durations[-1] == 64
    (known,) = processes(buckets, clock, 1)
    waits = []
    for _ in range(8):
        while (refusal := known.admit(CALLER, RateLimit(5, 5)).refusal) is None:
            pass
        waits.append(refusal.retry_after)
        assert refusal.retry_after is not None
        clock.now += refusal.retry_after
    # The client began to obey before it had called late in a wait.
    assert waits[1:] in ([32, 16, 8, 4, 2, 2, 2], [64, 32, 16, 8, 4, 2, 2])


@pytest.mark.parametrize(("quiet", "then"), [(1.0, 64), (2 * 64 - 1.0, 64), (2 * 64 + 1.0, FIRST)])
def test_after_a_quiet_time_of_twice_the_last_wait_the_waits_start_again(quiet: float, then: int) -> None:
    clock, buckets, durations = ignore_refusals(every=0.1, seconds=70)
    state = buckets.of_caller("T1", CALLER.actor).state
    assert durations[-1] == 64 and state.wait == 64 * SECOND
    buckets.of_caller("T1", CALLER.actor).state = state._replace(next_wait=64 * SECOND)
    clock.now = state.refused_until / SECOND + quiet
    (known,) = processes(buckets, clock, 1)
    while (refusal := known.admit(CALLER, RateLimit(5, 5)).refusal) is None:
        pass
    assert refusal.retry_after == then


def test_after_a_short_wait_the_quiet_spell_is_ten_seconds() -> None:
    clock, buckets, durations = ignore_refusals(every=0.1, seconds=3)
    assert durations == [2] and QUIET == 10 * SECOND
    clock.now = buckets.of_caller("T1", CALLER.actor).state.refused_until / SECOND + 10.1
    (known,) = processes(buckets, clock, 1)
    while (refusal := known.admit(CALLER, RateLimit(5, 5)).refusal) is None:
        pass
    assert refusal.retry_after == FIRST


@pytest.mark.parametrize("every", [2.0, 3.0])
def test_a_client_that_obeys_never_waits_longer(every: float) -> None:
    _, _, durations = ignore_refusals(every=every, seconds=300)
    assert set(durations) <= {FIRST}


def test_ignoring_a_refusal_is_written_once_per_refusal_and_process() -> None:
    _, buckets, durations = ignore_refusals(every=0.05, seconds=100)
    calls = buckets.of_caller("T1", CALLER.actor).calls
    assert calls.count("refuse") == len(durations)
    assert len(durations) - 1 <= calls.count("lengthen") <= len(durations)


def test_a_busy_process_asks_the_table_seldom() -> None:
    clock, buckets = Clock(), MemoryBuckets()
    (known,) = processes(buckets, clock, 1)
    for _ in range(1_000):
        clock.now += 1 / 40
        assert known.admit(CALLER, RateLimit()).refusal is None
    own, tenant = buckets.of_caller("T1", CALLER.actor), buckets.of_caller("T1", None)
    assert len(own.calls) <= 50 and len(tenant.calls) == 1_000 // TENANT_BATCH


def test_what_is_not_used_of_a_lease_is_forgotten_after_a_second() -> None:
    clock, buckets = Clock(), MemoryBuckets()
    (known,) = processes(buckets, clock, 1)
    for _ in range(40):
        known.admit(CALLER, RateLimit())
    clock.now += 1.1
    bucket = buckets.of_caller("T1", CALLER.actor)
    bucket.state = bucket.state._replace(full_at=microseconds(clock.now) + 2 * SECOND)  # nothing left
    assert known.admit(CALLER, RateLimit()).refusal is not None


@settings(max_examples=repetitions(5))
@given(count=st.integers(1, 20), rate=st.integers(600, 5_000), seed=st.integers())
def test_a_tenant_with_many_callers_gets_what_a_tenant_gets(count: int, rate: int, seed: int) -> None:
    """At most a batch of each process beyond the tenant's bucket, and in the long run none."""
    clock, random = Clock(), Random(seed)
    known = processes(MemoryBuckets(), clock, count)
    accepted, policies = 0, set()
    for number in range(rate * 10):
        clock.now += 1 / rate
        caller = Caller("T1", "client", f"c{number % 1000}", "client")
        refusal = random.choice(known).admit(caller, RateLimit()).refusal
        accepted += refusal is None
        policies.add(refusal.policy if refusal else "")
    tenant = RateLimit(TENANT_REQUESTS_PER_SECOND, TENANT_BURST)
    assert accepted <= most(tenant, clock.now - START) + TENANT_BATCH * count
    assert accepted >= 0.8 * min(rate * 10, most(tenant, 10))
    if rate >= 1000:
        assert policies == {"", "tenant"}


def test_work_beyond_a_page_costs_as_many_calls_as_it_has_hundreds_of_rows() -> None:
    clock, buckets = Clock(), MemoryBuckets()
    (known,) = processes(buckets, clock, 1)
    limit = RateLimit(10, 100)
    assert known.admit(CALLER, limit).refusal is None
    known.charge(CALLER, limit, 4_500)
    left = known.admit(CALLER, limit).left
    assert left == 100 - 45 - 2
    known.charge(CALLER, limit, 99)
    assert known.admit(CALLER, limit).left == left - 1


def test_who_reads_more_than_the_bucket_holds_goes_into_debt_and_waits_until_it_is_paid() -> None:
    clock, buckets = Clock(), MemoryBuckets()
    first, second = processes(buckets, clock, 2)
    limit = RateLimit(1, 5)
    first.admit(CALLER, limit)
    first.charge(CALLER, limit, 4_500)
    refused = [known.admit(CALLER, limit).refusal for known in (first, second)]
    assert all(one is not None and 40 <= one.retry_after <= 45 for one in refused)
    clock.now += 45
    assert all(known.admit(CALLER, limit).refusal is None for known in (first, second))


@given(
    requests=st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 3)), min_size=1, max_size=60),
    rate=st.integers(1, 200),
)
def test_a_debt_is_never_longer_than_a_minute(requests: list[tuple[int, float]], rate: int) -> None:
    clock, buckets = Clock(), MemoryBuckets()
    known = list(processes(buckets, clock, 3))
    limit = RateLimit(rate, 2 * rate)
    for number, (rows, pause) in enumerate(requests):
        process = known[number % 3]
        process.admit(CALLER, limit)
        process.charge(CALLER, limit, rows)
        debt = buckets.of_caller("T1", CALLER.actor).state.full_at - microseconds(clock.now)
        assert debt <= 62 * SECOND + SECOND
        clock.now += pause


def test_a_plain_list_is_charged_nothing_more() -> None:
    clock, buckets = Clock(), MemoryBuckets()
    (known,) = processes(buckets, clock, 1)
    known.admit(CALLER, RateLimit())
    calls = len(buckets.of_caller("T1", CALLER.actor).calls)
    known.charge(CALLER, RateLimit(), 0)
    assert len(buckets.of_caller("T1", CALLER.actor).calls) == calls
