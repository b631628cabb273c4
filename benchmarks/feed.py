"""The costs of the feed as it grows: publication, polls, pages, and one event by its id."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moto.dynamodb.models import dynamodb_backends

from benchmarks.aws_calls import Cost, counting
from benchmarks.report import Figure
from benchmarks.scale import align
from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.feed import FeedEntry
from shared.domain.feed_views import ALL_ENTRIES
from shared.domain.ids import new_id_at
from shared.domain.stamp import Stamp
from shared.table.event_items import event_to_item
from shared.table.feed.items import Page, pack, page_to_item
from shared.table.feed.outgoing import Outgoing
from shared.table.item import Item
from shared.table.keys import feed as feed_keys
from shared.wiring.feed import feed_reading
from shared.wiring.kept import reset_wiring
from shared.wiring.publishing import publisher
from tests.support.aws import stack_in_moto
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.template import Template

SIZES = 1_000, 50_000
"""The numbers of positions of the feeds."""
ALONE, IN_BATCH, POLL = 2.0, 0.2, 0.5
"""Budgets: write units of an event that is published alone and of one of a hundred, read units of a poll."""

_TENANT = "t1"
_ADMIN = Caller(_TENANT, "user", "u1", "admin")
_PAGE, _NEWEST = 100, 10
"""Entries of each page of the feeds and of their heads."""
_SECONDS = 3
"""Seconds between two events of the feeds: 50,000 are of two days."""
_MILLISECONDS = 20
"""Milliseconds between two events that are published together."""
_ROUNDS, _BATCHES = 100, 3
"""Events that are published alone, and batches of a hundred: some appends write a page, and most do not."""


def _changes(count: int, at: int, apart: int, chosen: random.Random) -> list[Item]:
    """Return the items of the events of new contacts, each made by one of five users.

    `at`: when the first one was made, in Unix milliseconds. `apart`: the milliseconds between two of them.
    """
    items = []
    for number in range(count):
        moment = at + number * apart
        caller = Caller(_TENANT, "user", f"user-{chosen.randrange(5)}", "admin")
        stamp = Stamp(new_id_at(moment), timestamps.from_milliseconds(moment), caller)
        given = {"first_name": "Ada", "last_name": "Lovelace", "email": f"ada{number}@example.com"}
        made = Contact.create(given, contact_id=new_id_at(moment), stamp=stamp, source="api")[1]
        items.append(event_to_item(_TENANT, made))
    return items


class Feed:
    """A tenant's feed with `size` positions in moto, in a process that has read nothing of it.

    Its pages are those that batches of a hundred write. The newest events, and the one in the middle, can be read.
    """

    def __init__(self, size: int, table: str) -> None:
        self.size = size
        self._chosen = random.Random(15)
        self._table = dynamodb_backends[ACCOUNT][REGION].tables[table]
        now = timestamps.to_milliseconds(timestamps.now())
        events = _changes(size, now - (size * _SECONDS + 3_600) * 1_000, _SECONDS * 1_000, self._chosen)
        self.middle = events[size // 2]
        entries = [self._entry(position, item) for position, item in enumerate(events, 1)]
        paged = size - _NEWEST
        pages = [entries[start : min(start + _PAGE, paged)] for start in range(0, paged, _PAGE)]
        for item in [*(page_to_item(_TENANT, Page.of(page)) for page in pages), self._head(entries)]:
            self._table.put_item(item)
        for item in [self.middle, *events[-2 * _PAGE :]]:
            self._table.put_item(item)

    @staticmethod
    def _entry(position: int, item: Item) -> FeedEntry:
        event = Outgoing.of_item(item)
        return event.to_entry(position, timestamps.plus(event.event.at, 0.5))

    @staticmethod
    def _head(entries: list[FeedEntry]) -> Item:
        newest = entries[-_NEWEST:]
        return {
            **feed_keys.head(_TENANT),
            "last_position": {"N": str(newest[-1].position)},
            "published_at": {"S": newest[-1].published_at},
            "first_unpaged": {"N": str(newest[0].position)},
            "packed": {"B": pack(newest)},
        }

    def poll(self) -> None:
        """Read after the last position: nothing is new."""
        answer = feed_reading(_ADMIN).list(ALL_ENTRIES, after=self.size, limit=_PAGE)
        assert (answer.items, answer.next_after) == ([], self.size)

    def read_page(self) -> None:
        """Read a hundred entries with their changes: the end of a page, the next one, and some of the head."""
        answer = feed_reading(_ADMIN).list(ALL_ENTRIES, after=self.size - _PAGE - 5, limit=_PAGE)
        assert [bool(one.changes) for one in answer.items] == [True] * _PAGE

    def find(self) -> None:
        """Read the event in the middle of the feed by its id."""
        event = Outgoing.of_item(self.middle)
        assert feed_reading(_ADMIN).read(event.id).position == self.size // 2 + 1

    def publish(self, count: int) -> None:
        """Publish new events together."""
        now = timestamps.to_milliseconds(timestamps.now())
        items = _changes(count, now - count * _MILLISECONDS, _MILLISECONDS, self._chosen)
        assert not publisher().publish(items).unpublished


@contextmanager
def feed_of(size: int) -> Iterator[Feed]:
    """Make a feed with so many positions, in a stack of its own in moto."""
    with stack_in_moto(Template.load(), LOG_LEVEL="WARNING") as stack:
        yield Feed(size, stack.table_name)


READS: dict[str, Callable[[Feed], None]] = {
    "poll, nothing new": Feed.poll,
    "100 entries with their changes": Feed.read_page,
    "one event by its id": Feed.find,
}
WRITES: dict[str, tuple[int, int]] = {
    "publish an event alone": (1, _ROUNDS),
    "publish one of 100 events": (_PAGE, _BATCHES),
}
"""The number of events that are published together, and how often."""


def measure(size: int) -> dict[str, Cost]:
    """Return the cost of each operation with a feed of a size: of one event for those that publish."""
    found = {}
    with feed_of(size) as feed:
        for name, read in READS.items():
            reset_wiring()
            with counting() as calls:
                read(feed)
            found[name] = calls.cost
        for name, (together, times) in WRITES.items():
            with counting() as calls:
                for _ in range(times):
                    feed.publish(together)
            found[name] = calls.cost / (together * times)
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """The costs at each of SIZES."""

    costs: list[dict[str, Cost]]

    @classmethod
    def now(cls) -> Measured:
        """Measure them."""
        return cls([measure(size) for size in SIZES])

    def figures(self) -> list[Figure]:
        """Return the figures that have budgets, those of the largest feed."""
        largest = self.costs[-1]
        alone, batch, poll = (
            largest["publish an event alone"],
            largest["publish one of 100 events"],
            largest["poll, nothing new"],
        )
        return [
            Figure("feed: write units of an event alone", alone.write, None, "", None, ALONE),
            Figure("feed: write units of one of 100 events", batch.write, None, "", None, IN_BATCH),
            Figure("feed: read units of a poll, nothing new", poll.read, None, "", None, POLL),
        ]

    def rows(self) -> dict[str, list[str]]:
        """Return for each operation the calls of the table, read units and write units at each size."""
        return {
            name: [
                f"{one[name].calls:.3g} / {one[name].read:.3g} / {one[name].write:.3g}" for one in self.costs
            ]
            for name in (*WRITES, *READS)
        }

    def table(self) -> str:
        """Return the rows as aligned text."""
        head = ["the feed: calls / read units / write units", *(f"{size:,} positions" for size in SIZES)]
        return align([head, *([name, *cells] for name, cells in self.rows().items())])


if __name__ == "__main__":
    print(Measured.now().table())
