"""The gate before sign-in: attempts by account and by address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared import environment
from shared.domain.errors import RateLimited
from shared.services.limits.sign_in_gate import OpenGate, SignInGate
from shared.table.keys import limits as limit_keys
from shared.table.limits import BucketTable
from shared.wiring.base import store
from shared.wiring.limits import sign_in_gate
from tests.buckets import Clock, MemoryBuckets
from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import call, injecting, lost_answer, throttle, unreachable
from tests.support.meter import meter
from tests.support.template import Template
from tests.support.tenant_guard import acting_for_system, as_operator
from tests.support.tokens import TokenIssuer

ADA, HOME = "ada@example.com", "198.51.100.7"
TAKES = call("dynamodb", "UpdateItem")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gates(aws_stack: Stack, clock: Clock) -> Iterator[Callable[[], SignInGate]]:
    """A maker of gates, each as a process has it."""
    with acting_for_system("G#"):
        yield lambda: SignInGate(BucketTable(store()), environment.cursor_key(), clock=clock)


@pytest.fixture
def gate(gates: Callable[[], SignInGate]) -> SignInGate:
    return gates()


@pytest.fixture
def quick_gate(clock: Clock) -> SignInGate:
    """A gate with buckets in memory, for hundreds of attempts; test_rate_limits.py compares them with the table's."""
    return SignInGate(MemoryBuckets(), b"secret", clock=clock)


def refused(gate: SignInGate, account: str | None = ADA, address: str = HOME) -> int | None:
    """Return the seconds until the next attempt; None if this attempt was allowed."""
    try:
        gate.count_request(address)
        if account is not None:
            gate.count_attempt(account)
    except RateLimited as refusal:
        return refusal.retry_after
    return None


def items(stack: Stack) -> list[dict[str, Any]]:
    with as_operator():
        found: list[dict[str, Any]] = stack.client("dynamodb").scan(TableName=stack.table_name)["Items"]
    return found


def test_an_account_is_tried_ten_times_and_then_once_in_six_seconds(gate: SignInGate, clock: Clock) -> None:
    assert [refused(gate) for _ in range(10)] == [None] * 10
    assert refused(gate) == 6
    clock.now += 6
    assert refused(gate) is None
    assert refused(gate) == 6


def test_who_keeps_trying_an_account_waits_twice_as_long_each_time(
    quick_gate: SignInGate, clock: Clock
) -> None:
    waits = []
    for _ in range(1_500):
        wait = refused(quick_gate, address=f"198.51.100.{len(waits) % 250}")
        if wait is not None:
            waits.append(wait)
        clock.now += 1
    assert max(waits) == 300
    # A wait of five minutes gathers at most ten attempts.
    assert waits.count(None) <= 10 + 1_500 / 6


def test_an_account_is_counted_in_all_processes_and_from_all_addresses(
    gates: Callable[[], SignInGate],
) -> None:
    processes = [gates() for _ in range(5)]
    outcomes = [refused(processes[number % 5], address=f"203.0.113.{number}") for number in range(50)]
    assert outcomes.count(None) == 10


def test_an_address_is_counted_over_all_accounts(gate: SignInGate) -> None:
    outcomes = [refused(gate, f"user{number}@example.com") for number in range(150)]
    assert outcomes.count(None) == 100
    assert refused(gate, "another@example.com", "198.51.100.8") is None


def test_other_accounts_are_not_touched(gate: SignInGate) -> None:
    """check 6, for sign-ins"""
    while refused(gate) is None:
        pass
    assert refused(gate, "grace@example.com") is None


def test_a_success_gives_the_attempt_back(gate: SignInGate) -> None:
    for _ in range(60):
        assert refused(gate) is None
        gate.release_success(ADA, HOME)
    assert [refused(gate) for _ in range(11)] == [None] * 10 + [6]


def test_an_office_of_many_who_sign_in_and_refresh_is_never_refused(quick_gate: SignInGate) -> None:
    for number in range(250):
        user = f"user{number}@example.com"
        assert refused(quick_gate, user) is None
        quick_gate.release_success(user, HOME)
        assert refused(quick_gate, None) is None
        quick_gate.release_success(None, HOME)


