"""Every minute: publish what the stream's consumers left behind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability, wiring
from shared.publishing.sweep import sweep

_RESERVE_MILLISECONDS = 15_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep the outbox as far as the time allows."""
    report = sweep(
        wiring.events(),
        wiring.publisher(),
        wiring.projection(),
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS,
    )
    figures = asdict(report)
    del figures["checked_until"]
    left_behind = report.published or report.failed or report.unreadable or report.mended
    note = observability.warn if left_behind else observability.note
    note("swept the outbox", **figures)
    return figures
