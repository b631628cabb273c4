"""Every minute: publish what the stream's consumers left behind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.publishing.sweep import sweep
from shared.wiring.projections import swept_projection
from shared.wiring.publishing import event_table, publisher


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep the outbox as far as the time allows."""
    projection = swept_projection()
    projection.resume()
    report = sweep(
        event_table(),
        publisher(),
        projection,
        has_time=has_time(context),
    )
    figures = asdict(report)
    del figures["checked_until"]
    left_behind = report.published or report.failed or report.unreadable or report.mended
    note = observability.warn if left_behind else observability.note
    note("swept the outbox", **figures)
    return figures
