"""Every minute: queue the deliveries that are due."""

from __future__ import annotations

from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.services.webhooks.due import send_due
from shared.wiring.webhooks import delivery_queue, due_deliveries


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Queue as many due deliveries as the time allows; the next call continues a minute later."""
    sent = send_due(
        due_deliveries(),
        delivery_queue(),
        has_time=has_time(context, reserve=10_000),
        on_busy=_note_busy,
    )
    observability.note("due webhook deliveries queued", sent=sent)
    return {"sent": sent}


def _note_busy(tenant_id: str) -> None:
    observability.warn("due webhook deliveries are left to the next run", tenant_id=tenant_id)
