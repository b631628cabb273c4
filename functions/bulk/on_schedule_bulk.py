"""Every five minutes: restart bulk jobs that have stalled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.jobs import bulk_watch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check as many jobs as the time allows."""
    watch = bulk_watch(has_time(context))
    figures = asdict(watch.look())
    # A job stalls only when a message was lost, which the operator should know.
    had_stalled = figures["driven_on"] or figures["given_up"]
    note = observability.warn if had_stalled else observability.note
    note("checked bulk jobs", **figures)
    return figures
