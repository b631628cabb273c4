"""The use cases of tags, types and groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from shared.domain.callers import Caller
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.ids import Work, new_id
from shared.domain.labels.record import Label
from shared.domain.search import begins, fold
from shared.domain.stamp import Stamp
from shared.domain.text import fold_name
from shared.services.idempotency import Announce, no_key
from shared.services.labels.labelling import LabelRepository
from shared.services.optimistic import IfMatch, change_record
from shared.services.paging import Cursors, Page, read_page

AnyLabel = TypeVar("AnyLabel", bound=Label)


class Counters(Protocol):
    """The number of contacts with a label; see `shared.table.contacts.index.ContactIndex`."""

    def counts_of(self, names: Sequence[str]) -> Sequence[int]: ...


class LabelService(Generic[AnyLabel]):
    """The labels of one kind, as one caller may use them.

    Reading requires `contacts:read`, creating and changing `contacts:write`, and deleting `contacts:delete`. All users
    share tags and types, so changing and deleting them requires level `all`; level `own` covers the groups that the
    caller created.
    """

    def __init__(
        self,
        caller: Caller,
        kind: type[AnyLabel],
        labels: LabelRepository,
        counters: Counters,
        cursors: Cursors,
        *,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._kind = kind
        self._labels = labels
        self._counters = counters
        self._cursors = cursors
        self._sleep = sleep
        self._announce = announce

    def list(self, *, prefix: str | None, limit: int, cursor: str | None) -> Page[AnyLabel]:
        """Return a page of the labels in the order of their names. With `prefix`, it has only labels whose name starts
        with that, compared as searches compare.
        """
        self._caller.require("contacts:read")
        start = prefix or ""
        labels = [one for one in self._labels.current().all_of(self._kind) if begins(one.name, start)]

        def read(count: int, after: str | None) -> Sequence[AnyLabel]:
            return [one for one in labels if after is None or fold_name(one.name) > after][:count]

        page = read_page(
            read,
            lambda label: fold_name(label.name),
            lambda label: label,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope(self._kind.entity, fold(start)),
        )
        return page.with_items(self._count(page.items), len(labels))

    def create(self, given: dict[str, Any], *, work: Work | None = None) -> AnyLabel:
        """Create a label, with ids that `work` derives if it is given. Raises NameTaken, and RuleBroken when there are
        too many labels.
        """
        self._caller.require("contacts:write")
        label, event = self._kind.create(
            given,
            label_id=work.derived_id("label") if work else new_id(),
            stamp=Stamp.now(self._caller, event_id=work.derived_id("label event") if work else None),
        )
        self._announce(label)
        self._labels.add(label, event)
        return label

    def read(self, label_id: str) -> AnyLabel:
        """Return a label."""
        return self._count([self._read(label_id)])[0]

    def change(self, label_id: str, given: dict[str, Any], if_match: IfMatch | None) -> AnyLabel:
        """Change the given fields of a label. Raises NameTaken and VersionMismatch."""
        counted: list[AnyLabel] = []

        def save(before: AnyLabel, after: AnyLabel, event: Event) -> None:
            # Counted before the write, after which the call must no longer fail.
            counted[:] = self._count([after])
            self._labels.replace(before, after, event)

        label = self._write(
            label_id,
            "contacts:write",
            if_match,
            lambda label: label.change(given, stamp=Stamp.now(self._caller)),
            save,
        )
        return counted[0] if counted else self._count([label])[0]

    def delete(self, label_id: str, if_match: IfMatch | None) -> None:
        """Delete a label. Contacts lose it at once."""
        self._write(
            label_id,
            "contacts:delete",
            if_match,
            lambda label: label.delete(stamp=Stamp.now(self._caller)),
            lambda before, _, event: self._labels.remove(before, event),
        )

    def _read(self, label_id: str) -> AnyLabel:
        self._caller.require("contacts:read")
        label = self._labels.current().by_id.get(label_id)
        if not isinstance(label, self._kind):
            raise NotFound(self._kind.entity.capitalize())
        return label

    def _count(self, labels: Sequence[AnyLabel]) -> Sequence[AnyLabel]:
        """Return labels with the number of contacts that have each, if the caller may read all contacts."""
        if self._caller.level("contacts:read") != "all":
            return [one.with_count(None) for one in labels]
        counts = self._counters.counts_of([f"{one.entity}={one.id}" for one in labels])
        return [one.with_count(count) for one, count in zip(labels, counts, strict=True)]

    def _write(
        self,
        label_id: str,
        permission: str,
        if_match: IfMatch | None,
        decide: Callable[[AnyLabel], tuple[AnyLabel, Event] | None],
        save: Callable[[AnyLabel, AnyLabel, Event], None],
    ) -> AnyLabel:
        self._caller.require(permission)  # first: a caller without the right learns nothing about what exists

        def read() -> AnyLabel:
            label = self._read(label_id)
            own = not label.is_shared and label.created_by == self._caller.actor
            self._caller.require_on(permission, self._caller.id if own else None)
            return label

        return change_record(read, if_match, decide, save, sleep=self._sleep)
