"""Refusals of the token endpoint in the form of RFC 6749, section 5.2."""

from __future__ import annotations

import json

from aws_lambda_powertools.event_handler import Response

from shared.domain import errors

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""The headers of every response of the endpoint (section 5.1)."""
STATUS = 400
"""The status of a refusal in this form."""

_REQUEST_ERRORS = (errors.RuleBroken, errors.Invalid, errors.UnsupportedMediaType)
_CODES = {error.code for error in (errors.SignInRefused, errors.UnsupportedGrantType)}


def has_oauth_form(error: type[errors.DomainError]) -> bool:
    """Whether a class of errors has the form of OAuth, because the request is at fault. Other errors are problem
    documents: too many calls, a body that is too large, a part of the system that is unavailable.
    """
    return issubclass(error, _REQUEST_ERRORS)


def build_members(error: errors.DomainError) -> dict[str, str]:
    """Return the members of a refusal's body. They do not repeat the request's values."""
    # A description is ASCII, without quotation marks and backslashes.
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in error.detail)
    return {
        "error": error.code if error.code in _CODES else "invalid_request",
        "error_description": plain,
    }


def build_refusal(error: errors.DomainError) -> Response[str]:
    """Return the response to an error for which `has_oauth_form` is true."""
    return Response(
        status_code=STATUS,
        content_type="application/json",
        body=json.dumps(build_members(error)),
    )
