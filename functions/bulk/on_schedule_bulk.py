"""Every five minutes: restart bulk jobs, exports, recoveries of webhooks and merge jobs that have stalled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.services.jobs.watch import WatchReport
from shared.wiring.exports import export_watch
from shared.wiring.jobs import bulk_watch
from shared.wiring.merge_jobs import merge_watch
from shared.wiring.recoveries import recovery_watch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check as many jobs as the time allows."""
    report = WatchReport()
    may_go_on = has_time(context)
    bulk_watch(may_go_on).look_at_due(report)
    export_watch(may_go_on).look_at_due(report)
    recovery_watch(may_go_on).look_at_due(report)
    merge_watch(may_go_on).look_at_due(report)
    figures = asdict(report)
    # A job stalls only when a message was lost, which the operator should know.
    had_stalled = figures["driven_on"] or figures["given_up"]
    note = observability.warn if had_stalled else observability.note
    note("checked bulk jobs, exports, recoveries and merge jobs", **figures)
    return figures
