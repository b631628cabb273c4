"""E-mails the people who look after a webhook that was disabled; its event arrives through a queue."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.publishing.contracts import from_message
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.notices import disabled_webhooks


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send the e-mails of a batch of events. Return the messages to retry.

    Does nothing where no e-mail is sent. A message that comes twice may send an e-mail twice.
    """
    return process_batch(event, received_messages(environment.webhook_notices_queue_url()), _notify)


def _notify(body: str) -> None:
    notice = from_message(body)
    sent = disabled_webhooks().notify(notice.tenant_id, notice.entity_id)
    observability.note(
        "webhook disabled", tenant_id=notice.tenant_id, webhook_id=notice.entity_id, emails=sent
    )
