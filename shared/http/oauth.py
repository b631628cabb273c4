"""Refusals of the token endpoint, as RFC 6749, section 5.2 wants them."""

from __future__ import annotations

import json

from aws_lambda_powertools.event_handler import Response

from shared.domain import errors

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""What every answer of the endpoint carries (section 5.1)."""
STATUS = 400

_TOLD = (errors.RuleBroken, errors.Invalid, errors.UnsupportedMediaType)
_WORDS = {one.code for one in (errors.SignInRefused, errors.UnsupportedGrantType)}


def has_oauth_form(error: type[errors.DomainError]) -> bool:
    """Whether a refusal is one of the request's, in OAuth's words. Others are problem documents: too many calls, a body
    that is too large, a part that is away."""
    return issubclass(error, _TOLD)


def members_of(error: errors.DomainError) -> dict[str, str]:
    """The members of a refusal's body. None of what was sent is repeated."""
    # A description has ASCII alone, without quotation marks and backslashes.
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in error.detail)
    return {
        "error": error.code if error.code in _WORDS else "invalid_request",
        "error_description": plain,
    }


def refusal(error: errors.DomainError) -> Response[str]:
    """The answer for a refusal of which `has_oauth_form` holds."""
    return Response(
        status_code=STATUS,
        content_type="application/json",
        body=json.dumps(members_of(error)),
    )
