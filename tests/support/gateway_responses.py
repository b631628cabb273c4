"""API Gateway's own responses (no route, no token, refused…), with the template's GatewayResponses applied."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.support.template import Template


@dataclass(frozen=True)
class GatewayAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


# Response type -> status and default message of API Gateway.
DEFAULTS: dict[str, tuple[int, str | None]] = {
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "INVALID_SIGNATURE": (403, "Not a valid key=value pair (missing equal-sign) in Authorization header"),
    "UNAUTHORIZED": (401, "Unauthorized"),
    "ACCESS_DENIED": (403, "User is not authorized to access this resource"),
    "AUTHORIZER_FAILURE": (500, None),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, None),
    "REQUEST_TOO_LARGE": (413, "HTTP content length exceeded 10485760 bytes."),
    "THROTTLED": (429, "Too Many Requests"),
    "INTEGRATION_FAILURE": (504, None),
    "INTEGRATION_TIMEOUT": (504, "Network error communicating with endpoint"),
    # The response of a proxy integration when the function raised or returned an unknown shape.
    "API_CONFIGURATION_ERROR": (500, None),
    "DEFAULT_5XX": (502, "Internal server error"),
}


class GatewayResponses:
    def __init__(self, template: Template) -> None:
        self._wanted: dict[str, dict[str, Any]] = dict(template.api().get("GatewayResponses") or {})
        for properties in template.resources("AWS::ApiGateway::GatewayResponse").values():
            self._wanted[str(properties["ResponseType"])] = dict(properties)
        self._wanted = {kind: template.resolve(entry) for kind, entry in self._wanted.items()}

    def answer(self, kind: str, request_id: str, detail: str | None = None) -> GatewayAnswer:
        """Return the response of a type; `detail` replaces its default message."""
        status, message = DEFAULTS[kind]
        message = detail or message
        fallback = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
        wanted = self._wanted.get(kind) or self._wanted.get(fallback) or {}
        if "StatusCode" in wanted:
            status = int(wanted["StatusCode"])
        context = {
            "error.message": message or "",
            "error.messageString": json.dumps(message),
            "error.responseType": kind,
            "requestId": request_id,
            "extendedRequestId": request_id,
        }
        headers = {
            "Content-Type": "application/json",
            "x-amzn-RequestId": request_id,
            "x-amzn-ErrorType": kind,
        }
        for name, value in _headers(wanted).items():
            # Header names are case-insensitive.
            headers = {known: entry for known, entry in headers.items() if known.lower() != name.lower()}
            headers[name] = _mapped(str(value), context)
        templates = wanted.get("ResponseTemplates") or {
            "application/json": '{"message":$context.error.messageString}'
        }
        text = templates.get("application/json") or next(iter(templates.values()))
        return GatewayAnswer(status, headers, _rendered(text, context).encode())


def _headers(wanted: dict[str, Any]) -> dict[str, Any]:
    """Read SAM's shape ({Headers: {Name: …}}) or CloudFormation's (gatewayresponse.header.Name: …)."""
    parameters = wanted.get("ResponseParameters") or {}
    named = dict(parameters.get("Headers") or {})
    prefix = "gatewayresponse.header."
    return named | {
        name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)
    }


def _mapped(value: str, context: dict[str, str]) -> str:
    """Evaluate a header's mapping: a literal in single quotes, or a name such as context.requestId."""
    if value.startswith("'") and value.endswith("'"):
        return value[1:-1]
    return context.get(value.removeprefix("context."), "")


def _rendered(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$context\.([A-Za-z.]*[A-Za-z])", lambda found: context.get(found[1], ""), text)
