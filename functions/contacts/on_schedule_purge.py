"""Every hour: purge deleted contacts that can no longer be restored."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.contacts import contact_purge


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Purge as many contacts as the time allows; the next call continues an hour later."""
    purge = contact_purge(has_time(context))
    figures = asdict(purge.run())
    note = observability.warn if figures["failed"] else observability.note
    note("purged deleted contacts", **figures)
    return figures
