"""The emulator answers queries as it did before its reading of partitions was replaced."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from ministack.services import dynamodb

from local import emulator_parts, emulator_queries
from local.emulator_queries import Partitions
from local.sources import ROOT

REQUESTS = 4_000
TABLE = "Table"
ALPHABET = "ab#~é\U0010ffff"
Answer = tuple[int, Any]


def parsed(answer: Any) -> Answer:
    status, _headers, body = answer
    return status, json.loads(body)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the new parts in the place of the emulator's, for the test."""
    for name in ("_query", "_evaluate_condition", "_tokenize", "_condition_syntax_error"):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    emulator_queries.install()


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], Answer]]:
    """The query as it was; the emulator has the new one, and a table."""
    old = dynamodb._query
    install(monkeypatch)
    dynamodb.reset()
    status, _ = parsed(
        dynamodb._create_table(
            {
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [
                    {"AttributeName": "PK", "KeyType": "HASH"},
                    {"AttributeName": "SK", "KeyType": "RANGE"},
                ],
                "AttributeDefinitions": [
                    {"AttributeName": "PK", "AttributeType": "S"},
                    {"AttributeName": "SK", "AttributeType": "S"},
                ],
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            }
        )
    )
    assert status == 200
    yield lambda data: parsed(old(data))
    dynamodb.reset()


