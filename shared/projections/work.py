"""The work for one record: from what a batch says of it and what its projections hold, to the rows and
facets that change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from shared.projections.kinds import kind as kinds
from shared.projections.kinds.contacts import Facet
from shared.table import keys
from shared.table.store import Item

Place = tuple[str, str]


@dataclass(slots=True)
class Change:
    """All that a batch says of one record.

    `images`: its items in their order; the last is what is to be shown. `replaced`: items that were overwritten,
    whose own change may never have come through.
    """

    images: list[Item] = field(default_factory=list)
    replaced: list[Item] = field(default_factory=list)

    @property
    def last(self) -> Item:
        return self.images[-1]

    @property
    def row(self) -> keys.Key:
        """The key of its list row."""
        return kinds.list_row_of(self.last)

    @property
    def version(self) -> int:
        return version_of(self.last)

    @property
    def shown(self) -> Item | None:
        """The image to show, or None for a record that is no longer live."""
        return self.last if kinds.is_live(self.last) else None


@dataclass(frozen=True, slots=True)
class State:
    """The state of a record's projections: its list row, or the trace of its going, or nothing yet."""

    row: Item | None = None
    gone: Item | None = None

    @property
    def version(self) -> int:
        return max(version_of(self.row), version_of(self.gone))

    @property
    def is_undead(self) -> bool:
        """Whether a list row stands although the record went at its version or later: a projector put it there
        that had seen neither.
        """
        return (
            self.row is not None and self.gone is not None and version_of(self.gone) >= version_of(self.row)
        )


class Aim(Enum):
    """The aim of the work on a record's projections."""

    ADVANCE = "to show the change"
    BURY = "to lose a list row that must not be there"
    CONFIRM = "to be as the list row says, and a mark on it, so that whoever is at work looks again"
    CHECK = "to be as the list row says"


@dataclass(slots=True)
class Work:
    """The projection of one record by one projector.

    `touched` and `touched_facets`: all that this projector has written or removed for the record. Until it commits,
    each of them may be another projector's loss. `checks`: whether another one's may be, too, so that all rows are
    compared with the list row. `began_with_nothing`: nothing was there that a commit could be conditional on.
    """

    change: Change
    checks: bool = False
    state: State = State()
    touched: dict[Place, keys.Key] = field(default_factory=dict)
    touched_facets: set[Facet] = field(default_factory=set)
    began_with_nothing: bool = False
    is_settled: bool = False

    @property
    def record_id(self) -> str:
        return str(self.change.last["id"]["S"])

    def has_committed(self) -> None:
        """Note that a transaction has gone through, if it put a list row on the condition alone that none was there."""
        if self.state == State() and self.shown is not None:
            self.began_with_nothing = True

    @property
    def aim(self) -> Aim | None:
        """The aim in this state; None when there is nothing to do."""
        if self.state.version < self.change.version:
            return Aim.ADVANCE
        if self.state.is_undead:
            return Aim.BURY
        if self.touched or self.touched_facets or self.is_overtaken:
            return Aim.CONFIRM
        if self.checks or self._is_repeated:
            return Aim.CHECK
        return None

    @property
    def is_overtaken(self) -> bool:
        """Whether the record has gone further than this batch: the batch may have come before, to a projector that
        was killed between what it wrote and what it would have mended.
        """
        return self.state.version > self.change.version

    @property
    def _is_repeated(self) -> bool:
        """Whether a part of the batch may have come by itself before, to such a projector."""
        return any(version_of(image) < self.state.version for image in self.change.images[:-1])

    @property
    def compares(self) -> bool:
        """Whether rows are put right by the list row, and not by what the batch says."""
        return self.aim in (Aim.CONFIRM, Aim.CHECK)

    @property
    def reads(self) -> bool:
        """Whether rows are read, since they cannot be taken to be as the list row wants them: who was killed on a
        change in between has removed some, and put others.
        """
        skips = self.state.row is not None and self.change.version > version_of(self.state.row) + 1
        return self.compares or skips

    @property
    def shown(self) -> Item | None:
        """The image, or the list row, whose rows and facets there are to be."""
        match self.aim:
            case Aim.ADVANCE:
                return self.change.shown
            case Aim.BURY:
                return None
            case _:
                return self.state.row

    def facets(self) -> tuple[set[Facet], set[Facet]]:
        """The facets in whose lists the record is to be, and those in whose lists it is to be no longer."""
        record = self.change.last
        has, known = kinds.facets(record, self.shown), kinds.facets(record, self.state.row)
        add = has if self.reads else (has - known) | (has & self.touched_facets)
        former = {facet for image in self._former for facet in kinds.facets(record, image)}
        return add, (known | former | self.touched_facets) - has

    def rows(self, tenant_id: str) -> tuple[dict[Place, Item], dict[Place, Item], dict[Place, keys.Key]]:
        """The rows there are to be, those there are by the list row, and the keys of those there must not be."""
        record = self.change.last
        wanted = by_place(kinds.rows(record, tenant_id, self.shown))
        known = by_place(kinds.rows(record, tenant_id, self.state.row))
        unwanted: dict[Place, keys.Key] = dict(self.touched)
        for image in (self.state.row, *self._former):
            for row in kinds.rows(record, tenant_id, image):
                unwanted[place_of(row)] = {keys.PK: row[keys.PK], keys.SK: row[keys.SK]}
        return wanted, known, {place: key for place, key in unwanted.items() if place not in wanted}

    @property
    def _former(self) -> Iterator[Item]:
        """Images of which rows may be left over.

        Of a normal change none: it replaced what the list row shows.
        """
        yield from self.change.images if self.aim is not Aim.ADVANCE else self.change.images[:-1]
        seen = {self.state.version, *map(version_of, self.change.images)}
        yield from (image for image in self.change.replaced if version_of(image) not in seen)


def by_place(rows: Iterable[Item]) -> dict[Place, Item]:
    """Rows by their keys."""
    return {place_of(row): row for row in rows}


def place_of(key: dict[str, Any]) -> Place:
    return key[keys.PK]["S"], key[keys.SK]["S"]


def version_of(item: Item | None) -> int:
    """The version of a record's item, or of what shows it; 0 for none."""
    return int(item["version"]["N"]) if item else 0
