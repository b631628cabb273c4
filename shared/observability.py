"""Logs. They carry ids, classes and codes: never names, addresses, numbers, tokens or secrets."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from shared.domain.errors import DomainError

MAX_LINES = 50
"""Lines of an exception's trace that are logged."""


@cache
def logger() -> Logger:
    """The structured logger (JSON lines)."""
    from aws_lambda_powertools import Logger

    return Logger(service="contacts")


def refused(method: str, route: str, request_id: str, error: DomainError) -> None:
    """Note a refusal. The detail stays out: it may hold what the caller sent."""
    note("refused", method=method, route=route, request_id=request_id, code=error.code)


def failed(method: str, route: str, request_id: str) -> None:
    """Note a fault of ours with its trace. To be called while the exception is being handled."""
    fields = {"method": method, "route": route, "request_id": request_id, "trace": trace()}
    logger().error("failed", fields=fields)


def note(message: str, **fields: Any) -> None:
    """Note something of interest to the operator."""
    # Nested, since the names of a log record's own attributes (name, args, created …) cannot be given beside it.
    logger().info(message, fields=fields)


def warn(message: str, **fields: Any) -> None:
    """Note something the operator should look at."""
    logger().warning(message, fields=fields)


def trace() -> list[str]:
    """Where the exception being handled came from: classes, files and lines, MAX_LINES of them at the most. Of a deep
    one the innermost frames are told.

    Exception messages are left out, since they may hold what a person typed.
    """
    import sys
    import traceback

    lines: list[str] = []
    error: BaseException | None = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
    while error is not None and (left := MAX_LINES - len(lines)) > 0:
        lines.append(type(error).__qualname__)
        lines.extend(
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__, limit=1 - left)
        )
        error = error.__cause__ or error.__context__
    return lines
