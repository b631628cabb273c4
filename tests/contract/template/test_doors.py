"""House rules for the API's doors (check 98)."""

from __future__ import annotations

import json
import re

import pytest

from shared.services.limits.rate_limits import TENANT_BURST, TENANT_REQUESTS_PER_SECOND
from tests.contract.template.reading import (
    RESOURCES,
    TEMPLATE,
    events,
)
from tests.support.template import FALLBACK

METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
"""The methods of a REST API of API Gateway."""
WITHOUT_SIGN_IN = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/swagger-ui.css"),
    ("GET", "/docs/swagger-ui.js"),
    ("GET", "/docs/start.js"),
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("POST", "/users/invitations/accept"),
}


def test_every_route_but_health_and_documents_has_the_authorizer() -> None:
    auth = RESOURCES["Api"]["Properties"]["Auth"]
    assert auth["DefaultAuthorizer"] in auth["Authorizers"]
    open_routes = set()
    for _function, _kind, properties in events("Api"):
        own = properties.get("Auth", {})
        assert own in ({}, {"Authorizer": "NONE"})
        if own:
            open_routes.add((properties["Method"], properties["Path"]))
    assert open_routes == WITHOUT_SIGN_IN


def test_routes_are_spelled_out_and_each_leads_to_one_function() -> None:
    routes = [(properties["Method"], properties["Path"]) for _f, _k, properties in events("Api")]
    assert len(routes) == len(set(routes))
    for method, path in routes:
        if path != FALLBACK:
            assert method in ("GET", "POST", "PUT", "PATCH", "DELETE")
            assert path == "/" or re.fullmatch(r"(/([a-z-]+|\{[a-z_]+\}|[a-z-]+\.(json|js|css)))+", path)


def test_unknown_paths_need_sign_in_with_every_method() -> None:
    """A call of an unknown path counts like any other call (docs/decisions/0015)."""
    fallback = [(function, one) for function, _k, one in events("Api") if one["Path"] == FALLBACK]
    assert {one["Method"] for _, one in fallback} == METHODS
    assert {function for function, _ in fallback} == {"AccountFunction"}
    assert not [one for _, one in fallback if "Auth" in one]


@pytest.mark.parametrize(
    "kind", ["MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN", "RESOURCE_NOT_FOUND"]
)
def test_an_unknown_path_is_404(kind: str) -> None:
    """With a token too: on an unknown path, the gateway reads an Authorization header as an AWS Signature Version 4 and
    reports a fault in it.
    """
    answer = RESOURCES["Api"]["Properties"]["GatewayResponses"][kind]
    body = json.loads(answer["ResponseTemplates"]["application/json"])
    assert (answer["StatusCode"], body["code"]) == (404, "not_found")
    assert "WWW-Authenticate" not in answer["ResponseParameters"]["Headers"]


def test_an_answer_is_kept_for_a_minute_at_most() -> None:
    (authorizer,) = RESOURCES["Api"]["Properties"]["Auth"]["Authorizers"].values()
    assert authorizer["FunctionPayloadType"] == "TOKEN"
    assert authorizer["Identity"]["Header"] == "Authorization"
    assert authorizer["Identity"]["ReauthorizeEvery"] <= 60


@pytest.mark.parametrize(
    ("token", "taken"),
    [
        ("Bearer abc.def.ghi", True),
        ("bearer ck_1_2", True),
        ("Bearer  abc", True),
        ("Basic abc", False),
        ("Bearer", False),
        ("Bearer a b", False),
        ("", False),
    ],
)
def test_anything_but_a_bearer_token_is_refused_before_the_authorizer(token: str, taken: bool) -> None:
    (authorizer,) = RESOURCES["Api"]["Properties"]["Auth"]["Authorizers"].values()
    assert bool(re.fullmatch(authorizer["Identity"]["ValidationExpression"], token)) is taken


@pytest.mark.parametrize("kind", sorted(RESOURCES["Api"]["Properties"]["GatewayResponses"]))
def test_the_gateways_own_errors_have_the_shape_of_ours(kind: str) -> None:
    answer = RESOURCES["Api"]["Properties"]["GatewayResponses"][kind]
    assert answer["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"
    body = json.loads(answer["ResponseTemplates"]["application/json"])
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == answer["StatusCode"]
    assert body["request_id"] == "$context.requestId"


def test_the_gateways_own_errors_are_all_given() -> None:
    given = set(RESOURCES["Api"]["Properties"]["GatewayResponses"])
    needed = {
        "UNAUTHORIZED",
        "ACCESS_DENIED",
        "MISSING_AUTHENTICATION_TOKEN",
        "REQUEST_TOO_LARGE",
        "THROTTLED",
    }
    assert needed | {"DEFAULT_4XX", "DEFAULT_5XX"} <= given


def test_the_gateway_lets_far_more_through_than_one_tenant_may_send() -> None:
    """check 6: refused calls of one tenant must not use up the gateway's limit, which all tenants share."""
    (limits,) = TEMPLATE["Resources"]["Api"]["Properties"]["MethodSettings"]
    assert limits["ThrottlingRateLimit"] >= 20 * TENANT_REQUESTS_PER_SECOND
    assert limits["ThrottlingBurstLimit"] >= 5 * TENANT_BURST


def test_calls_are_limited_unless_the_operator_says_otherwise() -> None:
    parameter = TEMPLATE["Parameters"]["RateLimits"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("on", ["on", "off"])
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["RATE_LIMITS"] == {"Ref": "RateLimits"}
