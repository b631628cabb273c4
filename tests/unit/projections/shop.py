"""A tenant's contact in a table in memory, and workers on its projections: for the interleavings of their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.projections.comparison import differences
from shared.projections.records import Projection
from shared.table import keys
from shared.table.store import Item, Store
from tests.support.interleaving import Schedule, Turns
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ID = "01996f3a-7c00-7000-8000-000000000001"
KEY = keys.contact(TENANT, ID)


def contact(version: int, **fields: Any) -> Item:
    """A contact's item at a version."""
    texts = {"id": ID, "first_name": "Ann", "created_at": "2026-05-04T09:00:00.000Z"}
    texts |= {"updated_at": f"2026-05-04T09:00:0{version}.000Z", "full_name": f"Ann {fields['last_name']}"}
    given = {name: {"S": value} for name, value in {**texts, **fields}.items() if isinstance(value, str)}
    lists = {
        name: {"L": [{"S": one} for one in value]}
        for name, value in fields.items()
        if isinstance(value, list)
    }
    return {**KEY, **given, **lists, "version": {"N": str(version)}}


def alpha(version: int) -> Item:
    return contact(version, last_name="Alpha", email="a@x.org", phone="+14155552671", tag_ids=["vip"])


def beta(version: int) -> Item:
    return contact(version, last_name="Beta", email="b@x.org", tag_ids=["new"])


def gamma(version: int) -> Item:
    return contact(version, last_name="Gamma", email="a@x.org", tag_ids=["new", "vip"])


def deleted(image: Item, version: int) -> Item:
    return {**image, "version": {"N": str(version)}, "deleted_at": {"S": "2026-05-04T10:00:00.000Z"}}


Batches = Sequence[Sequence[Item]]


def _prepared(record: Item | None, projected: Batches) -> list[Item]:
    known = repr((record, projected))
    if known not in _PREPARED:
        table = MemoryTable()
        if record is not None:
            table.put(record)
        for batch in projected:
            Projection(Store(table, "table")).project(batch)
        _PREPARED[known] = table.all()
    return _PREPARED[known]


_PREPARED: dict[str, list[Item]] = {}


class Shop:
    """A table with a contact in its last state, of which `projected` is what the projections show."""

    def __init__(
        self, record: Item | None, projected: Batches = (), *, projection: type[Projection] = Projection
    ) -> None:
        self.table = MemoryTable(self._before_call)
        self.projection = projection
        self._turns: Turns | None = None
        self._answers: dict[int, int] = {}
        for item in _prepared(record, projected):
            self.table.put(item)

    def store(self) -> Store:
        return Store(self.table, "table", sleep=lambda seconds: None)

    def projector(self, batches: Batches) -> Callable[[], None]:
        """A worker that projects batches, one after the other."""

        def work() -> None:
            projection = self.projection(self.store())
            for batch in batches:
                projection.project(batch)

        return work

    def run(
        self,
        workers: Sequence[Callable[[], None]],
        schedule: Schedule = (),
        kills: dict[int, int] | None = None,
    ) -> Turns:
        self._turns = Turns(workers, schedule, kills=kills, state=self._state)
        self._answers = dict.fromkeys(range(len(workers)), 0)
        self.table.on_answer = self._note
        self._turns.run()
        return self._turns

    def _before_call(self, operation: str) -> None:
        if self._turns is not None:
            self._turns.take()

    def _note(self, answer: object) -> None:
        turn = self._turns.turn if self._turns else 0
        self._answers[turn] = hash((self._answers[turn], repr(answer)))

    def _state(self) -> object:
        return self.table.digest, tuple(self._answers.values())

    def differences(self) -> tuple[Any, Any]:
        """What the projections hold otherwise than the record says."""
        if self.table.digest not in _COMPARED:  # most runs end alike
            _COMPARED[self.table.digest] = differences(TENANT, self.table.all())
        return _COMPARED[self.table.digest]


_COMPARED: dict[int, tuple[Any, Any]] = {}
