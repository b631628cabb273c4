"""Calls with an Idempotency-Key: the stores and services that commit under the key's claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, store

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.domain.ids import Work
    from shared.services.idempotency import Announce, IdempotencyKeyClaim, KeyedCalls
    from shared.table.idempotency import FencedStore
    from shared.table.store import Store


def keyed_calls(caller: Caller) -> KeyedCalls:
    """The calls that one caller makes with keys."""
    from shared.services.idempotency import KeyedCalls
    from shared.table.idempotency import IdempotencyKeyTable

    return KeyedCalls(caller, IdempotencyKeyTable(store()))


def sealed_keyed_calls(caller: Caller) -> KeyedCalls:
    """The calls that one caller makes with keys, for routes whose answers may show secrets."""
    from shared.services.idempotency import KeyedCalls
    from shared.table.idempotency import IdempotencyKeyTable
    from shared.wiring.sealing import seal

    return KeyedCalls(caller, IdempotencyKeyTable(store()), seal())


def store_for(claim: IdempotencyKeyClaim | None) -> Store:
    """The table, for a call that commits once: under its claim if it has an Idempotency-Key."""
    if claim is None:
        return store()
    from shared.table.idempotency import ClaimedStore

    return ClaimedStore(aws_client("dynamodb"), environment.table_name(), claim)


def fenced_store_for(claim: IdempotencyKeyClaim | None) -> Store:
    """The table, for a call that commits many times: under its claim if it has an Idempotency-Key."""
    return store() if claim is None else fenced_store(claim)


def fenced_store(claim: IdempotencyKeyClaim) -> FencedStore:
    """The table, for a call with an Idempotency-Key that commits many times."""
    from shared.table.idempotency import FencedStore

    return FencedStore(aws_client("dynamodb"), environment.table_name(), claim)


def announcer(claim: IdempotencyKeyClaim | None) -> Announce:
    """The function that a service calls with the record its call will return."""
    from shared.services.idempotency import no_key

    return no_key if claim is None else claim.announce


def work_of(claim: IdempotencyKeyClaim | None) -> Work:
    """The work a call does: the claim's, or new work for a call without a key."""
    from shared.domain.ids import Work, new_id

    return Work(new_id()) if claim is None else claim.work
