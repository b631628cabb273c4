"""Publishes events to the SNS topic `domain-events`, and then appends them to the feeds of their tenants.

Each message says whether its tenant has webhooks; the webhooks' queue receives no message that says "false". The
publisher reads this after it has received the events. So an event that was written after a webhook was created is never
withheld from it (docs/decisions/0030-events-without-webhooks.md).

A feed has the events of each record in the order of its versions. So an event waits until the previous event of its
record is in the feed (docs/decisions/0050-the-feed.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, Invalid, TooLarge, Unavailable
from shared.domain.events import Event
from shared.files.queues.sending import group_of
from shared.publishing.contracts import to_message
from shared.table.feed.appending import Situation
from shared.table.feed.items import Head
from shared.table.feed.outgoing import Outgoing
from shared.table.item import Item

_BATCH = 10
"""Events in one call: the limit of SNS PublishBatch."""


class Feeds(Protocol):
    """The feeds of all tenants; see `shared.table.feed.appending.FeedAppender`."""

    def look_up(self, events: Sequence[Outgoing]) -> Situation: ...

    def append(self, tenant_id: str, events: Sequence[Outgoing], head: Head) -> None: ...


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The events that were not published, by their index.

    `failed` may be published later, `unreadable` never. `waiting`: the previous events of their records are in no feed,
    and not among the events; the sweep publishes both in order. `set_aside`: the feeds of their tenants are damaged;
    the sweep publishes them once the feeds are repaired.

    `faulty_tenants`: the ids of the tenants whose feeds could not be read or written.
    """

    failed: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    set_aside: set[int] = field(default_factory=set)
    faulty_tenants: set[str] = field(default_factory=set)

    @property
    def unpublished(self) -> set[int]:
        """The indexes of all events that were not published."""
        return self.failed | self.unreadable | self.waiting | self.set_aside


class Publisher:
    """Publishes events' items. Each event is published at least once, and is in its feed once."""

    def __init__(self, sns: Any, topic_arn: str, feeds: Feeds) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._feeds = feeds

    def publish(self, events: Sequence[Item]) -> PublishResult:
        """Publish events and append them to their feeds, in the order given and of each record's versions.

        Events that are in their feeds already are not published again. Raises Unavailable when the feeds cannot be
        read: nothing is published then.
        """
        result = PublishResult()
        readable = _in_order_of_versions(_read(events, result))
        if not readable:
            return result
        situation = self._feeds.look_up(list(readable.values()))
        result.faulty_tenants.update(situation.damaged)
        result.set_aside.update(n for n, one in readable.items() if one.tenant_id in situation.damaged)
        readable = {n: one for n, one in readable.items() if n not in result.set_aside}
        ready = _choose(readable, situation, result)
        numbers = list(ready)
        for start in range(0, len(numbers), _BATCH):
            self._publish_batch(
                [(one, ready[one]) for one in numbers[start : start + _BATCH]], situation, result
            )
        accepted = _without_followers_of_failed(ready, result)
        for tenant_id, head in situation.heads.items():
            self._append(
                tenant_id, head, {n: one for n, one in accepted.items() if one.tenant_id == tenant_id}, result
            )
        _repeat_outcomes(readable, result)
        return result

    def _publish_batch(
        self, events: list[tuple[int, Outgoing]], situation: Situation, result: PublishResult
    ) -> None:
        entries = [
            _entry(number, one.tenant_id, one.event, has_webhooks=one.tenant_id in situation.with_webhooks)
            for number, one in events
        ]
        try:
            answer = self._sns.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        except (ClientError, BotoCoreError):
            observability.warn("publishing failed", events=len(entries), trace=observability.trace())
            result.failed.update(number for number, _ in events)
            return
        result.failed.update(int(entry["Id"]) for entry in answer.get("Failed", ()))

    def _append(self, tenant_id: str, head: Head, events: dict[int, Outgoing], result: PublishResult) -> None:
        """Append the events of a tenant that the topic has accepted. Only these are known to be published."""
        if not events:
            return
        try:
            self._feeds.append(tenant_id, list(events.values()), head)
        except (TooLarge, Invalid):
            if len(events) == 1:
                _note_not_appended(tenant_id, events, result)
                return
            # Only some of them may be the reason. Those that were appended before the refusal are not appended again.
            numbers = list(events)
            middle = len(numbers) // 2
            for part in (numbers[:middle], numbers[middle:]):
                accepted = _without_followers_of_failed(events, result)
                self._append(tenant_id, head, {n: accepted[n] for n in part if n in accepted}, result)
        except (
            ClientError,
            ConcurrentChange,
            Unavailable,
            *NOT_A_RECORD,
        ):  # the others must go on all the same
            _note_not_appended(tenant_id, events, result)


