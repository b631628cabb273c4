"""Every minute: announce the follow-ups that are due, and settle the interactions whose time has come."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.interactions import due_timelines


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle as many due entries as the time allows; the next call continues a minute later."""
    figures = asdict(due_timelines(has_time(context)).run())
    note = observability.warn if figures["failed"] else observability.note
    note("handled due entries of timelines", **figures)
    return figures
