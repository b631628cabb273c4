"""Slow receivers and a tenant with nearly all the traffic cost other subscriptions nothing (checks 7 and 78).

The times are virtual: see `virtual_senders`.
"""

from __future__ import annotations

import threading
from math import inf

import pytest

from shared.domain import timestamps
from shared.domain.webhooks.delivery import SLOW_SENDERS, DeliveryRequest
from shared.services.webhooks import waiting
from shared.services.webhooks.reminders import call_after
from tests.support.template import Template
from tests.unit.webhooks.virtual_senders import START, Answering, Senders

pytestmark = pytest.mark.usefixtures("untraced")

SENDERS = 20
SLOT_SECONDS = 15 / SLOW_SENDERS
QUICK = {f"other{number} hook": Answering(0.2) for number in range(10)}
HANGING = {"slow1 hangs": Answering(15.0, None), "slow2 drips": Answering(15.0, 200)}
UNTIL = 300.0


def run(
    receivers: dict[str, Answering],
    rate: float = 0.0,
    *,
    burst: int = 0,
    is_fair: bool = False,
    until: float = UNTIL,
    senders: int = SENDERS,
) -> Senders:
    """Run for some minutes: each quick receiver has an event every two seconds, each other one `rate` a second, and
    `burst` at once in the beginning. There are no new events in the last half minute.
    """
    made = Senders(receivers, count=senders, is_fair=is_fair)
    for offset, name in enumerate(receivers):
        each = 0.5 if name in QUICK else rate
        for number in range(int((until - 30) * each)):
            made.add_event(name, offset * 0.05 + number / each)
        for _ in range(0 if name in QUICK else burst):
            made.add_event(name, 0.1)
    made.run(until=until)
    return made


def p95(senders: Senders, until: float = UNTIL) -> float:
    """Return the wait that 95 % of the quick receivers' events do not exceed; events that never arrived count too."""
    waits = sorted(wait for name in QUICK for wait in senders.waits[name])
    waits += [inf] * (len(QUICK) * int((until - 30) * 0.5) - len(waits))
    return waits[int(len(waits) * 0.95)]


