"""The work on one record's projections: from a batch's changes and the present projections to rows and facets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from shared.projections.kinds.kind import NOTHING, Facet, Image, Kind, Projected, version_of
from shared.table.contacts import items as contact_items
from shared.table.item import Item
from shared.table.keys.spelling import Identity, Key, identity_of, key_of


@dataclass(slots=True)
class Change:
    """A batch's changes of one record.

    `images`: its states in their order; the last one is to be shown. `replaced`: states that were overwritten, whose
    own change may never have been projected.
    """

    kind: Kind
    images: list[Image] = field(default_factory=list)
    replaced: list[Image] = field(default_factory=list)

    def image_of(self, item: Item) -> Image:
        """Return a state of the record from its item or its list row."""
        return Image(self.kind, item)

    @property
    def last(self) -> Image:
        return self.images[-1]

    @property
    def row_key(self) -> Key:
        """The key of the record's list row."""
        return self.kind.row_key(self.last.item)

    @property
    def tombstone_key(self) -> Key:
        """The key of the record's tombstone."""
        return self.kind.tombstone_key(self.last.item)

    @property
    def version(self) -> int:
        return self.last.version

    @property
    def shown(self) -> Image | None:
        """The state to show, or None for a record that is no longer live."""
        return self.last if self.last.is_live else None


@dataclass(frozen=True, slots=True)
class State:
    """The present state of a record's projections: its list row, its tombstone, or neither yet."""

    row: Image | None = None
    tombstone: Item | None = None

    @property
    def version(self) -> int:
        return max(self._row_version, version_of(self.tombstone))

    @property
    def has_row_after_removal(self) -> bool:
        """Whether there is a list row although the record was removed at its version or later: it was written by a
        projector that had read neither.
        """
        return (
            self.row is not None
            and self.tombstone is not None
            and version_of(self.tombstone) >= self.row.version
        )

    @property
    def _row_version(self) -> int:
        return self.row.version if self.row is not None else 0


class Aim(Enum):
    """The aim of the work on a record's projections."""

    ADVANCE = "show the change"
    REMOVE = "remove a list row that must not be there"
    CONFIRM = (
        "make all rows agree with the list row, and mark it, so that other projectors at work read again"
    )
    CHECK = "make all rows agree with the list row"


