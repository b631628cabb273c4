"""Rows of one file that share an address: the earlier row goes first, however the import runs and however often."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.domain.imports.tasks import ImportTask
from shared.services.imports import grouping
from shared.wiring.imports import import_chunks
from shared.wiring.kept import reset_wiring
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.faults import Killed, KillPoint, assert_same_after_kills, call, injecting, kill_before
from tests.support.tenant_guard import acting_for

# Rows 1, 5, 8 and 12 share `a`; row 7 links the groups of `b` (2, 9) and `c` (3); `known` is a contact before.
FILE = """Email,E-mail 2,First Name,Company,Tags
a@example.com,,A,First,one
b@example.com,,B,,
c@example.com,,C,Later C,
known@example.com,,Known,Changed,two
A@Example.com,,A again,Second,two
,,No address,,
d@example.com,b@example.com; c@example.com,D,Linked,three
a@example.com,e@example.com,A third,Third,
b@example.com,,B again,Changed B,
KNOWN@example.com,,Known again,Changed again,
f@example.com,,F,,
<a@example.com>,,A fourth,Fourth,four
bad,,Bad,,
g@example.com,e@example.com,G,Through row 8,
"""
ROWS = 14
MODES = ("skip", "update", "merge")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)


def prepare(world: World, mode: str) -> DropFolder:
    """Put the file, and let the tenant's imports treat duplicates as `mode` says."""
    inbox = DropFolder(world)
    if not inbox.keys():
        answer = world.send(
            "PATCH", "/settings", {"import_defaults": {"on_duplicate": mode}}, token=world.t1.admin
        )
        assert answer.status == 200, answer.text
        world.create("known@example.com", company="Before")
        inbox.put(FILE)
    return inbox


def outcome(world: World) -> Any:
    """Return what must be the same however the import went."""
    inbox = DropFolder(world)
    world.content.assert_whole()
    (shown,) = inbox.imports()
    contacts = {contact["id"]["S"]: contact for contact in world.content.contacts}
    emails = {one: contact["email"]["S"] for one, contact in contacts.items()}
    return (
        shown["state"],
        shown["counts"],
        [
            (row["row_number"], row["outcome"], emails.get(row["contact_id"]), row["reason_code"])
            for row in inbox.results(shown)
        ],
        sorted(
            (emails[one], contact.get("company"), contact["first_name"], contact.get("other_emails"))
            for one, contact in contacts.items()
        ),
        inbox.keys("parts/"),
    )


def run_in_order(world: World, mode: str) -> None:
    inbox = prepare(world, mode)
    inbox.deliver(inbox.event_of("tenants/T1/inbox/people.csv"))
    inbox.work()
    assert not inbox.put_back


def run_in_disorder(world: World, mode: str, chosen: random.Random) -> None:
    """Work on the chunks in any order, on each of them two or three times, half of which are killed after their writes
    and before they are counted; at last, in the usual way."""
    inbox = prepare(world, mode)
    event = inbox.event_of("tenants/T1/inbox/people.csv")
    inbox.deliver(event)
    tasks = [ImportTask(**message) for message in inbox.waiting()]
    assert len(tasks) >= 3
    repeated = [task for task in tasks for _ in range(chosen.choice((2, 3)))]
    chosen.shuffle(repeated)
    killed = {task.id for task in tasks}
    with acting_for("T1"):
        for task in repeated:
            if task.id in killed and chosen.random() < 0.5:
                with injecting(kill_before(call("s3", "PutObject"), at=1)), pytest.raises(Killed):
                    import_chunks().run(task)
            else:
                killed.discard(task.id)
                import_chunks().run(task)
    inbox.deliver(event)
    inbox.work()


@pytest.mark.parametrize("mode", MODES)
def test_the_order_in_which_chunks_are_worked_on_changes_nothing(worlds: Worlds, mode: str) -> None:
    with worlds() as usual:
        run_in_order(usual, mode)
        expected = outcome(usual)
    by_row = {int(row): fate for row, fate, *_ in expected[2]}
    assert [by_row[row] for row in (1, 2, 6, 13)] == ["created", "created", "failed", "failed"]
    assert sum(expected[1][name] for name in expected[1] if name not in ("rows", "warnings")) == ROWS
    for seed in range(4):
        with worlds() as world:
            run_in_disorder(world, mode, random.Random(seed))
            assert outcome(world) == expected, f"seed {seed}"


@pytest.mark.parametrize("mode", ["skip", "merge"])
def test_the_same_rows_in_another_file_change_nothing(world: World, mode: str) -> None:
    run_in_order(world, mode)
    before = {item["id"]["S"]: item["version"]["N"] for item in world.content.contacts}
    inbox = DropFolder(world)
    inbox.deliver(inbox.put(FILE, "again.csv"))
    inbox.work()
    (again,) = [one for one in inbox.imports() if one["file_name"] == "again.csv"]
    assert (again["state"], again["counts"]["created"], again["counts"]["rows"]) == ("completed", 0, ROWS)
    assert {item["id"]["S"]: item["version"]["N"] for item in world.content.contacts} == before


def test_check_80_killed_at_fifty_points_an_import_ends_with_exact_totals(worlds: Worlds) -> None:
    """Also check 13: before and after any call, in an import that creates, updates, skips and fails rows."""

    make, _ = worlds.prepared(lambda world: prepare(world, "update"))
    with make() as unharmed:
        run_in_order(unharmed, "update")
        _, counts, *_ = outcome(unharmed)
        assert min(counts[name] for name in ("created", "updated", "failed")) >= 1

    def sample(points: list[KillPoint]) -> list[KillPoint]:
        return random.Random(80).sample(points, 50)

    def work(world: World) -> None:
        inbox = DropFolder(world)
        inbox.deliver(inbox.event_of("tenants/T1/inbox/people.csv"))
        inbox.work()

    assert assert_same_after_kills(make, work, outcome, both_sides=True, sample=sample) == 50


def test_a_file_is_split_into_the_same_chunks_whatever_the_tenant_changes_meanwhile(world: World) -> None:
    """check 13"""
    inbox = prepare(world, "skip")
    event = inbox.event_of("tenants/T1/inbox/people.csv")
    written = call("dynamodb", "UpdateItem")  # of the totals
    with injecting(kill_before(written, at=1)), pytest.raises(Killed):
        inbox.deliver(event)
    inputs = {key: inbox.object(key) for key in inbox.keys("parts/")}
    assert len(inputs) >= 3
    given = {"default_country": "DE", "unique_scope": "customer"}
    assert world.send("PATCH", "/settings", given, token=world.t1.admin).status == 200
    reset_wiring()
    inbox.deliver(event)
    assert {key: inbox.object(key) for key in inbox.keys("parts/")} == inputs
    assert inbox.latest()["counts"]["rows"] == ROWS


def test_rows_beyond_the_limit_of_a_group_fail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "GROUP_ROWS", 4)
    inbox = DropFolder(world)
    shown = inbox.run("email\n" + "a@example.com\n" * 6 + "b@example.com\n")
    rows = inbox.results(shown)
    assert [(row["outcome"], row["reason_code"]) for row in rows] == [
        ("created", ""),
        *[("skipped", "duplicate_in_file")] * 3,
        *[("failed", "too_many_alike")] * 2,
        ("created", ""),
    ]
    assert (shown["counts"]["rows"], shown["counts"]["failed"]) == (7, 2)


def test_a_file_with_too_many_linked_rows_fails_before_any_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "MOST_LINKS", 0)
    inbox = DropFolder(world)
    shown = inbox.run(FILE)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "too_many_linked_rows")
    assert world.content.contacts == []