def test_waits_of_an_address_do_not_grow(quick_gate: SignInGate) -> None:
    """The clients of an address that ignore refusals may not be those that obey them."""
    told = [refused(quick_gate, f"user{number}@example.com") for number in range(400)]
    assert {one for one in told if one is not None} <= {1, 2}


def test_a_success_gives_no_more_back_than_was_taken(gate: SignInGate) -> None:
    for _ in range(20):
        gate.release_success(ADA, HOME)
    assert [refused(gate) for _ in range(11)].count(None) == 10


@pytest.mark.parametrize(
    "variant", ["ADA@example.com", " ada@example.com ", "\uff41da@example.com", "ada@EXAMPLE.com"]
)
def test_variants_of_a_name_are_one_account(gate: SignInGate, variant: str) -> None:
    """check 42"""
    for number in range(10):
        assert refused(gate, ADA if number % 2 else variant) is None
    assert refused(gate, variant) is not None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
        ("not an address", "nor this", False),
        ("", "", True),
    ],
)
def test_an_ipv6_address_counts_as_its_network(gate: SignInGate, one: str, other: str, same: bool) -> None:
    for _ in range(100):
        assert refused(gate, None, one) is None
    assert (refused(gate, None, other) is not None) is same


@pytest.mark.parametrize("account", ["x" * 100_000, "\ud800", "a\x00b#G#", "☃", ""])
def test_any_name_is_taken(gate: SignInGate, account: str) -> None:
    """check 40"""
    assert [refused(gate, account) for _ in range(11)].count(None) == 10


def test_no_name_and_no_address_lies_in_the_table(gate: SignInGate, aws_stack: Stack) -> None:
    """check 92"""
    refused(gate)
    found = items(aws_stack)
    assert {item["PK"]["S"].rsplit("#", 1)[0] for item in found} == {"G#ACCOUNT", "G#ADDRESS"}
    assert "ada" not in str(found) and "198.51" not in str(found)
    assert all(item["expires_at"]["N"] for item in found)


def test_digests_are_of_this_deployment(aws_stack: Stack) -> None:
    """Otherwise a reader of the table could test names."""
    with acting_for_system("G#"):
        for secret in (b"one", b"two"):
            refused(SignInGate(BucketTable(store()), secret))
    assert len(items(aws_stack)) == 4
    assert limit_keys.sign_in_attempts("ACCOUNT", "x")["PK"]["S"] == "G#ACCOUNT#x"


@pytest.mark.parametrize("fault", [unreachable(TAKES), throttle(TAKES, times=None)])
def test_while_the_table_is_away_the_gate_is_open(gate: SignInGate, waits: list[float], fault: Any) -> None:
    """check 15: signing in needs the table anyway and then answers 503."""
    with injecting(fault):
        assert [refused(gate) for _ in range(12)] == [None] * 12
        gate.release_success(ADA, HOME)


def test_a_lost_answer_costs_an_attempt_at_most(gate: SignInGate) -> None:
    """check 11"""
    with injecting(lost_answer(TAKES, at=2)):
        assert refused(gate) is None
    assert [refused(gate) for _ in range(11)].count(None) >= 8


def test_an_attempt_costs_two_calls_and_a_refused_one_in_a_wait_one(gate: SignInGate) -> None:
    with meter() as measured:
        refused(gate)
    assert (measured.calls, measured.write) == (2, 2)
    while refused(gate) is None:
        pass
    with meter() as measured:
        refused(gate)
    assert (measured.calls, measured.write) == (1, 1)


def test_limits_that_are_switched_off_open_the_gate(template: Template, token_issuer: TokenIssuer) -> None:
    with stack_in_moto(template, token_issuer):
        open_gate = sign_in_gate()
        assert isinstance(open_gate, OpenGate)
        for _ in range(20):
            open_gate.count_request(HOME)
            open_gate.count_attempt(ADA)
            open_gate.release_success(ADA, HOME)
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on"), acting_for_system("G#"):
        gate = sign_in_gate()
        assert isinstance(gate, SignInGate)
        assert [refused(gate) for _ in range(11)].count(None) == 10
