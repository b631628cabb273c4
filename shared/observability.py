"""Logs. They contain ids, classes and codes, and never names, addresses, numbers, tokens or secrets."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from shared.domain.errors import DomainError

MAX_LINES = 50
"""Lines of an exception's trace that are logged at most."""


@cache
def logger() -> Logger:
    """Return the structured logger (JSON lines)."""
    from aws_lambda_powertools import Logger

    return Logger(service="contacts")


def log_refusal(method: str, route: str, request_id: str, error: DomainError) -> None:
    """Log a refusal, without its detail: that may repeat what the caller sent."""
    note("refused", method=method, route=route, request_id=request_id, code=error.code)


def log_failure(method: str, route: str, request_id: str) -> None:
    """Log an internal error with its trace. Must be called while the exception is being handled."""
    fields = {"method": method, "route": route, "request_id": request_id, "trace": trace()}
    logger().error("failed", fields=fields)


def note(message: str, **fields: Any) -> None:
    """Log an event of interest to the operator, at level INFO."""
    # Nested, because the logger refuses fields with the names of its own attributes (name, args, created …).
    logger().info(message, fields=fields)


def warn(message: str, **fields: Any) -> None:
    """Log an event that the operator should examine, at level WARNING."""
    logger().warning(message, fields=fields)


def trace() -> list[str]:
    """Return the trace of the exception being handled, as `trace_of` does."""
    import sys

    return trace_of(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1])


def trace_of(error: BaseException | None) -> list[str]:
    """Return the trace of an exception: classes, files and lines, at most MAX_LINES.

    A deeper trace is cut to its innermost frames. Messages are omitted, because they may contain what a person typed.
    """
    import traceback

    lines: list[str] = []
    while error is not None and (left := MAX_LINES - len(lines)) > 0:
        lines.append(type(error).__qualname__)
        lines.extend(
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__, limit=1 - left)
        )
        error = error.__cause__ or error.__context__
    return lines
