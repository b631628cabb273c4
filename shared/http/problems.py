"""Errors as `application/problem+json` (RFC 9457), with the only table from classes of domain errors to statuses."""

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
    errors.PositionExpired: (410, "Gone"),
    errors.VersionMismatch: (412, "Precondition Failed"),
    errors.TooLarge: (413, "Content Too Large"),
    errors.UnsupportedMediaType: (415, "Unsupported Media Type"),
    errors.Invalid: (422, "Unprocessable Content"),
    errors.RateLimited: (429, "Too Many Requests"),
    errors.Unavailable: (503, "Service Unavailable"),
}
"""The status and title of each class of errors and of its subclasses."""

_RETRY_AFTER_SECONDS = 2
"""The `Retry-After` of a 503 whose error has none."""
_HOLDERS = ("contact_id", "customer_id", "user_id", "invitation_id")
"""Members that identify the record that has a unique value already."""


def status_of(error: type[errors.DomainError]) -> tuple[int, str]:
    """Return the status and title of a class of domain errors."""
    return next(STATUS[base] for base in error.__mro__ if base in STATUS)


def build_problem(error: errors.DomainError, request_id: str) -> Response[str]:
    """Return the response to a domain error."""
    members = build_members(error, request_id)
    seconds = error.retry_after or (_RETRY_AFTER_SECONDS if members["status"] == 503 else None)
    return _build_response(members, {"Retry-After": str(seconds)} if seconds else {})


def build_members(error: errors.DomainError, request_id: str) -> dict[str, Any]:
    """Return the members of a domain error's problem document."""
    status, title = status_of(type(error))
    members = _base_members(status, title, error.detail, error.code, request_id)
    if error.errors:
        members["errors"] = [
            {"field": field.field, "code": field.code, "message": field.message}
            | {name: holder for name in _HOLDERS if (holder := getattr(field, name))}
            for field in error.errors
        ]
    if isinstance(error, errors.Merged):
        members["survivor_id"] = error.survivor_id
    if isinstance(error, errors.RecoveryUnderWay):
        members["recovery_id"] = error.recovery_id
    return members


def internal_error(request_id: str) -> Response[str]:
    """Return the response to an internal error. The cause is only in the log."""
    detail = "Something went wrong on our side. It has been logged under this request's id."
    return _build_response(
        _base_members(500, "Internal Server Error", detail, "internal_error", request_id), {}
    )


def from_validation(
    error: ValidationError,
    model: type[BaseModel],
    others: Callable[[], Iterable[errors.FieldError]] = tuple,
    *,
    most: int | None = None,
) -> errors.DomainError:
    """Return the domain error for an input that pydantic refused as a `model`. It does not repeat the input's values.

    `others`: finds the errors of rules other than pydantic's in the same input, so that the answer lists all at once.
    `most`: errors to list at most; the default is faults.MAX_SHOWN.
    """
    from shared.domain import faults  # loaded only when an input is refused, which most processes never do

    if (malformed := faults.json_fault(error)) is not None:
        return errors.RuleBroken(malformed, code="malformed_json")
    most = faults.MAX_SHOWN if most is None else most
    return faults.refusal_of(faults.add_further(faults.faults_of(error, model, most), others, most))


def _base_members(status: int, title: str, detail: str, code: str, request_id: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }


def _build_response(members: dict[str, Any], headers: dict[str, Any]) -> Response[str]:
    return Response(
        status_code=members["status"], content_type=CONTENT_TYPE, body=json.dumps(members), headers=headers
    )
