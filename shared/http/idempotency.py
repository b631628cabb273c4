"""The header `Idempotency-Key`: a POST that is sent again gets the first answer, and has its effect once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import Response

from shared.domain.callers import Caller
from shared.domain.errors import Invalid
from shared.http.call import Call
from shared.services.idempotency import Answer, KeyedCalls

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PATTERN = "^[!-~]([ -~]{0,253}[!-~])?$"
"""One to 255 printable ASCII characters, not beginning or ending with a space."""

Keyed = Callable[[Caller], KeyedCalls]
"""Makes what keeps the keys of a caller."""


def key_of(call: Call) -> str | None:
    """The call's key, or None when it has none. Raises Invalid for what is no key, and for several."""
    given = call.header_values(HEADER.lower())
    if not given:
        return None
    if len(given) > 1:
        raise Invalid.field(HEADER, "repeated", "A request has one key.")
    if not re.match(PATTERN, given[0]) or given[0].endswith("\n"):
        raise Invalid.field(HEADER, "malformed", "A key is 1 to 255 printable ASCII characters.")
    return given[0]


def fingerprint_of(call: Call, method: str, path: str, parameters: dict[str, Any]) -> str:
    """A digest of what a call asks for: route, path parameters, query, condition, and body, byte for byte."""
    event = call.event
    asked = [
        method,
        path,
        parameters,
        event.get("multiValueQueryStringParameters") or {},
        call.header("if-match"),
        event.get("body") or "",
    ]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode()


def to_answer(response: Response[str]) -> Answer:
    """A response in the form in which it is kept."""
    headers = {name: str(value) for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.body or "")


def to_response(answer: Answer, *, replayed: bool) -> Response[str]:
    """A kept answer as a response; `replayed` says that it was given to an earlier call."""
    headers = answer.headers | ({REPLAYED: "true"} if replayed else {})
    return Response(status_code=answer.status, body=answer.body, headers=headers)
