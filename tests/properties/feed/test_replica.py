"""A replica from a snapshot and the feed equals the records, whatever is written and killed meanwhile (check 106)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from shared.services import backoff
from tests.integration.stream_records import records_from
from tests.integration.test_events_of_commits import Doer
from tests.integration.world import World
from tests.properties.feed.replicas import OF_OTHERS, Replica
from tests.support.aws import Stack
from tests.support.budgets import repetitions
from tests.support.faults import Killed, any_call, injecting, kill_after, kill_before, lost_answer, throttle
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer
from tests.support.transport import Layer, intercepting

ROUNDS = 24
CHANGES = 10
"""Random changes in each round, at most."""
AN_HOUR = 3_600.0


class Clock:
    """The time of the whole process, which tests advance."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def advance(self, seconds: float) -> None:
        self.ahead += seconds

    def time_ns(self) -> int:
        return time.time_ns() + round(self.ahead * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    real = {name: getattr(time, name) for name in ("gmtime", "strftime", "monotonic", "time", "sleep")}
    for module in ("timestamps", "ids"):
        moved = SimpleNamespace(**real, time_ns=made.time_ns)
        monkeypatch.setattr(f"shared.domain.{module}.time", moved)
    return made


class Load:
    """Random changes of a tenant, and consumers of the stream that are killed and lose records."""

    def __init__(self, world: World, clock: Clock, chance: random.Random) -> None:
        self.world, self.clock, self.chance = world, clock, chance
        self.doer = Doer("T1", chance)
        self._seen = 0
        self.killed = self.lost = self.undone = 0
        self.open_merges: list[str] = []

    def change(self, least: int = 0) -> None:
        for _ in range(least + self.chance.randrange(CHANGES)):
            self.doer.do()
            if self.chance.random() < 0.2:
                self._merge()
        self.clock.advance(self.chance.choice((0.0, 1.0, 30.0)))

    def _merge(self) -> None:
        """Merge two contacts, or undo the last merge: soon, so that enough contacts are left."""
        if self.open_merges and self.chance.random() < 0.3 * (1 + len(self.open_merges)):
            answer = self.world.send("POST", f"/merges/{self.open_merges[-1]}/undo")
            if answer.status == 200:
                self.open_merges.pop()
                self.undone += 1
        else:
            given = {"survivor_id": self.doer.some("contact"), "merged_ids": [self.doer.some("contact")]}
            answer = self.world.send("POST", "/contacts/merge", given)
            if answer.status == 200:
                self.open_merges.append(answer.json["id"])
        # Refused are deleted contacts, merged ones, and one with itself.
        assert answer.status in (200, 404, 409, 422), answer.text

    def consume(self, *, is_projected: bool = True) -> None:
        """Deliver the new records of the stream to both consumers, each of which may be disturbed or lose them.

        `is_projected`: whether the projector gets them. It does not while it is far behind.
        """
        new = len(records_from(self.world.stack, self._seen))
        records = self.world.telling(self._seen)
        self._seen += new
        for consumer in (self.world.publisher, self.world.projector):
            is_behind = consumer is self.world.projector and not is_projected
            if (
                is_behind or self.chance.random() < 0.15
            ):  # the stream gave up: the sweep finds what is missing
                self.lost += 1
                continue
            with self._disturbed():
                consumer.deliver(records)

    def sweep(self, *, is_disturbed: bool = True) -> None:
        self.clock.advance(200.0)
        try:
            with self._disturbed() if is_disturbed else nullcontext():
                self.world.sweep()
        except Killed:
            self.killed += 1

    def settle(self) -> None:
        """Let everything be published and projected."""
        self.clock.advance(AN_HOUR)
        while self.world.sweep()["published"]:
            self.clock.advance(200.0)

    def _disturbed(self) -> Any:
        at = self.chance.randrange(1, 25)
        fault = self.chance.choice((kill_before, kill_after, throttle, lost_answer))
        return intercepting(Layer.FAULTS, fault(any_call, at=at))


class Consumer:
    """A program that keeps a replica over the API."""

    def __init__(self, world: World, load: Load) -> None:
        self.world, self.load = world, load
        self.replica = Replica(self._read)
        self.after = 0

    def take_snapshot(self) -> None:
        """Find where to begin, and read the lists while they change."""
        self.after = self.world.send("GET", "/events/start").json["position"]
        for kind, path in (("contact", "/contacts?sort=created_at"), ("customer", "/customers")):
            cursor = ""
            while True:
                joint = "&" if "?" in path else "?"
                answer = self.world.send("GET", f"{path}{joint}limit=5{cursor}")
                assert answer.status == 200, answer.text
                for shown in answer.json["items"]:
                    self.replica.put(kind, shown)
                if answer.json["next_cursor"] is None:
                    break
                cursor = f"&cursor={answer.json['next_cursor']}"
                self.load.change()
                self.load.consume()

    def poll(self) -> None:
        """Read the feed to its present end."""
        has_more = True
        while has_more:
            answer = self.world.send("GET", "/events", query={"after": self.after, "limit": 7})
            assert answer.status == 200, answer.text
            for entry in answer.json["items"]:
                self.replica.apply(entry)
            self.after, has_more = answer.json["next_after"], answer.json["has_more"]

    def _read(self, kind: str, record_id: str) -> dict[str, Any] | None:
        answer = self.world.send("GET", f"/{kind}s/{record_id}")
        assert answer.status in (200, 404)
        return answer.json if answer.status == 200 else None


def records_of(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """Return all live contacts and customers as the API shows them, by kind and id."""
    found = {}
    for kind, space in (("contact", "CONTACT"), ("customer", "CUSTOMER")):
        with as_operator():
            ids = [one["id"]["S"] for one in world.content.of("T#T1#", f"{space}$")]
        for record_id in ids:
            answer = world.send("GET", f"/{kind}s/{record_id}")
            if answer.status == 200 and answer.json["id"] == record_id:  # not merged into another one
                found[kind, record_id] = {
                    name: value for name, value in answer.json.items() if name not in OF_OTHERS
                }
    return found


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


@pytest.fixture(params=range(repetitions(2)))
def load(
    request: pytest.FixtureRequest, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Load]:
    monkeypatch.setattr(backoff, "fraction", lambda *_: 0.0)  # no pauses between attempts
    with injecting():
        yield Load(world, clock, random.Random(request.param))


def test_check_106_a_replica_from_a_snapshot_and_the_feed_equals_the_records(
    world: World, load: Load
) -> None:
    """check 106: changes, merges and their undo, killed publishers, projectors and sweeps, lost records; a snapshot in
    the midst of them."""
    late, early = Consumer(world, load), Consumer(world, load)
    for number in range(ROUNDS):
        load.change()
        load.consume()
        if number % 4 == 3:
            load.sweep(is_disturbed=number != ROUNDS // 2 - 1)
        if number == ROUNDS // 2:
            load.change(least=20)
            load.consume(is_projected=False)  # published, and in none of the lists
            late.take_snapshot()
            assert late.after > 0
        if number > ROUNDS // 2:
            late.poll()
        early.poll()
    load.settle()
    records = records_of(world)
    assert len(records) + len(load.open_merges) >= 8  # live ones, and those merged into them
    for consumer in (early, late):
        consumer.poll()
        kept = {
            key: {name: value for name, value in one.items() if name != "is_deleted"}
            for key, one in consumer.replica.records.items()
            if not one["is_deleted"]
        }
        assert kept.keys() == records.keys()
        for key, record in records.items():
            assert {name: kept[key].get(name) for name in record} == record, key
    # The reader from the first position saw each event once, and those of each record in the order of its versions.
    assert early.replica.applied == list(range(1, early.after + 1))
    assert load.lost and load.undone
