"""Imports from the drop folder to the results file: the functions' handlers and the API, AWS in moto."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.integration.drop_folder import DropFolder
from tests.integration.world import World


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


def test_a_thousand_rows_with_thirty_duplicates_and_twenty_bad_ones_make_950_contacts(inbox: DropFolder) -> None:
    for number in range(10):
        inbox.world.create(f"known{number}@example.com")
    rows = [f"person{number}@example.com,Person {number},+1 415 555 {2000 + number},x" for number in range(950)]
    rows += [f"known{number}@example.com,Known,," for number in range(10)]
    rows += [f"PERSON{number}@Example.com,Again,," for number in range(20)]
    rows += [f"not an address {number},Bad,," for number in range(20)]
    random.Random(2).shuffle(rows)

    shown = inbox.run("Email,First Name,Phone,Other\r\n" + "\r\n".join(rows) + "\r\n")

    assert shown["state"] == "completed"
    assert shown["counts"] == {
        "rows": 1000, "created": 950, "updated": 0, "merged": 0, "skipped": 30, "unchanged": 0, "failed": 20,
    }  # fmt: skip
    results = inbox.results(shown)
    assert Counter(row["outcome"] for row in results) == {"created": 950, "skipped": 30, "failed": 20}
    assert [int(row["row_number"]) for row in results] == list(range(1, 1001))
    content = inbox.world.content
    assert len(content.live) == 960
    content.assert_whole()
