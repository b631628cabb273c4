"""Processes notes that were written or changed; their events arrive through a queue."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.publishing.contracts import MalformedMessage, from_message
from shared.services.notes.processing import GivenUp
from shared.sqs import process_with_backoff
from shared.wiring.base import received_messages
from shared.wiring.notes import note_processing


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process the notes of a batch of events. Return the messages to retry."""
    queue = received_messages(environment.note_events_queue_url())
    return process_with_backoff(event, queue, _process, final=(GivenUp, MalformedMessage))


def _process(body: str, receives: int) -> None:
    notice = from_message(body)
    if notice.note_id is None:
        raise MalformedMessage("note_id is missing")
    outcome = note_processing().process(
        notice.tenant_id, notice.entity_id, notice.note_id, requested_by=notice.id, attempt=receives
    )
    observability.note("note handled", tenant_id=notice.tenant_id, note_id=notice.note_id, outcome=outcome)
