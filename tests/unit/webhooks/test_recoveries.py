"""A portion of a recovery goes through all events up to its end, whatever eventually consistent reads show."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.events import Notice
from shared.domain.tenant import Tenant
from shared.domain.webhooks.recovery import Recovered, RecoveryRun, RecoveryTask
from shared.services.webhooks.recoveries import RecoveryPortions
from shared.table.feed.reading import FeedTable
from tests.unit.feed.feeds import entry, store_with

NOW = "2026-05-04T12:00:00.000Z"


class Webhooks:
    """The webhooks of a tenant, of which each is active."""

    def get(self, webhook_id: str) -> Any:
        return SimpleNamespace(id=webhook_id, is_active=True)


@pytest.mark.parametrize("hidden", [(), (4,), (2, 4)])
@pytest.mark.parametrize("is_head_late", [False, True])
def test_check_75_a_recovery_misses_no_event_that_reads_do_not_show_yet(
    hidden: Sequence[int], is_head_late: bool
) -> None:
    entries = [entry(position) for position in range(1, 7)]
    store = store_with([entries[:2], entries[2:4]], entries[4:], hidden, is_head_late=is_head_late)
    passed: list[str] = []

    def recover(webhook_id: str, notices: Sequence[Notice]) -> int:
        passed.extend(one.id for one in notices)
        return len(notices)

    run = RecoveryRun.begin(
        recovery_id="r", webhook_id="w", caller=Caller("t", "user", "u", "admin"), after=1, until=6, at=NOW
    )
    unused: Any = None
    portions = RecoveryPortions(
        unused,
        lambda _: Webhooks(),
        lambda tenant_id: FeedTable(store, tenant_id),
        recover,
        unused,
        may_go_on=lambda: True,
    )
    assert portions.work(RecoveryTask("t", "r", 1), run, Tenant("t", "T", NOW)) == Recovered(6, 5)
    assert passed == [one.id for one in entries[1:]]
