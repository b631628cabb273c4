"""Nothing about people, and no credential, comes into the logs by any door, at any level, whatever goes wrong."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter

from functions.webhooks import on_delivery, on_event
from shared import observability
from shared.table.store import Store
from tests.contract.answers import document
from tests.gateway.isolation.test_isolation import CASES, HOOK, NOWHERE, at
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World, booking
from tests.support.faults import call, injecting, server_error, throttle, unreachable
from tests.support.gateway import Gateway
from tests.support.receiver import Answer, Receiver
from tests.support.tokens import TokenIssuer
from tests.tenants import program

PERSON = {
    "first_name": "Canaryfirst",
    "last_name": "Canarylast",
    "email": "canary@example.com",
    "phone": "+14155552671",
    "company": "Canarycompany",
    "about": "Canaryabout",
    "tags": ["canarytag"],
}
FILE = "email,first_name,phone,notes\ncanary@example.com,Canaryfirst,+14155552671,Canary\nCanary,Canary,Canary,\n"
THE_HARNESS = ("moto", "responses", "werkzeug", "hypothesis", "schemathesis", "asyncio", "tests")


class Log(logging.Handler):
    """Everything that the functions' process writes, below every level: records, traces and standard output."""

    def __init__(self, printed: io.StringIO) -> None:
        super().__init__(logging.DEBUG)
        self.printed = printed
        self.records: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(THE_HARNESS):
            more = {
                name: value
                for name, value in record.__dict__.items()
                if name in ("fields", "exc_text", "stack_info")
            }
            self.records.append(f"{self.format(record)} {more}")

    def crashed(self, error: BaseException) -> None:
        """What the Lambda runtime writes of an exception that leaves a handler."""
        self.records.append("".join(traceback.format_exception(error)))

    @property
    def text(self) -> str:
        return "\n".join([*self.records, self.printed.getvalue()])


@pytest.fixture
def log() -> Iterator[Log]:
    """All loggers at DEBUG, as an operator in search of a fault might set them."""
    observability.logger()
    service, root = logging.getLogger("contacts"), logging.getLogger()
    (formatter, *_) = (
        one.formatter for one in service.handlers if isinstance(one.formatter, BasePowertoolsFormatter)
    )
    printed = io.StringIO()
    ours, handler = logging.StreamHandler(printed), Log(printed)
    ours.setFormatter(formatter)
    levels = service.level, root.level
    for logger, added in ((service, ours), (root, handler)):
        logger.addHandler(added)
        logger.setLevel(logging.DEBUG)
    yield handler
    service.removeHandler(ours)
    root.removeHandler(handler)
    service.setLevel(levels[0])
    root.setLevel(levels[1])


def assert_tells_nothing(log: Log, *secrets: str) -> None:
    lowered = log.text.lower()
    for secret in ("canary", "4155552671", "bearer ", "eyj", "whsec_", *(one.lower() for one in secrets)):
        at_ = lowered.find(secret)
        assert at_ < 0, f"{secret!r} in: …{log.text[max(0, at_ - 300) : at_ + 100]}"
    assert "contacts" in lowered, "something was logged at all"


def canaried(value: Any) -> Any:
    """A body of the same form in which every text is a canary, but for words that are to be chosen from."""
    if isinstance(value, dict):
        return {name: canaried(one) for name, one in value.items()}
    if isinstance(value, list):
        return [canaried(one) for one in value]
    if not isinstance(value, str) or value in ("static", "dynamic", "contact.created", "sms"):
        return value
    return "canary@example.com" if "@" in value else f"Canary {value}"


def calls(world: World) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every route, with canaries wherever there is room for one."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            case = CASES.get((method.upper(), path))
            target = at(path, case.made(world, world.t1) if case else NOWHERE) if "{" in path else path
            query = "?search=canary&email=canary@example.com&phone=%2B14155552671&cursor=canary&prefix=canary&canary=1"
            content = operation.get("requestBody", {}).get("content", {})
            headers = {"If-Match": '"canary"', "Idempotency-Key": "canary-key", "X-Canary": "canary"}
            yield method.upper(), target + (query if method == "get" else ""), {"headers": headers}
            for media_type, about in content.items():
                body = about.get("example", {})
                for sent in (body, canaried(body), {**canaried(body), "password": "Canary1!"}, PERSON):
                    raw = json.dumps(sent)
                    for text in (raw, raw[:-2], raw.replace('"', "'")):
                        yield method.upper(), target, {"body": text, "headers": {"Content-Type": media_type}}