class Requests:
    """Requests of every kind, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def text(self, least: int = 1) -> str:
        return "".join(self.chance.choices(ALPHABET, k=self.chance.randint(least, 4)))

    def key(self) -> dict[str, Any]:
        return {"PK": {"S": self.chance.choice(("p", "q"))}, "SK": {"S": self.text()}}

    def item(self) -> dict[str, Any]:
        return {**self.key(), "n": {"N": str(self.chance.randint(0, 9))}}

    def write(self) -> Any:
        kind = self.chance.randrange(6)
        if kind == 0:
            return dynamodb._delete_item({"TableName": TABLE, "Key": self.key()})
        if kind == 1:
            return dynamodb._update_item(
                {
                    "TableName": TABLE, "Key": self.key(), "UpdateExpression": "SET #n = :n",
                    "ExpressionAttributeNames": {"#n": "n"}, "ExpressionAttributeValues": {":n": {"N": "7"}},
                }
            )  # fmt: skip
        if kind == 2:
            items = {json.dumps(one["SK"]): one for one in (self.item() for _ in range(5))}.values()
            requests = [{"PutRequest": {"Item": one}} for one in items]
            return dynamodb._batch_write_item({"RequestItems": {TABLE: requests}})
        if kind == 3:
            put = {"Put": {"TableName": TABLE, "Item": self.item()}}
            return dynamodb._transact_write_items({"TransactItems": [put]})
        return dynamodb._put_item({"TableName": TABLE, "Item": self.item()})

    def query(self) -> dict[str, Any]:
        pick = self.chance.choice
        values: dict[str, Any] = {":p": {"S": pick(("p", "q", "none"))}}
        condition = pick(("PK = :p", "#pk = :p", ":p = PK", "(PK = :p)"))
        sort = pick(
            (
                None, "begins_with(SK, :a)", "SK BETWEEN :a AND :b", "SK = :a", "SK < :a", "SK <= :a", "SK > :a",
                "SK >= :a", ":a < SK", "#sk >= :a", "(SK > :a)", "begins_with(#sk, :a)", "SK <> :a", "n = :a",
            )
        )  # fmt: skip
        if sort is not None:
            low, high = sorted((self.text(), self.text()))
            if self.chance.random() < 0.02:
                low, high = high, low
            values[":a"] = {"S": low} if self.chance.random() < 0.97 else {"N": "1"}
            if ":b" in sort:
                values[":b"] = {"S": high}
            condition = f"{condition} AND {sort}" if self.chance.random() < 0.8 else f"{sort} AND {condition}"
        data: dict[str, Any] = {
            "TableName": TABLE, "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
        }  # fmt: skip
        names = {name: name[1:].upper() for name in ("#pk", "#sk") if name in condition}
        if self.chance.random() < 0.3:
            values[":n"] = {"N": "5"}
            names["#n"] = "n"
            data["FilterExpression"] = "#n > :n"
        if names:
            data["ExpressionAttributeNames"] = names
        if self.chance.random() < 0.5:
            data["ScanIndexForward"] = self.chance.random() < 0.5
        if self.chance.random() < 0.5:
            data["Limit"] = self.chance.randint(0, 6)
        if self.chance.random() < 0.3:
            data["ExclusiveStartKey"] = {"PK": values[":p"], "SK": {"S": self.text()}}
        if self.chance.random() < 0.1:
            data["Select"] = "COUNT"
        return data


@pytest.mark.parametrize("seed", range(2))
def test_queries_are_answered_as_before(before: Callable[[dict[str, Any]], Answer], seed: int) -> None:
    """Writes of every kind between queries of every kind, malformed ones among them."""
    requests, answered = Requests(seed), 0
    for _ in range(REQUESTS // 2):
        if requests.chance.random() < 0.5:
            requests.write()
            continue
        data = requests.query()
        expected = before(data)
        assert parsed(dynamodb._query(data)) == expected, data
        answered += expected[0] == 200 and expected[1]["Count"] > 0
    assert isinstance(dynamodb._tables[TABLE]["items"], Partitions)
    assert answered > REQUESTS // 20


def test_an_expression_that_is_read_again_is_read_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (
        "PK",
        "#n",
        ":v",
        "=",
        "<>",
        "<",
        ">=",
        "AND",
        "OR",
        "NOT",
        "BETWEEN",
        "IN",
        "(",
        ")",
        ",",
        ".",
        "[0]",
    )
    parts += ("attribute_not_exists(PK)", "begins_with", "size", "\u00e9", "?", " ")
    chance = random.Random(1)
    texts = [
        "".join(chance.choices([*parts, *(f" {part} " for part in parts)], k=chance.randint(0, 9)))
        for _ in range(3000)
    ]
    texts += [
        f"{left} {sign} :v AND attribute_exists(#n)" for left in ("a", "#b") for sign in ("=", "<", "<>")
    ]

    def read(text: str) -> list[Any]:
        results: list[Any] = []
        for function in (
            dynamodb._tokenize,
            lambda one: dynamodb._condition_syntax_error(one, "FilterExpression"),
        ):
            try:
                results.append(function(text))
            except Exception as error:  # noqa: BLE001 (which one is compared)
                results.append((type(error), str(error)))
        return results

    expected = [read(text) for text in texts]
    install(monkeypatch)
    for text in texts:
        tokens = read(text)[0]
        if isinstance(tokens, list):
            tokens.clear()  # as a reader may that takes them one by one
    assert [read(text) for text in texts] == expected
    assert sum(isinstance(tokens, list) and error is None for tokens, error in expected) > 20


def test_pages_follow_one_another_as_before(before: Callable[[dict[str, Any]], Answer]) -> None:
    """Pages of 1 MB, in both directions."""
    for number in range(40):
        item = {"PK": {"S": "p"}, "SK": {"S": f"{number:03}"}, "text": {"S": "x" * 100_000}}
        assert dynamodb._put_item({"TableName": TABLE, "Item": item})[0] == 200
    for forward in (True, False):
        start, pages = None, 0
        while True:
            data: dict[str, Any] = {
                "TableName": TABLE, "KeyConditionExpression": "PK = :p AND SK >= :a", "ScanIndexForward": forward,
                "ExpressionAttributeValues": {":p": {"S": "p"}, ":a": {"S": "003"}},
            }  # fmt: skip
            if start:
                data["ExclusiveStartKey"] = start
            status, page = parsed(dynamodb._query(data))
            assert (status, page) == before(data)
            pages += 1
            start = page.get("LastEvaluatedKey")
            if not start:
                break
        assert pages == 4


def test_what_is_saved_is_plain_data(before: Callable[[dict[str, Any]], Answer]) -> None:
    """A table that was queried is saved and restored as any other."""
    requests = Requests(3)
    for _ in range(50):
        requests.write()
    data = {
        "TableName": TABLE, "KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}
    }  # fmt: skip
    expected = parsed(dynamodb._query(data))
    saved = dynamodb.get_state()
    [items] = [table["items"] for table in saved["tables"].all_values()]
    assert type(items) is dict and {type(one) for one in items.values()} == {dict}
    dynamodb.reset()
    dynamodb.load_persisted_state(saved)
    assert parsed(dynamodb._query(data)) == expected == before(data)


def test_another_version_of_the_emulator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator_parts.check_version()
    monkeypatch.setattr(emulator_parts, "version", lambda _: "1.5.34")
    with pytest.raises(SystemExit, match=r"1\.5\.34"):
        emulator_parts.check_version()


def test_the_version_is_the_locked_one() -> None:
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    assert f"\nministack=={emulator_parts.VERSION} " in lock
    assert version("ministack") == emulator_parts.VERSION
