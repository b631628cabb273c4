"""Every minute: publish events and repair projections that the stream's consumers have missed, and bring the markers of
match keys in line that large batches have left.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.publishing.sweep import sweep
from shared.wiring.projections import matching_pass, swept_projection
from shared.wiring.publishing import event_table, publisher
from shared.wiring.recount import recount_table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep as many events as the time allows, then walk as many match keys."""
    projection = swept_projection()
    projection.resume()
    report = sweep(
        event_table(),
        publisher(),
        projection,
        see_tenants=recount_table().enlist,
        has_time=has_time(context),
    )
    figures = asdict(report)
    del figures["checked_until"]
    had_missed = report.published or report.failed or report.unreadable or report.mended
    note = observability.warn if had_missed else observability.note
    note("swept the outbox", **figures)
    _walk_match_keys(context)
    return figures


def _walk_match_keys(context: Any) -> None:
    run = matching_pass(has_time(context))
    if tenants := run.run():
        observability.note(
            "brought match keys in line",
            tenants=tenants,
            checked=run.checked,
            corrected=run.corrected,
            oversized=run.oversized,
        )
