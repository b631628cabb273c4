"""The header `Idempotency-Key`: a repeated POST gets the first response, and takes effect once."""

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
from shared.services.idempotency import KeyedCalls

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PATTERN = "^[!-~]([ -~]{0,253}[!-~])?$"
"""One to 255 printable ASCII characters, not beginning or ending with a space."""

KeyedCallsOf = Callable[[Caller], KeyedCalls]
"""Returns the calls that a caller makes with keys."""


def read_key(call: Call) -> str | None:
    """Return the call's key, or None when it has none. Raises Invalid for a malformed key, and for several keys."""
    given = call.header_values(HEADER.lower())
    if not given:
        return None
    if len(given) > 1:
        raise Invalid.field(HEADER, "repeated", "A request has one key.")
    if not re.match(PATTERN, given[0]) or given[0].endswith("\n"):
        raise Invalid.field(HEADER, "malformed", "A key is 1 to 255 printable ASCII characters.")
    return given[0]


def build_fingerprint(call: Call, method: str, path: str, parameters: dict[str, Any]) -> str:
    """Return a digest of what a call requests: route, path parameters, query, `If-Match`, and the body's bytes."""
    event = call.event
    requested = [
        method,
        path,
        parameters,
        event.get("multiValueQueryStringParameters") or {},
        call.header("if-match"),
        event.get("body") or "",
    ]
    digest = hashlib.sha256(json.dumps(requested, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode()


def dump_response(response: Response[str]) -> str:
    """Return a response as the text that is stored: status and headers as a line of JSON, then the body."""
    headers = {name: str(value) for name, value in response.headers.items()}
    head = json.dumps([response.status_code, headers], ensure_ascii=False, separators=(",", ":"))
    return f"{head}\n{response.body or ''}"


def load_response(stored: str, *, replayed: bool) -> Response[str]:
    """Return the response of a stored text. `replayed`: whether an earlier call got it first."""
    head, body = stored.split("\n", 1)
    status, headers = json.loads(head)
    if replayed:
        headers[REPLAYED] = "true"
    return Response(status_code=status, body=body, headers=headers)