@dataclass(slots=True)
class Work:
    """The projection of one record by one projector.

    `touched` and `touched_facets`: everything that this projector has written or removed for the record. Until it
    commits, each of them may undo the work of another projector. `must_check`: whether another projector may have done
    the same, so that all rows are compared with the list row. `must_apply_key`: whether the tenant's choice of a match
    key is to be applied, even if the list row shows the change's version. `unsettled`: the rows that it, or a killed
    projector, may have written or removed since the markers of shared match keys were compared with them.
    `began_with_nothing`: there was nothing that a commit could be conditional on.
    """

    change: Change
    must_check: bool = False
    must_apply_key: bool = False
    state: State = State()
    touched: dict[Identity, Key] = field(default_factory=dict)
    touched_facets: set[Facet] = field(default_factory=set)
    unsettled: set[Identity] = field(default_factory=set)
    began_with_nothing: bool = False
    is_settled: bool = False

    @property
    def record_id(self) -> str:
        return str(self.change.last.item["id"]["S"])

    @property
    def row_item(self) -> Item | None:
        """The list row as it was read."""
        return self.state.row.item if self.state.row is not None else None

    def mark_committed(self) -> None:
        """Note a committed transaction, if it put a list row only on the condition that there was none."""
        if self.state == State() and self.shown is not None:
            self.began_with_nothing = True

    @property
    def aim(self) -> Aim | None:
        """The aim in the present state; None when there is nothing to do."""
        if self.state.version < self.change.version or self.has_other_key:
            return Aim.ADVANCE
        if self.state.has_row_after_removal:
            return Aim.REMOVE
        if self.touched or self.touched_facets or self.is_overtaken:
            return Aim.CONFIRM
        if self.must_check or self._is_repeated:
            return Aim.CHECK
        return None

    @property
    def has_other_key(self) -> bool:
        """Whether the list row shows the change's version with another match key of the tenant's choice, which is to be
        replaced.
        """
        row, wanted = self.state.row, self.change.shown
        if not self.must_apply_key or row is None or wanted is None or self.state.has_row_after_removal:
            return False
        keys = (image.item.get(contact_items.DUPLICATE_KEY) for image in (row, wanted))
        return row.version == wanted.version and next(keys) != next(keys)

    @property
    def is_overtaken(self) -> bool:
        """Whether the record has changed after this batch: the batch may have been handed before to a projector that
        was killed between its writes and their repair.
        """
        return self.state.version > self.change.version

    @property
    def _is_repeated(self) -> bool:
        """Whether a part of the batch may have been handed before, by itself, to such a projector."""
        return any(image.version < self.state.version for image in self.change.images[:-1])

    @property
    def must_repair(self) -> bool:
        """Whether rows are made to agree with the list row instead of the batch's change."""
        return self.aim in (Aim.CONFIRM, Aim.CHECK)

    @property
    def must_read(self) -> bool:
        """Whether rows are read, since they may differ from what the list row implies: a projector that was killed on
        a change in between has removed some and written others.
        """
        row = self.state.row
        skips_versions = row is not None and self.change.version > row.version + 1
        return self.must_repair or skips_versions

    @property
    def shown(self) -> Image | None:
        """The state that rows, facets and counters are to agree with; None when there are to be none."""
        match self.aim:
            case Aim.ADVANCE:
                return self.change.shown
            case Aim.REMOVE:
                return None
            case _:
                return self.state.row

    @property
    def wanted(self) -> Projected:
        """The contents of the projections that there are to be."""
        shown = self.shown
        if shown is None and self.aim is Aim.ADVANCE:
            return self.change.last.projected  # what a removal leaves
        return projected_of(shown)

    @property
    def known(self) -> Projected:
        """The contents of the projections that there are, according to the list row."""
        return projected_of(self.state.row)

    def facets(self) -> tuple[frozenset[Facet], frozenset[Facet]]:
        """Return the facets whose posting lists must contain the record, and those whose lists must not."""
        wanted, known = self.wanted.facets, self.known.facets
        add = wanted if self.must_read else (wanted - known) | (wanted & self.touched_facets)
        former = {facet for image in self._former for facet in image.projected.facets}
        return add, (known | former | self.touched_facets) - wanted

    def rows(self) -> tuple[dict[Identity, Item], dict[Identity, Item], dict[Identity, Key]]:
        """Return the rows there must be, those there are according to the list row, and the keys of those there must
        not be.
        """
        wanted, known = by_key(self.wanted.rows), by_key(self.known.rows)
        unwanted: dict[Identity, Key] = dict(self.touched)
        unwanted.update((pair, key_of(row)) for pair, row in known.items())
        for image in self._former:
            unwanted.update((identity_of(row), key_of(row)) for row in image.projected.rows)
        return wanted, known, {pair: key for pair, key in unwanted.items() if pair not in wanted}

    def unsettle_all_rows(self) -> None:
        """Note all rows of the known states as unsettled: a projector may have been killed on them before."""
        for image in (*self.change.images, *self.change.replaced, self.state.row):
            self.unsettled.update(map(identity_of, projected_of(image).rows))

    @property
    def _former(self) -> Iterator[Image]:
        """The states whose rows may be left over.

        A normal change has none: it replaces the state that the list row shows.
        """
        yield from self.change.images if self.aim is not Aim.ADVANCE else self.change.images[:-1]
        seen = {self.state.version, *(image.version for image in self.change.images)}
        yield from (image for image in self.change.replaced if image.version not in seen)


def projected_of(image: Image | None) -> Projected:
    """Return the contents of the projections for a state; nothing for None."""
    return image.projected if image is not None else NOTHING


def by_key(rows: Iterable[Item]) -> dict[Identity, Item]:
    """Return rows by their keys."""
    return {identity_of(row): row for row in rows}
