"""Deliveries written directly into the log, for tests of the routes that name them."""

from __future__ import annotations

import itertools

from shared.domain import timestamps
from shared.domain.events import Notice
from shared.domain.ids import new_id, new_id_at
from shared.domain.webhooks.delivery import Delivery
from shared.table.webhooks.deliveries import DeliveryTable
from shared.wiring.base import store
from tests.support.tenant_guard import acting_for

_LATEST = itertools.count(timestamps.to_milliseconds(timestamps.now()) - 3_600_000)
"""The times of the events, in Unix milliseconds: each has one of its own, and all are in the past."""


def logged_delivery(tenant_id: str, webhook_id: str, event_type: str = "contact.created") -> str:
    """Write a pending delivery of an invented event; return the event's id. Of two events, the second one is later."""
    milliseconds = next(_LATEST)
    at = timestamps.from_milliseconds(milliseconds)
    notice = Notice(
        id=new_id_at(milliseconds),
        type=event_type,
        tenant_id=tenant_id,
        at=at,
        entity="contact",
        entity_id=new_id(),
        version=1,
        origin="api",
    )
    with acting_for(tenant_id):
        DeliveryTable(store(), tenant_id).add_delivery(Delivery.create(notice, webhook_id, at=at))
    return notice.id
