"""One cold start, in a process of its own: prints a JSON line of what it cost.

`python -m benchmarks.first_request yardstick` imports boto3 and makes a DynamoDB client; `… contacts` imports
the function and serves its first request; `… authorizer` does so for the authorizer.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

# Imported before the clock starts, on both sides: the harness itself must not count.
from benchmarks import fixtures

FORBIDDEN = (
    "aws_xray_sdk",
    "phonenumbers.geodata",
    "phonenumbers.carrierdata",
    "phonenumbers.tzdata",
    "pip",
    "setuptools",
)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _yardstick() -> None:
    import boto3

    boto3.client("dynamodb")


def _contacts() -> None:
    import functions.contacts.app as app
    from benchmarks.dynamodb_noop import answer_with
    from shared import wiring

    answers = {
        "GetItem": {"Item": fixtures.TENANT},
        "Query": {"Items": fixtures.LABELS},
        "TransactWriteItems": {},
    }
    answer_with(wiring.client("dynamodb"), answers)
    answer = app.handler(fixtures.event("POST", "/contacts", fixtures.BODY), None)
    assert answer["statusCode"] == 201, answer


def _authorizer() -> None:
    import functions.authorizer.app as app
    from benchmarks.dynamodb_noop import answer_with
    from shared import wiring
    from shared.domain.credentials import hash_secret

    client = {
        "tenant_id": "t1",
        "client_id": "client",
        "name": "bench",
        "created_at": "2026-05-04T09:30:00.000Z",  # the authorizer reads the tenant too, and is given the same item
        "secret_hash": hash_secret("secret"),
        "permissions": "contacts:read:all",
    }
    item: dict[str, Any] = {name: {"S": value} for name, value in client.items()}
    answer_with(wiring.client("dynamodb"), {"GetItem": {"Item": item}})
    arn = "arn:aws:execute-api:us-east-1:000000000000:api/v1/GET/contacts"
    event = {"type": "TOKEN", "authorizationToken": "Bearer ck_0190_secret", "methodArn": arn}
    assert app.authorize(event, None)["context"]["tenant_id"] == "t1"


def main() -> None:
    fixtures.set_environment()
    before = _cpu()
    {"yardstick": _yardstick, "contacts": _contacts, "authorizer": _authorizer}[sys.argv[1]]()
    spent = _cpu() - before
    print(
        json.dumps(
            {
                "cpu_seconds": spent,
                "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "forbidden": [name for name in FORBIDDEN if name in sys.modules],
            }
        )
    )


if __name__ == "__main__":
    main()
