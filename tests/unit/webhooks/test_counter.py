"""The counter of a tenant's webhooks is exact, whoever creates, disables and deletes them at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

import pytest

from shared.domain.callers import system_caller
from shared.domain.errors import ConcurrentChange, Conflict
from shared.domain.events import Event, Notice
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.webhooks.delivery import Delivery
from shared.domain.webhooks.subscription import MAX_WEBHOOKS, Webhook, WebhookInput
from shared.table.feed.appending import has_webhooks
from shared.table.item import Item
from shared.table.keys import webhooks as webhook_keys
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.support.interleaving import Schedule, Turns, explored
from tests.support.memory_table import MemoryTable

TENANT = "t1"
AT = "2026-05-04T12:00:00.000Z"

Work = Callable[[DeliveryTable], None]


@cache
def webhook(number: int) -> tuple[Webhook, Event]:
    """Return a new webhook and its event."""
    return Webhook.create(
        WebhookInput(url="https://hooks.example.com/", events=["contact.created"]),
        webhook_id=derived_id(number, "webhook"),
        stamp=stamp(f"creation {number}"),
        loopback=False,
    )


def stamp(change: str) -> Stamp:
    return Stamp(derived_id(0, change), AT, system_caller(TENANT, "webhooks", "system"))


def create(number: int) -> Work:
    return lambda table: table.create(*webhook(number))


def delete(number: int) -> Work:
    """Delete a webhook as it is read, like a caller; another may be faster."""

    def work(table: DeliveryTable) -> None:
        found = table.get(webhook(number)[0].id)
        if found is not None:
            table.remove(found, found.delete(stamp=stamp("removal"))[1])

    return work


def disable(number: int) -> Work:
    """Disable a webhook, like the sender after a 410."""

    def work(table: DeliveryTable) -> None:
        found = table.get(webhook(number)[0].id)
        if found is None:
            return
        notice = Notice(
            id=derived_id(9, "event"),
            type="contact.created",
            tenant_id=TENANT,
            at=AT,
            entity="contact",
            entity_id="c",
            version=1,
            origin="api",
        )
        delivery = table.add_delivery(Delivery.create(notice, found.id, at=AT))
        after = delivery.give_up("gone", revision="r2")
        disabled = found.disable("gone", stamp=stamp("disabling"))
        assert disabled is not None
        table.save_with_webhook(delivery, after, found, *disabled)

    return work


def in_turn(*works: Work) -> Work:
    def work(table: DeliveryTable) -> None:
        for one in works:
            with suppress(ConcurrentChange, Conflict):
                one(table)

    return work


SCENES: dict[str, Sequence[Work]] = {
    "both delete the same one": (delete(0), delete(0)),
    "both create the same one again": (in_turn(delete(0), create(1)), in_turn(delete(0), create(1))),
    "deleted while it is disabled": (disable(0), in_turn(delete(0), delete(0))),
    "created and deleted beside each other": (in_turn(create(1), delete(1)), in_turn(create(2), delete(0))),
}


def counts_of(table: MemoryTable) -> tuple[int, int]:
    """Return how many webhooks there are, and how many the counter says."""
    items = table.all()
    partition = webhook_keys.webhooks(TENANT)
    there = sum(item["PK"]["S"] == partition for item in items)
    [counter] = [item for item in items if item["PK"] == webhook_keys.webhook_count(TENANT)["PK"]]
    return there, int(counter["webhooks"]["N"])


@pytest.mark.parametrize("kills", [{}, {0: 1}, {0: 2}, {0: 3}, {1: 2}], ids=str)
@pytest.mark.parametrize("scene", SCENES)
def test_the_counter_is_the_number_of_webhooks_at_any_time(scene: str, kills: dict[int, int]) -> None:
    tables: list[MemoryTable] = []

    def run(schedule: Schedule) -> Turns:
        running: list[Turns] = []

        def before_call(operation: str) -> None:
            if running:
                there, said = counts_of(table)
                assert there == said
                running[0].take()

        table = MemoryTable(before_call)
        tables.append(table)
        webhooks = DeliveryTable(Store(table, "table", sleep=lambda _: None), TENANT)
        webhooks.create(*webhook(0))
        works = [lambda one=one: in_turn(one)(webhooks) for one in SCENES[scene]]  # type: ignore[misc]
        running.append(Turns(works, schedule, kills=kills, state=lambda: table.digest))
        running[0].run()
        return running[0]

    runs = 0
    for _ in explored(run, switches=4):
        there, said = counts_of(tables.pop())
        assert there == said
        runs += 1
    assert runs > 2


def test_the_limit_holds_and_counts_nothing_that_was_refused() -> None:
    table = MemoryTable()
    webhooks = DeliveryTable(Store(table, "table"), TENANT)
    for number in range(MAX_WEBHOOKS):
        webhooks.create(*webhook(number))
    with pytest.raises(Conflict):
        webhooks.create(*webhook(MAX_WEBHOOKS))
    assert counts_of(table) == (MAX_WEBHOOKS, MAX_WEBHOOKS)


@pytest.mark.parametrize(
    ("content", "passes"),
    [
        (None, False),
        ({"webhooks": {"N": "0"}}, False),
        ({"webhooks": {"N": "1"}}, True),
        ({"webhooks": {"N": "-1"}}, True),
        ({"webhooks": {"S": "0"}}, True),
        ({}, True),
    ],
    ids=["never written", "zero", "one", "too low", "of another type", "without a number"],
)
def test_only_a_counter_of_zero_withholds_events(content: Item | None, passes: bool) -> None:
    assert (
        has_webhooks(content if content is None else webhook_keys.webhook_count(TENANT) | content) is passes
    )
