"""The size of an item is never below what DynamoDB counts, and not much above it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.table.item import item_size
from shared.table.transactions import Transaction
from tests.support.item_size import item_size as counted_by_the_guide

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)
SCALARS = st.one_of(
    st.fixed_dictionaries({"S": st.text()}),
    st.fixed_dictionaries({"N": NUMBERS}),
    st.fixed_dictionaries({"B": st.binary()}),
    st.fixed_dictionaries({"BOOL": st.booleans()}),
    st.fixed_dictionaries({"NULL": st.just(True)}),
    st.fixed_dictionaries({"SS": st.lists(st.text(min_size=1), min_size=1, unique=True)}),
    st.fixed_dictionaries({"NS": st.lists(NUMBERS, min_size=1, unique=True)}),
    st.fixed_dictionaries({"BS": st.lists(st.binary(min_size=1), min_size=1, unique=True)}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.fixed_dictionaries({"L": st.lists(inner, max_size=4)})
        | st.fixed_dictionaries({"M": st.dictionaries(st.text(), inner, max_size=4)})
    ),
    max_leaves=10,
)
ITEMS = st.dictionaries(st.text(min_size=1), VALUES, max_size=6)


def texts(value: Any) -> int:
    """Return the characters of all numbers in a value, by which the size may be too large."""
    match value:
        case {"N": number}:
            return len(number)
        case {"NS": numbers}:
            return sum(map(len, numbers))
        case {"L": elements}:
            return sum(map(texts, elements))
        case {"M": entries}:
            return sum(map(texts, entries.values()))
    return 0


@given(ITEMS)
def test_a_size_is_never_below_what_dynamodb_counts_and_above_it_only_by_numbers(
    item: dict[str, Any],
) -> None:
    exact = counted_by_the_guide(item)
    assert exact <= item_size(item) <= exact + sum(map(texts, item.values()))


@given(ITEMS)
def test_a_transaction_counts_no_less_than_dynamodb(item: dict[str, Any]) -> None:
    transaction = Transaction()
    transaction.put(item)
    transaction.update({}, "SET a = :a", item)
    assert 2 * counted_by_the_guide(item) <= transaction.size()


def test_a_transaction_counts_what_it_puts_its_keys_and_its_values() -> None:
    key = {"PK": {"S": "p"}, "SK": {"S": "s"}}
    transaction = Transaction()
    transaction.put({**key, "about": {"S": "ü" * 100}})
    transaction.delete({**key, "SK": {"S": "t"}})
    transaction.update({**key, "SK": {"S": "u"}}, "SET a = :a", {":a": {"S": "x" * 50}})
    exact = (6 + 205) + 6 + (6 + 52)
    assert exact <= transaction.size() < exact + 400, "names of parameters and of types are counted too"
