"""Publishers and the sweep over a table in memory, to interleave their calls and to kill them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.domain import timestamps
from shared.domain.events import Event
from shared.domain.feed import FeedEntry
from shared.domain.ids import derived_id
from shared.publishing.publisher import Publisher, PublishResult
from shared.publishing.sweep import SweepReport, sweep
from shared.table.event_items import event_to_item
from shared.table.feed.appending import FeedAppender
from shared.table.feed.known import KnownEntries
from shared.table.feed.outbox import EventTable
from shared.table.feed.reading import FeedTable
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store
from tests.support.interleaving import Schedule, Turns
from tests.support.memory_table import MemoryTable

NOW = "2026-05-04T12:00:00.000Z"


def event_item(record: str, version: int, written_at: str, *, tenant_id: str = "t") -> Item:
    """Return the item of the event of a version of a contact; it follows that of the version before."""
    event = Event(
        id=_id_of(record, version),
        type="contact.updated" if version > 1 else "contact.created",
        entity="contact",
        entity_id=record,
        at=written_at,
        actor="user:u1",
        origin="api",
        version=version,
        changes={"interaction_count": (version, version + 1)} if version % 2 else {"company": ("a", "b")},
    )
    item = event_to_item(tenant_id, event, follows=_id_of(record, version - 1) if version > 1 else "")
    return item | event_keys.outbox(event.id, written_at)


def _id_of(record: str, version: int) -> str:
    return derived_id(timestamps.to_milliseconds(NOW), record, str(version))


class Topic:
    """SNS: accepts events, except some of them for as long as they are `refused`."""

    def __init__(self, before_call: Callable[[], None]) -> None:
        self.accepted: list[str] = []
        self.refused: set[str] = set()
        self._before_call = before_call

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Sequence[dict[str, Any]]) -> Any:
        self._before_call()
        failed = []
        for entry in PublishBatchRequestEntries:
            event_id = json.loads(entry["Message"])["id"]
            if event_id in self.refused:
                failed.append({"Id": entry["Id"]})
            else:
                self.accepted.append(event_id)
        return {"Failed": failed}


class _Projections:
    """Projections that never lag behind."""

    def find_outdated(self, records: list[Key]) -> list[Key]:
        return []

    def reproject(self, record: Key) -> None:
        raise AssertionError


class Publications:
    """The events of some items in the table, and those who publish them.

    Each call of the table and of SNS takes a turn of `turns`, if that is set.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self.turns: Turns | None = None
        self.table = MemoryTable(before_call=lambda _: self._take())
        self.table.on_answer = self._note
        self.topic = Topic(self._take)
        self.items = {event_keys.id_of(item): item for item in items}
        for item in self.items.values():
            self.table.put(item)
        first = min((item["WSK"]["S"] for item in self.items.values()), default=NOW)
        self.table.put({**event_keys.SWEEP_CHECKPOINT, "checked_until": {"S": timestamps.of_position(first)}})
        self.store = Store(self.table, "table", sleep=lambda _: None)
        self._answers: dict[int, int] = {}

    def process(self) -> Process:
        """Return a new process, which knows nothing yet."""
        return Process(self)

    def run(
        self,
        workers: Sequence[Callable[[], object]],
        schedule: Schedule = (),
        kills: dict[int, int] | None = None,
    ) -> Turns:
        """Run workers whose calls interleave; `schedule` and `kills` are those of Turns."""
        done = [lambda work=work: (work(), None)[1] for work in workers]
        turns = self.turns = Turns(done, schedule, kills=kills, state=self._state)
        turns.run()
        self.turns = None
        return turns

    def entries(self, tenant_id: str = "t") -> list[FeedEntry]:
        """Return all entries of a feed as a reader sees them, and check what every feed must hold."""
        entries = FeedTable(self.store, tenant_id).read(0, 10_000)
        assert [entry.position for entry in entries] == list(range(1, len(entries) + 1)), "without a gap"
        assert len({entry.id for entry in entries}) == len(entries), "each event once"
        times = [entry.published_at for entry in entries]
        assert times == sorted(times), "times of publication never decrease"
        versions: dict[str, int] = {}
        for entry in entries:
            assert versions.get(entry.entity_id, 0) < entry.version, "versions in their order"
            versions[entry.entity_id] = entry.version
        assert {entry.id for entry in entries} <= set(self.topic.accepted), (
            "nothing is in a feed that is not out"
        )
        return entries

    def _take(self) -> None:
        if self.turns is not None:
            self.turns.take()

    def _note(self, answer: object) -> None:
        if self.turns is not None:
            turn = self.turns.turn
            self._answers[turn] = hash((self._answers.get(turn), repr(answer)))

    def _state(self) -> object:
        return self.table.digest, tuple(self.topic.accepted), tuple(sorted(self._answers.items()))


class Process:
    """A process of a function, with what it remembers from one call to the next."""

    def __init__(self, world: Publications) -> None:
        self._world = world
        self._known = KnownEntries(world.store)
        self._publisher = Publisher(
            world.topic,
            "topic",
            FeedAppender(world.store, self._known, sleep=lambda _: None, clock=lambda: 0.0),
        )

    def publish(self, *event_ids: str) -> PublishResult:
        """Publish events as the stream brings them: as they were written."""
        return self._publisher.publish([self._world.items[one] for one in event_ids])

    def deliver(self, *event_ids: str) -> None:
        """Publish events as the stream does: from the first that failed on again, a few times."""
        left = list(event_ids)
        for _ in range(3):
            result = self.publish(*left)
            if not (failed := result.failed | result.unreadable):
                return
            left = left[min(failed) :]

    def sweep(self, now: str = NOW) -> SweepReport:
        """Sweep once."""
        return sweep(EventTable(self._world.store, self._known), self._publisher, _Projections(), now=now)
