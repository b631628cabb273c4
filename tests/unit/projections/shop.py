"""A tenant's contact in a table in memory, and workers on its projections, to interleave their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from shared.domain.events import Event, compare_fields
from shared.domain.records import BOOKKEEPING
from shared.projections.comparison import find_discrepancies
from shared.projections.engine import Projection
from shared.projections.leftover_rows import LeftoverRows
from shared.projections.purged_entries import PurgedEntries
from shared.projections.sweeping import SweptProjection
from shared.services.contacts.purge import Purge
from shared.services.side_by_side import SideBySide
from shared.table.contacts.items import contact_from_item
from shared.table.contacts.purge import PurgeTable
from shared.table.event_items import event_to_item
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.store import Store
from tests.support.interleaving import Schedule, Turns
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ID = "01996f3a-7c00-7000-8000-000000000001"
KEY = contact_keys.contact(TENANT, ID)
PURGED_AT = "2026-06-30T12:00:00.000Z"


def contact(version: int, **fields: Any) -> Item:
    """Return a contact's item at a version."""
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

_T = TypeVar("_T")


class OneByOne(SideBySide):
    """Does one task after the other, so that a worker's calls have one order."""

    def run(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        return [task() for task in tasks]


class TakingTurns(SideBySide):
    """Does tasks side by side, as parts of the worker whose turn it is."""

    def run(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        turns = Shop.running.turns
        return turns.divide(tasks) if turns is not None and len(tasks) > 1 else [task() for task in tasks]


class _Due(PurgeTable):
    """The table of a contact that is due: the index that says so is not in the table in memory."""

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        yield TENANT, ID


def _is_of_record(change: tuple[Item | None, Item | None]) -> bool:
    return any(item is not None and contact_keys.is_contact(item) for item in change)


def _image(old: Item | None, new: Item | None) -> Item:
    if new is not None:
        return new
    assert old is not None
    return {**old, "version": {"N": str(int(old["version"]["N"]) + 1)}}


def history(*images: Item) -> list[Item]:
    """Return the events of a contact that went through states."""
    written: list[Item] = []
    before: dict[str, Any] = {}
    for number, image in enumerate(images):
        content = {
            name: value
            for name, value in contact_from_item(image).__dict__.items()
            if name not in BOOKKEEPING
        }
        event = Event(
            id=f"01996f3a-7c00-7000-8000-00000000010{number}",
            type="contact.updated",
            entity="contact",
            entity_id=ID,
            at=image["updated_at"]["S"],
            actor="user:u1",
            origin="api",
            version=int(image["version"]["N"]),
            changes=compare_fields(before, content),
        )
        written.append(event_to_item(TENANT, event))
        before = content
    return written


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
    """A table with a contact in its last state, of whose states the projections show those in `projected`. `running`:
    the shop whose workers run, or ran last. `turns`: their turns while they run.
    """

    running: Shop

    def __init__(
        self,
        record: Item | None,
        projected: Batches = (),
        *,
        events: Sequence[Item] = (),
        projection: type[Projection] = Projection,
        calls: SideBySide | None = None,
    ) -> None:
        self.table = MemoryTable(self._before_call)
        self._projection, self._calls = projection, calls or OneByOne(1)
        self.turns: Turns | None = None
        self._answers: dict[int, int] = {}
        for item in (*_prepared(record, projected), *events):
            self.table.put(item)

    def store(self) -> Store:
        return Store(self.table, "table", sleep=lambda seconds: None)

    def projection(self) -> Projection:
        """Return a projection of its own, with a store of its own."""
        return self._projection(self.store(), calls=self._calls)

    def projector(self, batches: Batches) -> Callable[[], None]:
        """Return a worker that projects batches, one after the other."""

        def work() -> None:
            projection = self.projection()
            for batch in batches:
                projection.project(batch)

        return work

    def sweeper(self) -> Callable[[], None]:
        """Return a worker that does with the contact what the sweep does."""

        def work() -> None:
            projection = SweptProjection(self.store(), self.projection())
            projection.resume()
            for record in projection.find_outdated([KEY]):
                projection.reproject(record)

        return work

    def purger(self) -> Callable[[], None]:
        """Return a worker that purges the contact, and then projects the stream's record of that."""

        def work() -> None:
            start = len(self.table.stream)
            outside = (PurgedEntries(self.projection()),)
            leftover_rows = LeftoverRows(self.store())
            Purge(_Due(self.store(), outside), leftover_rows=leftover_rows, now=lambda: PURGED_AT).run()
            changes = [pair for pair in self.table.stream[start:] if _is_of_record(pair)]
            for old, new in changes:
                self.projection().project([_image(old, new)], replaced=[old] if old else [])

        return work

    def run(
        self,
        workers: Sequence[Callable[[], None]],
        schedule: Schedule = (),
        kills: dict[int, int] | None = None,
    ) -> Turns:
        turns = self.turns = Turns(workers, schedule, kills=kills, state=self._state)
        self._answers = dict.fromkeys(range(len(workers)), 0)
        self._notes = dict.fromkeys(range(len(workers)), 0)
        Shop.running = self
        self.table.on_answer = self._note
        turns.run()
        self.turns = None
        return turns

    def note_id(self) -> str:
        """Return an id for a note: the same for the same worker in every run, so that runs can reach the same state."""
        turn = self.turns.turn if self.turns is not None else -1
        self._notes[turn] = self._notes.get(turn, 0) + 1
        return f"{turn}-{self._notes[turn]}"

    def _before_call(self, operation: str) -> None:
        if self.turns is not None:
            self.turns.take()

    def _note(self, answer: object) -> None:
        if self.turns is not None:
            turn = self.turns.turn
            self._answers[turn] = hash((self._answers.get(turn, 0), repr(answer)))

    def _state(self) -> object:
        return self.table.digest, tuple(sorted(self._answers.items()))

    def differences(self) -> tuple[Any, Any]:
        """Return the discrepancies between the projections and the record."""
        if self.table.digest not in _COMPARED:  # most runs end in the same state
            _COMPARED[self.table.digest] = find_discrepancies(TENANT, self.table.all())
        return _COMPARED[self.table.digest]


_COMPARED: dict[int, tuple[Any, Any]] = {}
