"""Reads the feed: the events of a tenant in the order of their publication, and the audit log of the same entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller, ContactOwners
from shared.domain.errors import NotFound, PositionExpired, RuleBroken
from shared.domain.events import Event
from shared.domain.feed import FeedEntry, FeedHead
from shared.domain.feed_views import FeedFilter, FeedItem, FeedPage, FeedStart
from shared.domain.ids import is_id
from shared.services.feed.visibility import ContactsById, VisibleEntries
from shared.services.reading_budget import Budget

POSITION_SECONDS = 30 * 86_400
"""How long positions can be read: 30 days, as long as a deleted contact keeps its values."""
AUDIT_SECONDS = 400 * 86_400
"""How long entries can be read as the audit log: 400 days."""
CLOCK_SECONDS = 60
"""The most seconds by which the clocks of two functions are taken to differ."""
LATE_SECONDS = 86_400
"""How long after its end a bounded range of time is searched for events that were published late: a day, the retention
of the table's stream."""
MAX_PAGE_BYTES = 1_500_000
"""Bytes of stored events on a page. As JSON within Lambda's JSON they take up to twice as many and the names of their
parts, and a response has at most 6 MB (AWS Lambda quotas)."""
_MIN_PORTION, _MAX_PORTION = 100, 2_000
"""Entries that are read at once, where not every entry is shown."""
_FIRST_EVENTS, _EVENTS_GROWTH = 4, 6
"""Events that a page reads first, and how many times as many it reads after each portion at most. Four of the largest
items (400 kB, DynamoDB's limit) fill a page; 28 are read in two portions, and a hundred in three."""

SNAPSHOT = (
    "1. Keep this position. 2. Read GET /v1/contacts?sort=created_at&limit=100 to its end by next_cursor, and "
    "GET /v1/customers likewise; keep every record with its version. 3. Read GET /v1/events?after=<position>, and go "
    "on with next_after. Apply an event if its version is higher than the version that you have of its record, and "
    "skip it otherwise."
)


@dataclass(frozen=True, slots=True)
class EventContent:
    """The event of an entry, None if it cannot be read, and how many bytes it takes in the table."""

    event: Event | None
    size: int


class Entries(Protocol):
    """The feed of one tenant; see `shared.table.feed.reading.FeedTable`."""

    def head(self, *, consistent: bool = False) -> FeedHead: ...

    def read(self, after: int, limit: int) -> list[FeedEntry]: ...

    def position_at(self, time: str) -> int: ...

    def find(self, event_id: str, charge: Callable[[int], None]) -> FeedEntry | None: ...


class Contents(Protocol):
    """The events of one tenant's entries; see `shared.table.feed.contents.FeedContents`."""

    def read(self, entries: Sequence[FeedEntry]) -> Mapping[str, EventContent]: ...