def _note_not_appended(tenant_id: str, events: dict[int, Outgoing], result: PublishResult) -> None:
    """Count events that an error kept out of their feed among the failed."""
    observability.warn(
        "events were not appended to a feed",
        tenant=tenant_id,
        events=len(events),
        trace=observability.trace(),
    )
    result.failed.update(events)
    result.faulty_tenants.add(tenant_id)


def _read(events: Sequence[Item], result: PublishResult) -> dict[int, Outgoing]:
    """Return the events of items by their index, and note in `result` which items are no events."""
    readable = {}
    for number, item in enumerate(events):
        try:
            readable[number] = Outgoing.of_item(item)
        except NOT_A_RECORD:  # not an event: the others must be published all the same
            observability.warn("not an event", trace=observability.trace())
            result.unreadable.add(number)
    return readable


def _in_order_of_versions(events: dict[int, Outgoing]) -> dict[int, Outgoing]:
    """Return events in the same order, but those of one record in the order of its versions."""
    of_record: dict[tuple[str, str, str], list[int]] = {}
    for number, one in events.items():
        of_record.setdefault(one.record, []).append(number)
    places: dict[int, int] = {}
    for numbers in of_record.values():
        places |= zip(numbers, sorted(numbers, key=lambda number: events[number].event.version), strict=True)
    return {places[number]: events[places[number]] for number in events}


def _choose(events: dict[int, Outgoing], situation: Situation, result: PublishResult) -> dict[int, Outgoing]:
    """Return the events that are to be published now, each once, and note in `result` which have to wait."""
    ready: dict[int, Outgoing] = {}
    waiting = set(situation.unpublished)
    seen: set[tuple[str, str]] = set()
    for number, one in events.items():
        name = (one.tenant_id, one.id)
        if name in seen or name in situation.published:
            continue
        seen.add(name)
        if one.follows is not None and (one.tenant_id, one.follows) in waiting:
            waiting.add(name)
            result.waiting.add(number)
        else:
            ready[number] = one
    if result.waiting:
        observability.warn("events wait for earlier events of their records", events=len(result.waiting))
    return ready


def _without_followers_of_failed(ready: dict[int, Outgoing], result: PublishResult) -> dict[int, Outgoing]:
    """Return the events that the topic has accepted, and count those that follow failed events of their records among
    the failed.
    """
    accepted: dict[int, Outgoing] = {}
    failed: set[tuple[str, str]] = set()
    for number, one in ready.items():
        if number in result.failed or (one.tenant_id, one.follows) in failed:
            failed.add((one.tenant_id, one.id))
            result.failed.add(number)
        else:
            accepted[number] = one
    return accepted


def _repeat_outcomes(events: dict[int, Outgoing], result: PublishResult) -> None:
    """Count an event that was given twice among the failed or waiting each time."""
    for numbers in (result.failed, result.waiting):
        names = {(events[number].tenant_id, events[number].id) for number in numbers}
        numbers.update(number for number, one in events.items() if (one.tenant_id, one.id) in names)


def _entry(number: int, tenant_id: str, event: Event, *, has_webhooks: bool) -> dict[str, Any]:
    return {
        "Id": str(number),
        "Message": to_message(tenant_id, event),
        # A standard topic passes it on to standard queues, which serve tenants fairly (SNS API Reference, "Publish").
        "MessageGroupId": group_of(tenant_id),
        "MessageAttributes": {
            "tenant_id": {"DataType": "String", "StringValue": tenant_id},
            "event_type": {"DataType": "String", "StringValue": event.type},
            "has_webhooks": {"DataType": "String", "StringValue": "true" if has_webhooks else "false"},
        },
    }