def test_no_route_logs_what_it_was_sent(world: World, log: Log) -> None:
    """check 95: successes and refusals of every route, at DEBUG of every library."""
    secrets = [one.split("_", 2)[2] for one in (world.t1.program, program("T1", ""))]
    for number, (method, path, how) in enumerate(calls(world)):
        token = (world.t1.admin, world.t1.user, world.t1.program)[number % 3]
        answer = world.gateway.request(method, path, token=token, **how)
        assert answer.status < 500, (method, path, answer.text)
    assert world.gateway.failures == []
    assert_tells_nothing(log, *secrets)


def test_no_way_of_signing_in_is_logged(world: World, log: Log, token_issuer: TokenIssuer) -> None:
    """check 95: right and wrong tokens and keys."""
    world.create("canary@example.com")
    known = [world.t1.admin, world.t1.program, world.t1.powerless, token_issuer.make_token("canary-sub")]
    for token in (*known, "canary.canary.canary", "ck_canary_canarysecret", *(one[:-2] for one in known)):
        for header in (f"Bearer {token}", f"bearer {token}", f"Basic {token}", token):
            world.gateway.request("GET", "/contacts", headers={"Authorization": header})
    parts = [part for token in known for part in token.replace("_", ".").split(".") if len(part) > 20]
    keys = {token.split("_")[1] for token in known if token.startswith("ck_")}
    assert_tells_nothing(log, *(part for part in parts if part not in keys))


@pytest.mark.parametrize("fault", [unreachable, throttle, server_error])
def test_no_fault_of_aws_is_logged_with_what_was_asked(
    world: World, log: Log, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Any]
) -> None:
    """check 95: botocore's exceptions and retries, with their traces."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    made = world.create(
        "canary0@example.com", **{name: one for name, one in PERSON.items() if name != "email"}
    )
    warm = Gateway(world.stack.template, cached=True)
    warm.request("GET", "/contacts", token=world.t1.admin)
    for method, path, body in (
        ("POST", "/contacts", PERSON),
        ("PATCH", f"/contacts/{made['id']}", {"email": "canary2@example.com"}),
        ("GET", "/contacts?search=canary", None),
        ("POST", "/webhooks", {**HOOK, "url": "https://canary.example.com/canary"}),
    ):
        with injecting(fault(call("dynamodb"), times=None)):
            assert warm.request(method, path, json=body, token=world.t1.admin).status == 503
    assert_tells_nothing(log)


def test_no_fault_of_our_own_is_logged_with_its_message(
    world: World, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 95: also of an exception that was raised from another."""

    def broken(*_: Any, **__: Any) -> None:
        try:
            json.loads('{"email": "canary@example.com"')
        except ValueError as error:
            raise RuntimeError("canary@example.com +14155552671", {"token": world.t1.admin}) from error

    for name in ("commit", "get_many", "query", "get"):
        with monkeypatch.context() as patch:
            patch.setattr(Store, name, broken)
            warm = Gateway(world.stack.template, cached=True)
            for method, path, body in (("POST", "/contacts", PERSON), ("GET", f"/contacts/{NOWHERE}", None)):
                answer = warm.request(method, path, json=body, token=world.t1.admin)
                assert answer.status < 400 or "canary" not in answer.text.lower()
    assert "RuntimeError" in log.text
    assert_tells_nothing(log)


def test_no_other_door_logs_what_came_through_it(world: World, log: Log, receiver: Receiver) -> None:
    """check 95: files, bookings, the stream and webhooks; taken in, refused, or broken off."""
    world.send("POST", "/webhooks", {**HOOK, "url": f"{receiver.url}/canary?key=canary"})
    receiver.answer_with(Answer(500, body=b"canary"))
    folder = DropFolder(world)
    for name, body in (("canary.csv", FILE), ("canary2.csv", "canary"), ("canary3.csv", b"PK\x03\x04canary")):
        try:
            folder.deliver(folder.put(body, name))
            folder.work(limit=5)
        except Exception as error:  # noqa: BLE001 (as the runtime takes it)
            log.crashed(error)
    world.post_booking(
        booking(invitee_name="Canary", invitee_email="canary@example.com", invitee_phone="+14155552671"),
        booking(invitee_name="Canary", invitee_email="canary"),
        booking(invitee_email=None, invitee_name={"canary": "canary"}),
        booking(tenant_id="canary", invitee_email="canary@example.com"),
        '{"canary": "canary',
    )
    world.bookings.pump()
    world.create(**{**PERSON, "email": "canary5@example.com"})
    world.catch_up()
    fan_out = world.stack.queue_driver("WebhookFanOutFunction", on_event.handler)
    sender = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)
    fan_out.pump()
    sender.pump()
    assert receiver.requests, "the webhook was called"
    for door in (world.projector, world.publisher):
        for error in door.errors:
            log.crashed(error if isinstance(error, BaseException) else RuntimeError(str(error)))
    assert_tells_nothing(log, "canary.csv")
