"""Errors as `application/problem+json` (RFC 9457): the one table from a domain error's class to a status."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ValidationError

from shared.domain import errors

CONTENT_TYPE = "application/problem+json"

STATUS: dict[type[errors.DomainError], tuple[int, str]] = {
    errors.RuleBroken: (400, "Bad Request"),
    errors.Unauthenticated: (401, "Unauthorized"),
    errors.PermissionDenied: (403, "Forbidden"),
    errors.NotFound: (404, "Not Found"),
    errors.Conflict: (409, "Conflict"),
    errors.VersionMismatch: (412, "Precondition Failed"),
    errors.TooLarge: (413, "Content Too Large"),
    errors.UnsupportedMediaType: (415, "Unsupported Media Type"),
    errors.Invalid: (422, "Unprocessable Content"),
    errors.RateLimited: (429, "Too Many Requests"),
    errors.Unavailable: (503, "Service Unavailable"),
}
"""Each class stands for its subclasses too."""

_RETRY_AFTER_SECONDS = 2
_HOLDERS = ("contact_id", "customer_id", "user_id", "invitation_id")
"""Members that name who has what was to be unique."""


def status_of(error: type[errors.DomainError]) -> tuple[int, str]:
    """The status and title of a domain error's class."""
    return next(STATUS[base] for base in error.__mro__ if base in STATUS)


def problem(error: errors.DomainError, request_id: str) -> Response[str]:
    """The answer for a domain error."""
    members = members_of(error, request_id)
    seconds = error.retry_after or (_RETRY_AFTER_SECONDS if members["status"] == 503 else None)
    return _response(members, {"Retry-After": str(seconds)} if seconds else {})


def members_of(error: errors.DomainError, request_id: str) -> dict[str, Any]:
    """The problem document of a domain error."""
    status, title = status_of(type(error))
    members = _members(status, title, error.detail, error.code, request_id)
    if error.errors:
        members["errors"] = [
            {"field": one.field, "code": one.code, "message": one.message}
            | {name: holder for name in _HOLDERS if (holder := getattr(one, name))}
            for one in error.errors
        ]
    return members


def internal_error(request_id: str) -> Response[str]:
    """The answer when the fault is ours. It says nothing of the cause, which is in the log."""
    detail = "Something went wrong on our side. It has been logged under this request's id."
    return _response(_members(500, "Internal Server Error", detail, "internal_error", request_id), {})


def from_validation(
    error: ValidationError,
    model: type[BaseModel],
    others: Callable[[], Iterable[errors.FieldError]] = tuple,
    *,
    most: int | None = None,
) -> errors.DomainError:
    """A pydantic refusal of what was to become a `model`, as a domain error. The given values are not repeated.

    `others`: gives the faults that other rules than pydantic's find in the same input, to be answered with the first.
    `most`: how many faults are answered; faults.MAX_SHOWN, if not given.
    """
    from shared.domain import faults  # loaded after something was refused, which most processes never see

    if (malformed := faults.json_fault(error)) is not None:
        return errors.RuleBroken(malformed, code="malformed_json")
    told = faults.MAX_SHOWN if most is None else most
    return faults.refusal_of(faults.further(faults.faults_of(error, model, told), others, told))


def _members(status: int, title: str, detail: str, code: str, request_id: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }


def _response(members: dict[str, Any], headers: dict[str, Any]) -> Response[str]:
    return Response(
        status_code=members["status"], content_type=CONTENT_TYPE, body=json.dumps(members), headers=headers
    )
