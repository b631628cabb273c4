"""Watches changes, and compares the records that they change with the events that they leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from shared.table.keys.events import id_of
from tests.integration.table_content import Content, Item
from tests.support.transport import Attempt, Layer, Send, intercepting

Place = tuple[str, str]
"""The keys of an item."""


def place_of(item: dict[str, Any]) -> Place:
    """Return the keys of an item."""
    return item["PK"]["S"], item["SK"]["S"]


def events_in(content: Content) -> dict[Place, Item]:
    """Return all events."""
    return {place_of(item): item for item in content.of("T#", "EVENT#")}


def records_in(content: Content) -> dict[Place, Item]:
    """Return all records. Rows of lists are none. Imports and previews are work, whose progress has no events."""
    return {
        place_of(item): item
        for item in content.of(r"T#[^#]+#(?!LIST#|IMPORTS$|PREVIEWS$)")
        if "last_event" in item
    }


@dataclass
class Watched:
    """What was done in a block.

    `events`: the new events. `changed`: the records that were written or removed. `faults`: in words, each change
    without exactly one event in its own transaction, each event without a change, and each event that was changed or
    removed.
    """

    events: list[Item] = field(default_factory=list)
    changed: set[Place] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        """The types of the new events."""
        return sorted(event["type"]["S"] for event in self.events)


@contextmanager
def watching(content: Callable[[], Content]) -> Iterator[Watched]:
    """Watch a block; `content` returns the table's items as they are now."""
    watched, before = Watched(), content()
    transactions: list[set[Place]] = []

    def note(attempt: Attempt, send: Send) -> AWSResponse:
        response = send(attempt)
        if attempt.operation == "TransactWriteItems" and response.status_code == 200:
            steps = [request for step in attempt.params["TransactItems"] for request in step.values()]
            transactions.append({place_of(step.get("Item") or step["Key"]) for step in steps})
        return response

    with intercepting(Layer.METER, note):
        yield watched
    _compare(watched, before, content(), transactions)


def _compare(watched: Watched, before: Content, after: Content, transactions: list[set[Place]]) -> None:
    known, kept = events_in(before), events_in(after)
    watched.faults += [f"{place} was changed" for place, item in known.items() if kept.get(place) != item]
    new = {place: item for place, item in kept.items() if place not in known}
    watched.events = list(new.values())
    were, are = records_in(before), records_in(after)
    watched.changed = {
        place for place in {*were, *are} if _last_event(were.get(place)) != _last_event(are.get(place))
    }
    explained: dict[Place, int] = dict.fromkeys(watched.changed, 0)
    for place, item in new.items():
        own = [
            one
            for one in watched.changed
            if _last_event(are.get(one)) == id_of(item) or (one not in are and _is_of(item, were[one]))
        ]
        for one in own:
            explained[one] += 1
            if not any({place, one} <= transaction for transaction in transactions):
                watched.faults.append(f"{item['type']['S']} is not in the transaction of {one}")
        if not own:
            watched.faults.append(f"{item['type']['S']} without a change")
    watched.faults += [f"{one} has {count} events" for one, count in explained.items() if count != 1]


def _is_of(event: Item, removed: Item) -> bool:
    """Return whether an event is about a record that was removed: they share the tenant and the record's id."""
    tenants = {one["PK"]["S"].split("#")[1] for one in (event, removed)}
    return len(tenants) == 1 and event["entity_id"]["S"] in json.dumps(removed, default=str)


def _last_event(record: Item | None) -> str | None:
    return record["last_event"]["S"] if record is not None else None
