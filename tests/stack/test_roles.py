"""The roles allow what the functions need and no more: the stack with IAM enforced (check 97).

The emulator can enforce IAM but differs from AWS in five things, which a changed template evens out:
it never sets `dynamodb:LeadingKeys` nor the encryption context of KMS (tests/contract judges those conditions), it
demands rights to PublishBatch and SendMessageBatch, which AWS does not have, it does not set the identity and the
sender's address of an e-mail, and it is called over plain http.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import demo
from local.deploy import STACK
from local.http import request
from local.stack import Stack
from tests.stack.conftest import eventually, free_ports
from tests.support.receiver import Receiver
from tests.support.tenant_guard import as_operator


def even_out(template: str) -> str:
    walls = re.compile(
        r' +Condition:\n +ForAllValues:StringLike: .*LeadingKeys.*\n +"Null": .*LeadingKeys.*\n'
    )
    assert len(walls.findall(template)) > 10
    for ours, theirs in (
        ("[sns:Publish]", "[sns:Publish, sns:PublishBatch]"),
        ("[sqs:SendMessage]", "[sqs:SendMessage, sqs:SendMessageBatch]"),
        ('!Sub "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${MailFrom}"', '"*"'),
        ("                Condition: {StringEquals: {ses:FromAddress: !Ref MailFrom}}\n", ""),
        ('aws:SecureTransport: "false"', 'aws:SecureTransport: "true"'),
    ):
        assert ours in template
        template = template.replace(ours, theirs)
    contexts = re.compile(
        r' +Condition:\n +ForAllValues:StringEquals: .*kms:Encryption.*\n +"Null": .*kms:Encryption.*\n'
    )
    assert len(contexts.findall(template)) == 2
    return contexts.sub("", walls.sub("", template))


class Enforcing(Stack):
    """A stack whose functions have only the rights of their roles."""

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        token = self.state["admin"]["token"]
        headers = {"Idempotency-Key": key} if key else {}
        status, _headers, content = request(
            method, f"{self.api_url}{path}", token=token, body=body, headers=headers
        )
        return status, json.loads(content) if content else None

    def physical(self, logical: str) -> str:
        resource = self.aws.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, function: str, event: Any) -> Any:
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.physical(function), Payload=json.dumps(event).encode()
        )
        said = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, said
        return json.loads(said)

    def refusals(self) -> list[str]:
        """Return the log lines of refused calls of functions, retried ones included."""
        refused = r"^.*(?:AccessDenied|not authorized|AuthorizationError|was not e-mailed).*$"
        return re.findall(refused, self.log_file.read_text(), re.MULTILINE)

    def as_role_of(self, function: str, service: str) -> Any:
        """Return a client with the credentials that the emulator gives a function."""
        functions = self.aws.client("lambda")
        # The emulator creates them with the function's first call, even if that fails.
        functions.invoke(FunctionName=self.physical(function), Payload=b"{}")
        found = functions.get_function_configuration(FunctionName=self.physical(function))
        digest = hashlib.sha256(f"{found['FunctionArn']}:{found['Role']}".encode()).hexdigest()
        session = boto3.Session(
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
            region_name="us-east-1",
        )
        make: Any = session.client
        return make(service, endpoint_url=self.aws.endpoint, config=Config(s3={"addressing_style": "path"}))


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforcing]:
    stack = Enforcing(
        tmp_path_factory.mktemp("enforcing") / "state",
        *free_ports(2),
        lambda _line: None,
        environment={"AUTH": "true"},
        edit=even_out,
    )
    try:
        with as_operator():
            stack.start()
        yield stack
    finally:
        stack.stop()


def merge_and_undo(enforcing: Enforcing) -> None:
    """Make each function do what it does for duplicates and merged contacts."""
    call = enforcing.call
    given = {"first_name": "Mary", "last_name": "Somerville", "phone": "+441312496000"}
    made = [
        call("POST", "/contacts?check_duplicates=true", given | {"email": f"mary{number}@example.com"})
        for number in range(2)
    ]
    assert [status for status, _ in made] == [201, 201]
    mary, twin = (contact["id"] for _, contact in made)
    assert call("POST", f"/contacts/{twin}/interactions", {"type": "call", "description": "A call"})[0] == 201
    alike = f"/contacts/duplicates?contact_id={mary}"
    assert eventually(lambda: call("GET", alike)[1]["items"])
    assert eventually(lambda: call("GET", "/contacts/duplicates")[1]["items"])
    assert call("POST", "/contacts/duplicates/dismiss", {"contact_ids": [mary, twin]})[0] == 200
    assert call("GET", alike)[1]["items"] == []

    merge = {"survivor_id": mary, "merged_ids": [twin]}
    assert call("POST", "/contacts/merge", merge | {"dry_run": True})[0] == 200
    status, done = call("POST", "/contacts/merge", merge, key="m")
    assert status == 200
    for path in (
        "",
        "/interactions",
        "/notes",
        "/timeline",
        "/history",
        "/bookings",
        "/follow-ups",
        "/consent",
    ):
        assert call("GET", f"/contacts/{twin}{path}")[1] == call("GET", f"/contacts/{mary}{path}")[1], path
    [called] = call("GET", f"/contacts/{mary}/interactions")[1]["items"]
    where = f"/contacts/{mary}/interactions/{called['id']}"
    assert call("PATCH", where, {"outcome": "pleased"})[0] == 200
    assert call("PATCH", f"/contacts/{twin}", {"last_name": "Greig"})[0] == 409
    assert call("POST", "/contacts", given | {"email": "mary1@example.com"})[0] == 409
    many = {"contacts": [given | {"email": "mary1@example.com"}]}
    assert call("POST", "/contacts/bulk-create", many)[1]["failed"] == 1
    assert call("DELETE", f"/contacts/{mary}")[0] == 204
    assert call("POST", f"/contacts/{mary}/restore")[0] == 200
    assert call("GET", f"/merges/{done['id']}")[0] == call("GET", f"/merges?contact_id={twin}")[0] == 200
    assert call("POST", f"/merges/{done['id']}/undo")[0] == 200
    assert call("GET", f"/contacts/{twin}")[1]["interaction_count"] == 1
    for contact_id in (mary, twin):
        assert call("DELETE", f"/contacts/{contact_id}")[0] == 204


def test_every_function_can_do_its_work(enforcing: Enforcing, receiver: Receiver) -> None:
    call, aws = enforcing.call, enforcing.aws
    receiver.answer_with(500)
    hook = {"url": receiver.url, "events": ["contact.created"], "headers": {"X-Own": "1"}}
    status, webhook = call("POST", "/webhooks", hook)
    assert status == 201

    status, made = call("POST", "/contacts", {"first_name": "A", "email": "roles@example.com"})
    assert status == 201
    path = f"/contacts/{made['id']}"
    assert call("PUT", path, {"first_name": "A", "email": "moved@example.com"})[0] == 200
    assert call("PATCH", path, {"last_name": "B"})[0] == 200
    assert call("GET", path)[0] == 200
    assert call("GET", f"{path}/interactions")[0] == 200
    assert call("POST", f"{path}/toggle-status")[0] == 200
    consent = {"channel": "email", "opted_out": True, "source": "a call"}
    assert call("POST", f"{path}/consent", consent)[0] == 200
    assert call("GET", f"{path}/consent")[0] == 200
    assert call("PUT", f"{path}/status", {"relationship_status": "lost_lead"})[0] == 200
    assert call("GET", f"{path}/status-history")[0] == 200
    status, note = call("POST", f"{path}/notes", {"body": "#offer"})
    assert status == 201
    where = f"{path}/notes/{note['id']}"
    eventually(lambda: call("GET", where)[1]["processing_state"] == "processed")
    assert call("PATCH", where, {"is_pinned": True})[0] == 200
    assert call("DELETE", where)[0] == 204
    assert call("DELETE", path)[0] == 204
    assert call("POST", f"{path}/restore")[0] == 200
    assert call("DELETE", path)[0] == 204

    accounts = [call("POST", "/customers", {"first_name": "G", "username": name}) for name in "gh"]
    assert [status for status, _ in accounts] == [201, 201]
    account, other = (f"/customers/{made['id']}" for _, made in accounts)
    members = [
        call(
            "POST", "/contacts", {"first_name": "A", "email": f"{n}@example.com", "customer_id": account[11:]}
        )
        for n in range(2)
    ]
    assert [status for status, _ in members] == [201, 201]
    first, second = (f"/contacts/{made['id']}" for _, made in members)
    assert call("POST", f"{second}/set-primary")[0] == 200
    assert call("PATCH", second, {"customer_id": other[11:]})[0] == 200
    assert call("DELETE", first)[0] == 204
    assert call("PUT", account, {"first_name": "G"})[0] == 200
    assert call("PATCH", account, {"username": "i"})[0] == 200
    assert call("GET", f"{other}?include=contacts")[0] == 200
    assert call("GET", f"{other}/contacts")[0] == 200
    assert call("GET", "/customers?include=contacts")[0] == 200
    assert call("GET", "/customers?username=h")[0] == 200
    assert call("DELETE", account)[0] == 204
    merge_and_undo(enforcing)
    status, client = call(
        "POST", "/api-clients", {"name": "Shop", "permissions": {"contacts:read": "all"}}, key="c"
    )
    assert status == 201
    assert request("GET", f"{enforcing.api_url}/me", token=client["key"])[0] == 200
    client_path = f"/api-clients/{client['id']}"
    assert call("PATCH", client_path, {"is_active": False})[0] == 200
    assert call("POST", f"{client_path}/rotate-key", {})[0] == 200
    assert call("GET", client_path)[1]["last_used_at"] is not None
    assert call("GET", "/api-clients")[0] == 200
    assert call("DELETE", client_path)[0] == 204
    assert call("PATCH", "/settings", {"timezone": "Europe/London"})[0] == 200
    assert call("PATCH", "/settings", {"unique_scope": "customer"})[0] == 409
    assert call("GET", "/settings")[0] == 200
    assert call("GET", "/openapi.json")[0] == 200
    person = {"username": "founder@example.com", "password": "Difference-Engine-1822"}
    founded = {"tenant_name": "F", "email": person["username"], "password": person["password"]}
    assert [call("POST", "/auth/register", founded)[0] for _ in "12"] == [201, 409]
    asked = {"grant_type": "password", **person}
    assert request("POST", f"{enforcing.api_url}/auth/token", form=asked)[0] == 200
    api_key = request("GET", f"{enforcing.api_url}/contacts?limit=1", token=enforcing.state["api_key"])
    assert api_key[0] == 200

    booking = {
        "event_id": "e-1", "occurred_at": "2026-05-04T09:30:00Z", "tenant_id": "demo", "booking_id": "b-1",
        "organizer_id": "o-1", "invitee_name": "Bob Builder", "invitee_email": "bob@example.com",
        "invitee_phone": "+12025550143", "starts_at": "2026-05-05T09:30:00Z", "ends_at": "2026-05-05T10:30:00Z",
        "title": "Cut", "metadata": {}, "version": 1,
    }  # fmt: skip
    aws.client("events").put_events(
        Entries=[
            {
                "EventBusName": enforcing.state["bus"],
                "Source": "scheduling.bookings",
                "DetailType": "BookingCreated",
                "Detail": json.dumps(detail),
            }
            for detail in (booking, {"malformed": True})
        ]
    )
    for name, content in (
        ("people.csv", "email\nbad\n" + "".join(f"p{n}@example.com\n" for n in range(40))),
        ("x.csv", "PK\x03\x04"),
    ):
        aws.client("s3").put_object(
            Bucket=enforcing.state["drop_bucket"], Key=f"tenants/demo/inbox/{name}", Body=content.encode()
        )

    def ended() -> dict[str, Any] | None:
        found = {one["file_name"]: one for one in call("GET", "/imports")[1]["items"]}
        both = len(found) == 2 and all(one["state"] != "running" for one in found.values())
        return found if both else None

    found = eventually(ended)
    assert found is not None
    assert found["people.csv"]["state"] == "completed"
    assert found["people.csv"]["counts"]["created"] == 40
    assert found["x.csv"]["state"] == "failed"
    assert call("GET", f"/imports/{found['people.csv']['id']}/results")[0] == 200

    dead = enforcing.outputs["BookingsDeadLettersUrl"]
    assert eventually(lambda: aws.client("sqs").receive_message(QueueUrl=dead).get("Messages"))
    # 1 from the API, 1 from the booking, 40 from the import, and those of the demo before. The first was refused.
    eventually(lambda: len({one.headers["webhook-id"] for one in receiver.requests}) >= 42)
    assert call("POST", f"/webhooks/{webhook['id']}/rotate-secret", {})[0] == 200
    assert call("GET", f"/webhooks/{webhook['id']}/deliveries?limit=5")[0] == 200
    assert call("DELETE", f"/webhooks/{webhook['id']}")[0] == 204

    people = {"contacts": [{"first_name": "A", "email": f"bulk{n}@example.com"} for n in range(500)]}
    made_many = call("POST", "/contacts/bulk-create", people, key="k1")
    assert made_many[0] == 207 and made_many[1]["succeeded"] == 500, made_many
    all_of_them = {"filter": {"created_from": "2020-01-01T00:00:00Z"}}
    eventually(lambda: call("GET", "/contacts?limit=1")[1]["total"] > 500)
    status, job = call("POST", "/contacts/bulk-delete", all_of_them, key="k2")
    assert status == 202, job
    bulk_job = f"/contacts/bulk-jobs/{job['id']}"
    eventually(lambda: call("GET", bulk_job)[1]["state"] == "completed")
    assert call("POST", f"{bulk_job}/cancel")[0] == 409

    for function in (
        "SweepFunction",
        "ImportsWatchFunction",
        "WebhookDueFunction",
        "ContactsPurgeFunction",
        "TimelineDueFunction",
        "BulkWatchFunction",
        "RecountFunction",
    ):
        enforcing.invoke(function, {})
    assert enforcing.refusals() == []


def test_users_come_and_go(enforcing: Enforcing) -> None:
    call = enforcing.call
    body = {"email": "guest@guests.example", "role": "user"}
    status, made = call("POST", "/users/invitations", body, key="k3")
    assert (status, made["emailed"]) == (201, True)
    status, again = call("POST", f"/users/invitations/{made['id']}/resend")
    assert (status, again["emailed"]) == (200, True)
    accepted = {"token": again["token"], "password": demo.new_password()}
    status, user = call("POST", "/users/invitations/accept", accepted)
    assert status == 201
    assert call("PATCH", f"/users/{user['id']}", {"role": "admin"})[0] == 200
    assert call("DELETE", f"/users/{user['id']}")[0] == 204
    _status, other = call("POST", "/users/invitations", body)
    assert call("DELETE", f"/users/invitations/{other['id']}")[0] == 204
    assert call("GET", "/users")[0] == call("GET", "/users/invitations")[0] == 200
    assert enforcing.refusals() == []


@pytest.mark.parametrize(
    ("function", "service", "operation", "arguments"),
    [
        ("SystemFunction", "dynamodb", "get_item", {"Key": {"PK": {"S": "T#demo#TENANT"}, "SK": {"S": "TENANT"}}}),
        ("AuthorizerFunction", "dynamodb", "put_item", {"Item": {"PK": {"S": "U#x"}, "SK": {"S": "USER"}}}),
        ("ImportsFunction", "dynamodb", "scan", {}),
        ("AccountFunction", "dynamodb", "delete_item", {"Key": {"PK": {"S": "T#demo#TENANT"}, "SK": {"S": "TENANT"}}}),
        ("ApiClientsFunction", "dynamodb", "scan", {}),
        ("ContactsFunction", "dynamodb", "scan", {}),
        ("CustomersFunction", "dynamodb", "scan", {}),
        ("UsersFunction", "dynamodb", "scan", {}),
        ("AuthFunction", "dynamodb", "query", {
            "KeyConditionExpression": "PK = :k", "ExpressionAttributeValues": {":k": {"S": "T#demo#INVITATIONS"}},
        }),
        ("AuthFunction", "dynamodb", "delete_item", {"Key": {"PK": {"S": "U#x"}, "SK": {"S": "USER"}}}),
        ("PublishFunction", "dynamodb", "delete_item", {"Key": {"PK": {"S": "T#demo#X"}, "SK": {"S": "X"}}}),
        ("ContactsFunction", "dynamodb", "query", {
            "IndexName": "work",
            "KeyConditionExpression": "WPK = :k",
            "ExpressionAttributeValues": {":k": {"S": "DUE#0"}},
        }),
        ("ImportsFilesFunction", "s3", "put_object", {"Key": "tenants/demo/inbox/x", "Body": b""}),
        ("ImportsRowsFunction", "s3", "put_object", {"Key": "tenants/demo/inbox/x", "Body": b""}),
        ("ImportsFunction", "s3", "get_object", {"Key": "parts/demo/0190/r1/in/000000"}),
        ("WebhookSendFunction", "s3", "list_objects_v2", {}),
    ],
)  # fmt: skip
def test_a_function_cannot_do_more(
    enforcing: Enforcing, function: str, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    place = {
        "dynamodb": {"TableName": enforcing.state["table"]},
        "s3": {"Bucket": enforcing.state["drop_bucket"]},
    }
    client = enforcing.as_role_of(function, service)
    with as_operator(), pytest.raises(ClientError) as refused:
        getattr(client, operation)(**place[service], **arguments)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
