"""Every minute: hand the deliveries whose time has come to the sender."""

from __future__ import annotations

from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.services.webhooks.deliveries import send_due
from shared.wiring.webhooks import delivery_queue, due_deliveries


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Send what is due, as far as the time allows; the rest is found a minute later."""
    sent = send_due(
        due_deliveries(),
        delivery_queue(),
        has_time=has_time(context, reserve=10_000),
    )
    observability.note("due webhooks handed over", sent=sent)
    return {"sent": sent}
