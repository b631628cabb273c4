"""Slow receivers and a tenant with nearly all the traffic cost other subscriptions nothing (checks 7 and 78).

The times are virtual: see `virtual_senders`.
"""

from __future__ import annotations

from math import inf

import pytest

from shared.domain.webhooks.delivery import SLOW_ATTEMPTS
from shared.services.webhooks import health
from tests.support.template import Template
from tests.unit.webhooks.virtual_senders import Answering, Senders

SENDERS = 20
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
) -> Senders:
    """Run for some minutes: each quick receiver has an event every two seconds, each other one `rate` a second, and
    `burst` at once in the beginning. There are no new events in the last half minute.
    """
    senders = Senders(receivers, count=SENDERS, is_fair=is_fair)
    for offset, name in enumerate(receivers):
        each = 0.5 if name in QUICK else rate
        for number in range(int((until - 30) * each)):
            senders.add_event(name, offset * 0.05 + number / each)
        for _ in range(0 if name in QUICK else burst):
            senders.add_event(name, 0.1)
    senders.run(until=until)
    return senders


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
    assert len(together.waits["slow2 drips"]) > SLOW_ATTEMPTS * (UNTIL - 60) / 15, "it gets its share"
    monkeypatch.setattr(health, "SLOW_ATTEMPTS", SENDERS)
    unlimited = run({**QUICK, **HANGING}, rate=1.0, until=90.0)
    assert p95(unlimited, 90.0) > 2 * p95(alone)


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


def test_a_healthy_receiver_costs_no_call_more() -> None:
    senders = Senders({"other hook": Answering(0.2)}, count=1)
    senders.add_event("other hook", 0.0)
    before = senders.calls
    senders.run(until=10.0)
    assert senders.calls - before == 3  # webhook and delivery, the attempt reserved, the attempt noted


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:4566"])
def test_a_slow_receiver_leaves_senders_for_the_others(endpoint: str) -> None:
    """On AWS and on one machine."""
    template = Template.load(LocalEndpoint=endpoint)
    queue = template.event("WebhookSendFunction", "SQS")
    assert template.resolve(queue["ScalingConfig"])["MaximumConcurrency"] > SLOW_ATTEMPTS
