"""The table in memory, which tests of interleavings use, answers as moto's does, through the same Store."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.domain.errors import ConcurrentChange
from shared.table.item import Item
from shared.table.store import Store
from shared.table.transactions import Transaction
from shared.wiring.base import store
from tests.support.aws import Stack
from tests.support.memory_table import MemoryTable
from tests.support.tenant_guard import acting_for, as_operator

SPACE = "T#t1#MEMORY#"
CONDITIONS: list[tuple[str | None, Item]] = [
    (None, {}),
    ("attribute_not_exists(PK)", {}),
    ("attribute_not_exists(PK) OR version < :version", {":version": {"N": "5"}}),
    ("version = :before AND attribute_not_exists(part)", {":before": {"N": "3"}}),
    (
        "(version = :before AND part = :part) OR (label = :label)",
        {":before": {"N": "3"}, ":part": {"N": "1"}},
    ),
]


class Overtaken(ConcurrentChange):
    pass


def draw_call(chosen: random.Random) -> Callable[[Store], Any]:
    """Return a random call of a Store, with its arguments."""
    partition = f"{SPACE}{chosen.choice('ab')}"
    key = {"PK": {"S": partition}, "SK": {"S": chosen.choice(["a", "b", "ba", "c#1", "é"])}}
    other = {"PK": {"S": partition}, "SK": {"S": "z"}}
    item = {**key, "version": {"N": str(chosen.randint(1, 9))}, "label": {"S": chosen.choice("xy")}}
    if chosen.random() < 0.3:
        item["part"] = {"N": str(chosen.randint(1, 2))}
    condition, values = chosen.choice(CONDITIONS)
    values = {**values, ":label": {"S": "x"}} if condition and ":label" in condition else dict(values)

    def refusal(found: Item | None) -> Exception:
        error = Overtaken()
        error.args = (repr(sorted((found or {}).items())),)
        return error

    def put(store: Store) -> Any:
        return store.put(item, condition=condition, values=values or None)

    def update(store: Store) -> Any:
        return store.update(key, expression, {**values, ":next": {"N": "7"}}, condition=condition)

    def commit(store: Store) -> Any:
        transaction = Transaction()
        transaction.put(item, condition=condition, values=values or None, refusal=refusal)
        transaction.update(other, "ADD amount :d", {":d": {"N": "2"}})
        return store.commit(transaction)

    def remove(store: Store) -> Any:
        transaction = Transaction()
        transaction.delete(key, condition=condition, values=values or None, refusal=refusal)
        if condition is not None:
            transaction.check(other, condition="attribute_not_exists(PK)", values={}, refusal=refusal)
        return store.commit(transaction)

    def write_many(store: Store) -> Any:
        return store.write_many(put=[item], delete=[other])

    def query(store: Store) -> Any:
        how: dict[str, Any] = {"descending": descending, "limit": limit}
        how |= chosen_range
        return store.query(partition, **how)

    descending, limit = chosen.random() < 0.5, chosen.randint(1, 4)
    expression = chosen.choice(["SET part = :next", "SET part = if_not_exists(part, :next), extra = :next"])
    chosen_range = chosen.choice([{}, {"prefix": "b"}, {"between": ("a", "c")}, {"after": "b"}])
    reads: list[Callable[[Store], Any]] = [
        query,
        lambda store: store.get(key),
        lambda store: store.get_many([key, other]),
        lambda store: store.skip(partition, limit, descending=descending)[0],
    ]
    return chosen.choice([put, update, commit, remove, write_many, *reads])


@pytest.mark.parametrize("seed", range(3))
def test_every_call_has_the_same_answer_and_leaves_the_same_table(aws_stack: Stack, seed: int) -> None:
    chosen = random.Random(seed)
    table = MemoryTable()
    memory, real = Store(table, "table", sleep=lambda seconds: None), store()
    with acting_for("t1"):
        for number in range(150):
            call = draw_call(chosen)
            assert result_of(call, memory) == result_of(call, real), f"call {number}"
    with as_operator():
        items = aws_stack.client("dynamodb").scan(TableName=aws_stack.table_name)["Items"]
    assert sorted(map(as_text, table.all())) == sorted(
        as_text(one) for one in items if one["PK"]["S"].startswith(SPACE)
    )


def result_of(call: Callable[[Store], Any], store: Store) -> Any:
    try:
        return call(store)
    except (ConcurrentChange, ClientError) as refused:
        return type(refused).__name__, str(refused.args)


def as_text(item: Item) -> str:
    return repr(sorted(item.items()))


def test_more_than_a_call_may_hold_is_refused() -> None:
    keys = [{"PK": {"S": SPACE}, "SK": {"S": str(number)}} for number in range(101)]
    with pytest.raises(ClientError):
        MemoryTable().batch_get_item(RequestItems={"table": {"Keys": keys}})
    requests = [{"DeleteRequest": {"Key": key}} for key in keys[:26]]
    with pytest.raises(ClientError):
        MemoryTable().batch_write_item(RequestItems={"table": requests})