class FeedReading:
    """The feed of a tenant, as far as one caller may see it.

    `contacts` returns contacts by their ids; see `ContactsById`. `checkpoint` returns up to where the sweep has checked
    that all events are published and their records projected: a time, or a position in the outbox; None before the
    first sweep.
    """

    def __init__(
        self,
        caller: Caller,
        entries: Entries,
        contents: Contents,
        contacts: ContactsById,
        checkpoint: Callable[[], str | None],
        budget: Budget,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._entries = entries
        self._contents = contents
        self._checkpoint = checkpoint
        self._budget = budget
        self._now = now

        def charged(contact_ids: Sequence[str]) -> Mapping[str, ContactOwners]:
            found = contacts(contact_ids)
            for one in contact_ids:
                budget.charge_item(found[one].size if one in found else 0)
            return found

        self._visible = VisibleEntries(caller, charged)

    def list(self, wanted: FeedFilter, *, after: int | None, limit: int) -> FeedPage:
        """Return the entries after a position that match and that the caller may see, at most `limit`, with the
        position from which to go on. The page is shorter when the budget is spent.

        Without `after`, begins with the oldest entry that can be read, or with the beginning of the range of time.
        Raises RuleBroken for a position that was not given yet, PositionExpired for one that can no longer be read, and
        PermissionDenied for a range of time that only the audit log has.
        """
        self._visible.require_any()
        horizon = self._horizon(wanted)
        head = self._entries.head()
        if after is not None and after > head.position:
            head = self._entries.head(
                consistent=True
            )  # the eventually consistent one may lag behind its readers
            if after > head.position:
                raise RuleBroken(
                    f"There is no position {after} yet: the last one is {head.position}. Give the `next_after` of an "
                    "answer of this feed.",
                    code="unknown_position",
                )
        if after == head.position or not head.position:
            return FeedPage(items=[], next_after=head.position, has_more=False)
        walk = _Walk(self._entries, self._visible, self._budget, wanted, head.position, limit)
        if after is None:
            walk.position = self._entries.position_at(max(horizon, self._earliest(wanted)))
        else:
            walk.position = after
            self._require_readable(walk, horizon)
            walk.skip_to(self._earliest(wanted))
        walk.run()
        return self._page(walk)

    def read(self, event_id: str) -> FeedItem:
        """Return an entry by the id of its event. Raises NotFound if it is not published, or if the caller may not see
        it.
        """
        self._visible.require_any()
        entry = self._entries.find(event_id, self._budget.charge_skipped) if is_id(event_id) else None
        kept = AUDIT_SECONDS if self._visible.is_auditor else POSITION_SECONDS
        if (
            entry is None
            or entry.published_at < timestamps.plus(self._now(), -kept)
            or not self._visible.select([entry])
        ):
            raise NotFound("Event")
        return _item(entry, self._read_contents([entry]))

    def start(self) -> FeedStart:
        """Return the position from which a replica reads the feed after it has taken its snapshot.

        All events up to the position are published, and their records are projected. So a snapshot of the lists that is
        read from now on has them, and all others come later in the feed, also those that the sweep left over.
        """
        self._visible.require_any()
        checked = self._checkpoint()
        horizon = timestamps.plus(self._now(), -POSITION_SECONDS)
        settled = timestamps.plus(timestamps.of_position(checked), -CLOCK_SECONDS) if checked else horizon
        return FeedStart(position=self._entries.position_at(max(settled, horizon)), snapshot=SNAPSHOT)

    def _horizon(self, wanted: FeedFilter) -> str:
        """Return the time from which on entries can be read."""
        now = self._now()
        horizon = timestamps.plus(now, -POSITION_SECONDS)
        if not wanted.is_bounded:
            return horizon
        if min(filter(None, (wanted.first, wanted.last))) < horizon:
            self._visible.require_auditor()
        return timestamps.plus(now, -AUDIT_SECONDS) if self._visible.is_auditor else horizon

    @staticmethod
    def _earliest(wanted: FeedFilter) -> str:
        """Return a time before which no wanted entry was published; an empty text for any time."""
        return timestamps.plus(wanted.first, -CLOCK_SECONDS) if wanted.first is not None else ""

    @staticmethod
    def _require_readable(walk: _Walk, horizon: str) -> None:
        oldest = walk.peek()
        if oldest is None or oldest.position != walk.position + 1 or oldest.published_at < horizon:
            raise PositionExpired()

    def _page(self, walk: _Walk) -> FeedPage:
        """Return the page of what a walk has found, as far as its bytes allow."""
        items = list(self._items(walk.found))
        is_cut = len(items) < len(walk.found)
        return FeedPage(
            items=items,
            next_after=items[-1].position if is_cut else walk.position,
            has_more=is_cut or walk.has_more,
        )

    def _items(self, entries: Sequence[FeedEntry]) -> Iterator[FeedItem]:
        """Yield entries with the contents of their events, at least one, until the bytes of a page are full.

        Reads some events at a time, as many as fit if the next ones are no larger than those before.
        """
        start, portion, size, largest = 0, _FIRST_EVENTS, 0, 1
        while start < len(entries):
            part = entries[start : start + portion]
            contents = self._read_contents(part)
            for entry in part:
                own = contents[entry.id].size if entry.id in contents else 0
                size += own
                if size > MAX_PAGE_BYTES and size > own:
                    return
                largest = max(largest, own)
                yield _item(entry, contents)
            start += portion
            portion = max(1, min(portion * _EVENTS_GROWTH, (MAX_PAGE_BYTES - size) // largest))

    def _read_contents(self, entries: Sequence[FeedEntry]) -> Mapping[str, EventContent]:
        contents = self._contents.read(entries)
        for entry in entries:
            self._budget.charge_item(contents[entry.id].size if entry.id in contents else 0)
        return contents


class _Walk:
    """A walk through the entries after a position, which collects those that are wanted and visible."""

    def __init__(
        self,
        entries: Entries,
        visible: VisibleEntries,
        budget: Budget,
        wanted: FeedFilter,
        last: int,
        limit: int,
    ) -> None:
        self.position = 0
        self.found: list[FeedEntry] = []
        self._entries = entries
        self._visible = visible
        self._budget = budget
        self._wanted = wanted
        self._last = last
        self._limit = limit
        self._portion = limit
        self._ahead: list[FeedEntry] = []
        self._until = (
            timestamps.plus(wanted.last, LATE_SECONDS) if wanted.last is not None else timestamps.LAST
        )
        self._is_over = False

    @property
    def has_more(self) -> bool:
        """Whether further entries can be read."""
        return not self._is_over and self.position < self._last

    def peek(self) -> FeedEntry | None:
        """Return the first entry after the position, or None."""
        self._ahead = self._ahead or self._read()
        return self._ahead[0] if self._ahead else None

    def skip_to(self, earliest: str) -> None:
        """Go on to the entries published since a time, if the next one is older."""
        following = self.peek()
        if following is not None and following.published_at < earliest:
            self._ahead = []
            self.position = max(self.position, self._entries.position_at(earliest))

    def run(self) -> None:
        """Read until the page is full, the feed or the range of time ends, or the budget is spent."""
        while self.has_more and len(self.found) < self._limit:
            if self.peek() is None:
                return
            portion, self._ahead = self._ahead, []
            self._take(portion)
            self._budget.advance()
            if self._budget.is_spent:
                return
            self._portion = min(max(2 * self._portion, _MIN_PORTION), _MAX_PORTION)

    def _read(self) -> list[FeedEntry]:
        portion = self._entries.read(self.position, self._portion)
        self._budget.charge_skipped(len(portion))
        if portion:
            self._last = max(self._last, portion[-1].position)
        return portion

    def _take(self, portion: Sequence[FeedEntry]) -> None:
        within = [entry for entry in portion if entry.published_at <= self._until]
        self._is_over = len(within) < len(portion)
        matching = [one for one in within if self._wanted.matches(one)]
        for start in range(0, len(matching), _MIN_PORTION):
            if start and self._budget.is_spent:  # the contacts may be large
                self._is_over = False
                return
            part = matching[start : start + _MIN_PORTION]
            for entry in self._visible.select(part):
                self.found.append(entry)
                if len(self.found) == self._limit:
                    self._is_over = self._is_over and entry is within[-1]
                    self.position = entry.position
                    return
            self.position = part[-1].position
        if within:
            self.position = within[-1].position


def _item(entry: FeedEntry, contents: Mapping[str, EventContent]) -> FeedItem:
    content = contents.get(entry.id)
    return FeedItem.of(entry, content.event if content is not None else None)
