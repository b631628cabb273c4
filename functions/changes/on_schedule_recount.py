"""At night: compare every contact's figures and projections with what is in its partition, and correct them."""

from __future__ import annotations

from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.recount import recount

_RESERVE = 90_000
"""Milliseconds that one contact of the maximum size, and the portion after it, may take."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Recount tenants as far as time and units allow; the next run continues.

    Operators can invoke it with an input: `dry_run` true counts and writes nothing; `tenant_id` recounts one tenant at
    once, from the place `start` on if that is given. Returns the counts, and the place where the run ended.
    """
    run = recount(has_time(context, reserve=_RESERVE), is_dry=event.get("dry_run") is True)
    if tenant_id := event.get("tenant_id"):
        walk, after = event.get("start") or (0, "")
        report = run.run_for(str(tenant_id), (int(walk), str(after)))
    else:
        report = run.run()
    note = observability.warn if report.has_found_faults else observability.note
    note("recounted contacts", **report.figures)
    return {**report.figures, "place": list(report.place)}
