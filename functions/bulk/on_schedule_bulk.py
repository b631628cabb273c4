"""Every five minutes: drive on bulk jobs that stand still."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.jobs import bulk_watch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look after jobs as far as the time allows."""
    watch = bulk_watch(has_time(context))
    figures = asdict(watch.look())
    # Whatever had to be helped points to something that was lost on the way.
    helped = figures["driven_on"] or figures["given_up"]
    note = observability.warn if helped else observability.note
    note("looked after bulk jobs", **figures)
    return figures
