"""Every minute: publish what the stream's consumers left behind."""

from __future__ import annotations

from typing import Any

from shared import observability, wiring
from shared.projections import lists
from shared.publishing.sweep import sweep

_RESERVE_MILLISECONDS = 15_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep the outbox as far as the time allows."""
    report = sweep(
        wiring.events(),
        wiring.publisher(),
        lambda contact: lists.reproject(wiring.store(), contact),
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS,
    )
    figures = {"checked": report.checked, "published": report.published, "failed": report.failed}
    note = observability.warn if report.published or report.failed else observability.note
    note("swept the outbox", **figures)
    return figures
