"""Every five minutes: restart imports that have stalled, and find files for which no event arrived."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.imports import import_watch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check as many imports as the time allows."""
    watch = import_watch(has_time(context))
    figures = asdict(watch.look())
    # An import stalls only when a message or an event was lost, which the operator should know.
    had_stalled = figures["driven_on"] or figures["given_up"] or figures["found"]
    note = observability.warn if had_stalled else observability.note
    note("checked imports", **figures)
    return figures
