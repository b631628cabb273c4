"""The gateway responds as API Gateway does, with the sample template's routes, authorizer and responses."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from tests.support.aws import Stack
from tests.support.gateway import LARGEST_BODY, Gateway, Response
from tests.support.gateway_authorizers import allows
from tests.support.gateway_events import API_ID
from tests.support.tenant_guard import TenantGuard
from tests.support.transport import Attempt, Layer, Send, intercepting


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    return Gateway(stack.template)


def test_a_request_reaches_its_function_as_a_rest_proxy_event(gateway: Gateway) -> None:
    answer = gateway.request(
        "post",
        "/v1/things/a%2Bb/echo",
        json={"x": 1},
        query={"tag": ["a", "b"], "q": "é +"},
        headers={"If-Match": '"3"'},
        token="t1 anna",
    )
    assert answer.status == 200
    event = answer.json
    assert event["resource"] == "/things/{thing_id}/echo"
    assert event["path"] == "/things/a%2Bb/echo"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"thing_id": "a%2Bb"}, (
        "REST APIs hand path parameters on as they were sent"
    )
    assert event["queryStringParameters"] == {"tag": "b", "q": "é +"}
    assert event["multiValueQueryStringParameters"] == {"tag": ["a", "b"], "q": ["é +"]}
    assert event["headers"]["If-Match"] == '"3"'
    assert event["multiValueHeaders"]["If-Match"] == ['"3"']
    assert event["body"] == '{"x": 1}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["stage"] == "v1"
    assert context["path"] == "/v1/things/a%2Bb/echo"
    assert context["resourcePath"] == "/things/{thing_id}/echo"
    assert context["identity"]["sourceIp"]
    assert context["requestId"]
    assert context["authorizer"] == {
        "principalId": "anna",
        "tenant_id": "t1",
        "caller_id": "anna",
        "level": "3",
        "admin": "true",
        "integrationLatency": "1",
    }


def test_absent_parts_of_a_request_are_null(gateway: Gateway) -> None:
    event = gateway.request("POST", "/things/1/echo", token="t1 anna").json
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["body"] is None


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}])
def test_without_a_token_of_the_expected_form_it_is_401_and_nobody_is_asked(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    answer = gateway.request("GET", "/things/1", headers=headers)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["code"] == "unauthenticated"
    assert answer.json["request_id"]


@pytest.mark.parametrize(
    ("who", "status", "kind"),
    [
        ("unknown", 401, "UNAUTHORIZED"),
        ("deny", 403, "ACCESS_DENIED"),
        ("broken", 500, "AUTHORIZER_FAILURE"),
        ("nonsense", 500, "AUTHORIZER_CONFIGURATION_ERROR"),
    ],
)
def test_the_authorizer_s_answer_decides(gateway: Gateway, who: str, status: int, kind: str) -> None:
    answer = gateway.request("GET", "/things/1", token=f"t1 {who}")
    assert answer.status == status
    assert answer.headers["x-amzn-ErrorType"] == kind


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("PATCH", "/things/1"),
        ("OPTIONS", "/things"),
        ("GET", "/things/"),
        ("GET", "/things/1/2"),
    ],
)
def test_what_the_template_does_not_name_is_answered_like_a_missing_route(
    gateway: Gateway, method: str, path: str
) -> None:
    answer = gateway.request(method, path)
    assert answer.status == 404
    assert answer.json == {"status": 404, "code": "no_such_route", "detail": "Missing Authentication Token"}


def test_where_nothing_is_the_gateway_takes_a_token_for_a_signature_of_aws(gateway: Gateway) -> None:
    answer = gateway.request("GET", "/nothing", token="t1 anna")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "INVALID_SIGNATURE")


def test_a_trailing_slash_is_none(gateway: Gateway) -> None:
    assert gateway.request("GET", "/health/").status == 200


def test_an_open_route_asks_nobody(gateway: Gateway) -> None:
    answer = gateway.request("GET", "/health")
    assert (answer.status, answer.text) == (200, "up")
    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["x-amzn-Remapped-WWW-Authenticate"] == "x"


@pytest.mark.parametrize("what", ["raise", "nonsense"])
def test_a_function_that_breaks_is_502_and_its_error_is_kept_for_the_test(
    gateway: Gateway, what: str
) -> None:
    assert gateway.request("GET", "/health", query={"do": what}).status == 502
    assert len(gateway.failures) == 1


def test_a_body_over_the_limit_does_not_reach_the_function(gateway: Gateway) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    assert gateway.request("POST", "/things", body=body, token="t1 anna").status == 413


def test_a_policy_is_kept_by_token_for_as_long_as_the_template_says(stack: Stack) -> None:
    now = [0.0]
    gateway = Gateway(stack.template, cached=True, clock=lambda: now[0])
    asked = []
    authorize = gateway._handler("AuthorizerFunction")
    gateway._handlers["AuthorizerFunction"] = lambda event, context: (
        asked.append(event) or authorize(event, context)
    )
    assert gateway.request("GET", "/things/1?of=t1", token="t1 reads").status == 200
    assert gateway.request("GET", "/things/2?of=t1", token="t1 reads").status == 200
    # The cached policy is checked against each request's own method and path.
    assert gateway.request("POST", "/things", json={"name": "x"}, token="t1 reads").status == 403
    assert len(asked) == 1
    gateway.request("GET", "/things/1?of=t1", token="t1 other")
    assert len(asked) == 2
    now[0] = 60.0
    gateway.request("GET", "/things/1?of=t1", token="t1 reads")
    assert len(asked) == 3


def test_a_handler_acts_for_the_caller_s_tenant_alone(gateway: Gateway, tenant_guard: TenantGuard) -> None:
    assert gateway.request("GET", "/things/1", query={"of": "t1"}, token="t1 anna").json == {"found": False}
    with tenant_guard.expecting_violations() as seen, pytest.raises(BaseException, match="T#t10#"):
        gateway.request("GET", "/things/1", query={"of": "t10"}, token="t1 anna")
    assert len(seen) == 1


def test_sixty_four_requests_at_once_meet_at_every_call_and_keep_apart_in_the_resolver(stack: Stack) -> None:
    gateway = Gateway(stack.template, isolation="interleaved")

    def create(number: int) -> Callable[[], Response]:
        return lambda: gateway.request("POST", "/things", json={"name": "one"}, token=f"t1 caller{number}")

    answers = gateway.together([create(number) for number in range(64)])
    # Each response is written by the resolver after two AWS calls: its caller must still be that of the request.
    assert [answer.text for answer in answers] == [f"caller{number}" for number in range(64)]
    assert sorted(answer.status for answer in answers) == [201] + [409] * 63


def test_requests_sent_together_have_all_looked_before_the_first_one_writes(stack: Stack) -> None:
    gateway = Gateway(stack.template, isolation="interleaved")
    order: list[str] = []
    lock = threading.Lock()

    def note(attempt: Attempt, send: Send) -> AWSResponse:
        with lock:
            order.append(attempt.operation)
        return send(attempt)

    requests = [
        lambda name=name: gateway.request("POST", "/things", json={"name": "one"}, token=f"t1 {name}")
        for name in map(str, range(8))
    ]
    with intercepting(Layer.FAULTS, note):
        gateway.together(requests)
    assert order == ["GetItem"] * 8 + ["PutItem"] * 8


def test_deny_wins_and_silence_denies() -> None:
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{API_ID}/v1/GET/things/1"

    def verdict(*statements: tuple[str, str, str]) -> bool:
        made = [
            {"Effect": effect, "Action": action, "Resource": resource}
            for effect, action, resource in statements
        ]
        return allows({"Statement": made}, arn)

    everything = ("Allow", "execute-api:Invoke", "*")
    assert verdict(everything)
    assert verdict(("Allow", "execute-api:*", "arn:aws:execute-api:*/v1/GET/*"))
    assert not verdict()
    assert not verdict(("Allow", "lambda:InvokeFunction", "*"))
    assert not verdict(("Allow", "execute-api:Invoke", "arn:aws:execute-api:*/v1/POST/*"))
    assert not verdict(everything, ("Deny", "execute-api:Invoke", "*/GET/things/?"))