def test_check_78_a_receiver_that_hangs_and_one_that_drips_do_not_slow_down_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a limit for slow receivers, these would take all senders."""
    alone, together = run(QUICK), run({**QUICK, **HANGING}, rate=1.0)
    assert p95(together) <= 2 * p95(alone)
    assert sum(len(together.waits[name]) for name in QUICK) == len(QUICK) * int((UNTIL - 30) * 0.5)
    assert len(together.waits["slow2 drips"]) > (UNTIL - 60) / SLOT_SECONDS, "it gets its share"
    monkeypatch.setattr(waiting, "SLOW_SENDERS", SENDERS)
    unlimited = run({**QUICK, **HANGING}, rate=1.0, until=90.0)
    assert p95(unlimited, 90.0) > 2 * p95(alone)


@pytest.mark.parametrize(("count", "seconds"), [(2, 15.0), (13, 15.0), (50, 15.0), (50, 4.0)])
def test_check_78_however_many_webhooks_of_a_tenant_hang_the_others_are_served(
    count: int, seconds: float
) -> None:
    """With the 50 senders of AWS, after the first half minute, in which the receivers are found to be slow.

    A host that drops packets holds a sender for four seconds.
    """
    until, early = 120.0, 15
    hanging = {f"slow hook{number}": Answering(seconds, None) for number in range(count)}
    senders = run({**QUICK, **hanging}, rate=0.5, is_fair=True, until=until, senders=50)
    waits = sorted(wait for name in QUICK for wait in senders.waits[name][early:])
    assert len(waits) == len(QUICK) * (int((until - 30) * 0.5) - early)
    assert waits[int(len(waits) * 0.95)] <= 2 * p95(run(QUICK, until=60.0), 60.0)


def test_check_78_a_receiver_is_known_to_be_slow_before_its_first_attempt_has_ended() -> None:
    """So thirteen webhooks that begin to hang do not take all senders."""
    until = 60.0
    hanging = {f"slow hook{number}": Answering(15.0, None) for number in range(13)}
    senders = run({**QUICK, **hanging}, rate=0.5, is_fair=True, until=until, senders=50)
    assert p95(senders, until) <= 2 * p95(run(QUICK, until=until), until)
    assert max(senders.at_once[name] for name in hanging) <= 3, "those of the first three seconds"


def test_how_long_an_attempt_takes_is_assumed_until_it_has_ended() -> None:
    senders = Senders({"slow hook": Answering(5.0)}, count=1)
    senders.add_event("slow hook", 0.0)
    before = senders.calls
    senders.run(until=10.0)
    webhook = senders.deliveries("slow").get("slow hook")
    assert webhook is not None
    assert (webhook.slow_milliseconds, webhook.is_slow(senders.time.now())) == (5_000, True)
    assert senders.calls - before == 5 + 1  # three of an attempt; slow, and how slow; the webhook read above


def test_what_is_to_be_called_after_a_time_is_called_once_and_has_ended_when_the_work_has() -> None:
    called, began = list[str](), threading.Event()

    def call() -> None:
        began.set()
        called.append("begun")
        called.append("ended")

    with call_after(0.001, call):
        assert began.wait(60)
    assert called == ["begun", "ended"]
    with call_after(3_600, call):
        pass
    assert called == ["begun", "ended"]


def test_what_a_slow_receiver_costs_does_not_depend_on_how_long_its_deliveries_wait() -> None:
    """Each waiting delivery takes its slot once, and a second message for it changes nothing."""
    calls: dict[int, tuple[float, float]] = {}
    for events in (40, 160):
        senders = Senders({"slow hook": Answering(15.0)}, count=8)
        senders.mark_slow("slow hook", timestamps.from_milliseconds(START + 36_000_000))
        for number in range(events):
            senders.add_event("slow hook", number * 0.1)
        before = senders.calls
        senders.run(until=events * SLOT_SECONDS + 60)
        assert len(senders.waits["slow hook"]) == events
        assert senders.at_once["slow hook"] <= 5, "four, and one of which the last second is left"
        calls[events] = ((senders.calls - before) / events, senders.sqs.sent / events)
    assert calls[160] == pytest.approx(calls[40], rel=0.02)
    assert calls[160][0] <= 7  # three of an attempt; delivery, slot, waiting and queued
    assert calls[160][1] <= 1


def test_second_messages_of_a_waiting_delivery_wait_for_nothing() -> None:
    senders = Senders({"slow hook": Answering(15.0)}, count=1)
    table = senders.deliveries("slow")
    senders.mark_slow("slow hook", timestamps.from_milliseconds(START + 3_600_000))
    first, event = senders.add_event("slow hook", 0.0), senders.add_event("slow hook", 0.0)
    senders.sqs.clear()
    for wanted in (first, *[event] * 5):
        senders.sending().attempt(DeliveryRequest("slow", "slow hook", wanted, 1))
        senders.time.seconds = 0.0
    assert senders.sqs.sent == 1
    assert table.find_delivery("slow hook", event)[1].slot_at is not None


def test_check_7_a_tenant_with_most_of_the_traffic_does_not_slow_down_the_others() -> None:
    """Its events come all at once. On a queue that serves quiet groups first, as SQS does; without groups, the others
    would wait for the backlog.
    """
    busy, until = {"busy hook": Answering(0.2)}, 60.0
    events = 19 * len(QUICK) * 15
    alone = p95(run(QUICK, until=until), until)
    together = run({**QUICK, **busy}, burst=events, is_fair=True, until=until)
    assert p95(together, until) <= 2 * alone
    assert len(together.waits["busy hook"]) == events
    assert p95(run({**QUICK, **busy}, burst=events, until=until), until) > 2 * alone


def test_all_webhooks_of_a_tenant_have_one_share_of_the_queue() -> None:
    senders = Senders({name: Answering(0.2) for name in ("t1 a", "t1 b", "t2 a")}, count=1)
    for name in ("t1 a", "t1 b", "t2 a"):
        senders.add_event(name, 0.0)
    received = [senders.sqs.receive() for _ in range(3)]
    assert [message[0] for message in received if message] == ["t1", "t1", "t2"]


def test_a_healthy_receiver_costs_no_call_more() -> None:
    senders = Senders({"other hook": Answering(0.2)}, count=1)
    senders.add_event("other hook", 0.0)
    before = senders.calls
    senders.run(until=10.0)
    assert senders.calls - before == 3  # webhook and delivery, the attempt reserved, the attempt noted


@pytest.mark.parametrize("wait", [60.0, 7_200.0])
def test_check_65_retry_after_holds_all_deliveries_of_the_webhook(wait: float) -> None:
    """They wait in the queue, or in the due-time index, and are not all sent at the same moment."""
    senders = Senders({"t1 hook": Answering(0.0, 429, retry_after=wait)}, count=1)
    events = [senders.add_event("t1 hook", number / 2) for number in range(20)]
    senders.run(until=30.0)
    assert senders.attempts == 1
    assert senders.sqs.sent == (20 if wait < 900 else 0)
    held = [senders.deliveries("t1").find_delivery("t1 hook", event)[1].next_attempt_at for event in events]
    assert min(held) >= timestamps.from_milliseconds(START + round(wait * 1000))
    assert max(held) <= timestamps.from_milliseconds(START + round(wait * 1200) + 10_000)
    assert len(set(held)) > 10


@pytest.mark.parametrize("status", [500, 429])
def test_only_429_and_503_pause_a_webhook(status: int) -> None:
    senders = Senders({"t1 hook": Answering(0.0, status, retry_after=60.0)}, count=1)
    for number in range(3):
        senders.add_event("t1 hook", float(number))
    senders.run(until=9.0)
    assert senders.attempts == (3 if status == 500 else 1)


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:4566"])
def test_a_slow_receiver_leaves_senders_for_the_others(endpoint: str) -> None:
    """On AWS and on one machine."""
    template = Template.load(LocalEndpoint=endpoint)
    queue = template.event("WebhookSendFunction", "SQS")
    assert template.resolve(queue["ScalingConfig"])["MaximumConcurrency"] > SLOW_SENDERS + 1
