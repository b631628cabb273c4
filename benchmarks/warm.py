"""Warm requests: our handler compared with a minimal one that makes the same calls with a default boto3 client."""

from __future__ import annotations

import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

from benchmarks import fixtures
from benchmarks.aws_noop import answer_with
from benchmarks.report import Figure

_ROUNDS, _REQUESTS = 25, 60
Side = Callable[[], Any]


def figures() -> list[Figure]:
    """Measure the CPU time of a request: medians over rounds in which both sides take turns."""
    fixtures.set_environment()
    answers = {
        # One item for all reads: contact, counter, the labels' stamp, and the tenant, which is read every two seconds.
        "GetItem": {"Item": fixtures.TENANT | fixtures.row() | {"amount": {"N": "26"}}},
        "BatchGetItem": {"Responses": {"contacts": [fixtures.row(), fixtures.STAMP]}},
        "TransactWriteItems": {},
        "UpdateItem": fixtures.BUCKET,
        "Query": {"Items": fixtures.ROWS, "Count": 26, "ScannedCount": 26},
    }
    ours, bare = _ours(answers), _bare(answers)
    free = _ours(answers, limits=False)
    seldom = _ours(answers, requests_per_second=0.5)
    return [
        compare("warm POST /contacts, CPU", ours["post"], bare["post"], 1.15),
        compare("warm GET /contacts/{id}, CPU", ours["get"], bare["get"], 1.25),
        compare("warm GET /contacts, 25 rows, CPU", ours["list"], bare["list"], 1.10),
        compare(
            "what limits add to a warm POST, 40 of a caller in a second", ours["post"], free["post"], 1.08
        ),
        compare("the same for GET", ours["get"], free["get"], 1.12),
        compare("the same for GET, one of a caller in two seconds", seldom["get"], free["get"], None),
    ]


def compare(name: str, ours: Side, yardstick: Side, budget: float | None) -> Figure:
    """Measure the CPU time of one call of each side."""
    for side in (ours, yardstick):
        for _ in range(30):
            side()
    pairs = [(_round(ours), _round(yardstick)) for _ in range(_ROUNDS)]
    ratio = statistics.median(one / other for one, other in pairs)
    floor = statistics.median(other for _, other in pairs)
    return Figure(name, ratio * floor * 1e6, floor * 1e6, "µs", budget)


def _round(side: Side) -> float:
    start = time.process_time()
    for _ in range(_REQUESTS):
        side()
    return (time.process_time() - start) / _REQUESTS


def _ours(
    answers: dict[str, Any], *, limits: bool = True, requests_per_second: float = 40
) -> dict[str, Side]:
    """Return calls of the contacts' function. `requests_per_second`: the rate at which its rate limits see them."""
    from functions.contacts.routes import routes
    from shared.http.serving import lambda_handler
    from shared.services.limits.rate_limits import RateLimits
    from shared.table.limits import BucketTable
    from shared.wiring.base import aws_client, store
    from shared.wiring.idempotency import keyed_calls
    from shared.wiring.kept import reset_wiring
    from shared.wiring.labels import label_table
    from shared.wiring.tenants import find_tenant

    reset_wiring()
    clock = itertools.count(time.time(), 1 / requests_per_second)
    counting = RateLimits(BucketTable(store()), report=lambda: None, clock=lambda: next(clock))
    handler = lambda_handler(
        routes, keyed_calls=keyed_calls, rate_limits=lambda: counting if limits else None
    )
    client = aws_client("dynamodb")
    answer_with(client, answers | {"GetItem": {"Item": fixtures.TENANT}, "Query": {"Items": fixtures.LABELS}})
    find_tenant("t1")  # warm: the tenant's record and its labels are cached
    label_table("t1").current()
    answer_with(client, answers)
    requests = {
        "post": (fixtures.event("POST", "/contacts", fixtures.BODY), 201),
        "get": (fixtures.event("GET", f"/contacts/{fixtures.CONTACT_ID}"), 200),
        "list": (fixtures.event("GET", "/contacts", query={"limit": "25"}), 200),
    }

    def side(event: dict[str, Any], status: int) -> Side:
        def serve() -> None:
            assert handler(event, None)["statusCode"] == status

        return serve

    return {name: side(event, status) for name, (event, status) in requests.items()}


def _bare(answers: dict[str, Any]) -> dict[str, Side]:
    import boto3

    client = boto3.client("dynamodb")
    answer_with(client, answers)
    body = json.dumps(fixtures.BODY)

    def post() -> str:
        given = json.loads(body)
        contact_id = str(uuid.uuid4())
        item = fixtures.row(contact_id) | {"email": {"S": given["email"]}}
        absent = "attribute_not_exists(PK)"
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "contacts", "Item": item, "ConditionExpression": absent}},
                {
                    "Put": {
                        "TableName": "contacts",
                        "Item": {
                            "PK": {"S": f"T#t1#EMAIL#{given['email']}"},
                            "SK": {"S": "LOCK"},
                            "contact_id": {"S": contact_id},
                        },
                        "ConditionExpression": absent,
                    }
                },
                {
                    "Put": {
                        "TableName": "contacts",
                        "Item": {
                            "PK": item["PK"],
                            "SK": {"S": f"EVENT#{uuid.uuid4()}"},
                            "type": {"S": "contact.created"},
                            "changes": {"S": json.dumps(given)},
                        },
                    }
                },
            ]
        )
        return json.dumps({"id": contact_id, **given})

    def plain(item: dict[str, Any]) -> dict[str, Any]:
        return {name: next(iter(value.values())) for name, value in item.items()}

    def get() -> str:
        key = {"PK": {"S": f"T#t1#C#{fixtures.CONTACT_ID}"}, "SK": {"S": "CONTACT"}}
        return json.dumps(plain(client.get_item(TableName="contacts", Key=key, ConsistentRead=True)["Item"]))

    def list_() -> str:
        found = client.query(
            TableName="contacts",
            KeyConditionExpression="PK = :pk",
            ExpressionAttributeValues={":pk": {"S": "T#t1#LIST#created"}},
            ScanIndexForward=False,
            Limit=26,
        )
        return json.dumps({"items": [plain(item) for item in found["Items"][:25]]})

    return {"post": post, "get": get, "list": list_}
