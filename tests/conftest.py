"""The harness for every test, and two tenants for those that ask for them."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from math import inf

import pytest

from shared.domain.accounts import passwords
from shared.identity import tokens
from shared.services import performers, reading_budget
from shared.services.contacts import shown as shown_contacts
from shared.table import labels
from tests.support import budgets, event_schemas  # noqa: F401 (budgets loads the profile of Hypothesis)
from tests.support.aws import Stack
from tests.support.botocore_speed import faster_botocore
from tests.support.faults import without_pauses
from tests.support.fixtures import *  # noqa: F403
from tests.support.moto_speed import faster_moto
from tests.support.tokens import TokenIssuer
from tests.support.tracing import aws_calls_untraced, is_repetition, note_repetitions, nothing_traced
from tests.tenants import Tenancy, settle


def pytest_collection_finish() -> None:
    """Leave what has been imported and collected out of garbage collection, which took a seventh of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    note_repetitions(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with nothing_traced() if item.stash[is_repetition] else nullcontext():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def moto_and_botocore_answer_sooner() -> Iterator[None]:
    with faster_moto(), faster_botocore():
        yield


@pytest.fixture(scope="session", autouse=True)
def failed_calls_are_repeated_at_once() -> Iterator[None]:
    with without_pauses():
        yield


@pytest.fixture(scope="session", autouse=True)
def coverage_costs_little(pytestconfig: pytest.Config) -> Iterator[None]:
    with aws_calls_untraced() if pytestconfig.pluginmanager.hasplugin("_cov") else nullcontext():
        yield


@pytest.fixture(scope="session", autouse=True)
def every_event_is_checked() -> Iterator[None]:
    with event_schemas.events_are_checked():
        yield


@pytest.fixture(autouse=True)
def every_event_fits_its_schema(every_event_is_checked: None) -> Iterator[None]:
    """Every test that writes an event is a witness that the events fit docs/events/."""
    yield
    found = list(event_schemas.faults)
    event_schemas.faults.clear()
    assert not found


@pytest.fixture(autouse=True)
def tenants_stay_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process goes by what it has read of a tenant for longer than a test takes: else the number of calls that are
    counted, or killed one by one, would follow the machine's speed.
    """
    monkeypatch.setattr("shared.wiring.tenants.TENANT_SECONDS", 3600.0)
    monkeypatch.setattr(shown_contacts, "KEPT_SECONDS", 3600.0)
    monkeypatch.setattr(performers, "KEPT_SECONDS", 3600.0)
    monkeypatch.setattr(labels, "RECENT_SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def proofs_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs of passwords are made as always, but in a millisecond."""
    monkeypatch.setitem(passwords.SCRYPT, "n", 2)


@pytest.fixture(autouse=True)
def requests_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budgets of seconds are unlimited, lest pages and bulk calls end early on a slow machine; their tests bring a
    clock. The issuer of tokens, a thread of the same process, may take its time to answer.
    """
    monkeypatch.setattr(reading_budget, "MAX_SECONDS", inf)
    monkeypatch.setattr("shared.wiring.contacts.BULK_SECONDS", inf)
    monkeypatch.setattr(tokens, "_TIMEOUT_SECONDS", 300.0)


@pytest.fixture
def t1(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T1")


@pytest.fixture
def t10(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T10")
