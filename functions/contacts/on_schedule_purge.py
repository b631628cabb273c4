"""Every hour: purge the deleted contacts that can be restored no more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability, wiring

_RESERVE_MILLISECONDS = 15_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Purge as far as the time allows; the rest is found an hour later."""
    purge = wiring.purge(lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS)
    figures = asdict(purge.run())
    observability.note("purged deleted contacts", **figures)
    return figures
