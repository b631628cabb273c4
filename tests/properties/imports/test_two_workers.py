"""Two workers on one chunk at once, in every order in which their calls can interleave, end like one worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared.domain.import_options import ImportOptions
from shared.domain.imports.results import Fate
from shared.domain.imports.rows import ReadRow
from shared.domain.tenant import TenantSettings
from tests.properties.imports.chunk_world import CUSTOMERS, Case, ChunkWorld
from tests.support.budgets import FACTOR
from tests.support.interleaving import Schedule, Turns, explored

KNOWN = [
    {"email": "a@example.com", "company": "Old"},
    {"email": "b@example.com", "other_emails": ["c@example.com"]},
]


def row(email: str, **fields: Any) -> ReadRow:
    number = fields.pop("customer_number", "")
    return ReadRow({"first_name": "New", "email": email, **fields}, customer_number=number)  # type: ignore[typeddict-item]


CASES: Mapping[str, Case] = {
    "new contacts": Case([row("d@example.com"), row("e@example.com"), row("d@example.com")], KNOWN),
    "changed contacts": Case(
        [
            row("a@example.com", company="New", tags=["vip"]),
            row("c@example.com", other_emails=["d@example.com"]),
            row("d@example.com", last_name="Last"),
        ],
        KNOWN,
        ImportOptions(on_duplicate="update"),
    ),
    "contacts that join a customer": Case(
        [
            row("d@example.com", customer_number=CUSTOMERS[0]),
            row("a@example.com", customer_number=CUSTOMERS[0]),
        ],
        KNOWN,
        ImportOptions(on_duplicate="merge"),
    ),
    "values unique within customers": Case(
        [row("d@example.com", phone="+14155552671"), row("e@example.com", phone="+14155552671")],
        KNOWN,
        settings=TenantSettings(unique_scope="customer"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_two_workers_on_one_chunk_write_each_contact_once(name: str) -> None:
    """Also check 13: the second worker may be one whose message was delivered again."""
    case = CASES[name]
    alone = ChunkWorld(case)
    expected, _ = alone.work()
    worlds: list[tuple[ChunkWorld, list[dict[int, Fate]]]] = []

    def run(schedule: Schedule) -> Turns:
        world, fates = ChunkWorld(case), list[dict[int, Fate]]()
        turns = Turns([lambda: fates.append(world.work()[0])] * 2, schedule, state=lambda: world.table.digest)
        world.before_call = lambda operation: turns.take()
        turns.run()
        world.before_call = lambda operation: None
        worlds.append((world, fates))
        return turns

    for schedule, _ in explored(run, switches=2 if FACTOR > 1 else 1):
        world, fates = worlds.pop()
        assert fates == [expected, expected], schedule
        assert world.state() == alone.state(), schedule
        assert world.events() == alone.events(), schedule
        world.assert_whole()
