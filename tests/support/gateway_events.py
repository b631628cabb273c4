"""The events that API Gateway sends to functions: the routes that match a request, and the REST proxy event."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlparse

from chalice.local import LambdaEventConverter, MatchResult, RouteMatcher

from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.template import FALLBACK

API_ID = "harness123"


class Routes(RouteMatcher):
    """chalice's matcher, except that it also returns captures of routes that did not match in the end."""

    def match_route(self, url: str) -> MatchResult:
        matched = super().match_route(url)
        names = [part[1:-1] for part in matched.route.split("/") if part.startswith("{")]
        captured = {name: matched.captured[name] for name in names}
        if "" in captured.values():
            raise ValueError(f"No matching route found for: {url}")
        return MatchResult(matched.route, captured, matched.query_params)


class Fallback(RouteMatcher):
    """Matches every path but the root."""

    def __init__(self) -> None:
        super().__init__([FALLBACK])

    def match_route(self, url: str) -> MatchResult:
        parsed = urlparse(url)
        query = parse_qs(parsed.query, keep_blank_values=True)
        return MatchResult(FALLBACK, {"proxy": parsed.path.strip("/")}, query)


class ProxyEvents(LambdaEventConverter):
    """Builds the whole REST proxy event (payload 1.0); chalice's has only the part that chalice reads."""

    def __init__(self, routes: RouteMatcher, stage: str, binary_types: Sequence[str]) -> None:
        super().__init__(routes, list(binary_types))
        self._stage = stage

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        event = super().create_lambda_event(method, path, headers, body)
        lists = event["multiValueQueryStringParameters"]
        request_id = str(uuid.uuid4())
        raw_path = path.split("?")[0]
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", errors="replace")
        now = time.time()
        sent = {
            "Host": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
            "X-Forwarded-For": "198.51.100.7",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
            **headers,
        }
        event |= {
            "resource": event["requestContext"]["resourcePath"],
            "path": raw_path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": {name: values[-1] for name, values in lists.items()} if lists else None,
            "pathParameters": event["pathParameters"] or None,
            "stageVariables": None,
            "isBase64Encoded": event.get("isBase64Encoded", False),
        }
        event["requestContext"] |= {
            "resourceId": "harness",
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "stage": self._stage,
            "protocol": "HTTP/1.1",
            "path": f"/{self._stage}{raw_path}",
            "requestId": request_id,
            "extendedRequestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "domainName": sent["Host"],
            "identity": {"sourceIp": "198.51.100.7", "userAgent": headers.get("User-Agent")},
        }
        return event
