"""Recoveries written directly into the table, for tests of the routes that name them."""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.webhooks.recovery import RecoveryRun
from shared.table.jobs.recoveries import ITEMS
from shared.wiring.base import store
from tests.support.tenant_guard import acting_for


def running_recovery(tenant_id: str, webhook_id: str) -> str:
    """Write a new recovery for which nothing is queued; return its id."""
    run = RecoveryRun.begin(
        recovery_id=new_id(),
        webhook_id=webhook_id,
        caller=Caller(tenant_id, "user", f"admin-of-{tenant_id}", "admin"),
        after=0,
        until=10,
        at=timestamps.now(),
    )
    with acting_for(tenant_id):  # without a slot, so that a webhook can have several
        store().put(ITEMS.to_item(tenant_id, run))
    return run.id
