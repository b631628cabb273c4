"""Every five minutes: drive on imports that stand still, and find files of which no event told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import observability
from shared.lambda_time import has_time
from shared.wiring.imports import import_watch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look after imports as far as the time allows."""
    watch = import_watch(has_time(context))
    figures = asdict(watch.look())
    # Whatever had to be helped points to something that was lost on the way.
    helped = figures["driven_on"] or figures["given_up"] or figures["found"]
    note = observability.warn if helped else observability.note
    note("looked after imports", **figures)
    return figures
