"""One cold start, in a separate process: prints its cost as a JSON line.

`python -m benchmarks.first_request yardstick` imports boto3 and creates a DynamoDB client; `… contacts` imports the
function and serves its first request; `… authorizer` does so for the authorizer.
"""

from __future__ import annotations

import json
import resource
import sys

# Imported before the clock starts, on both sides, so that the harness itself does not count.
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
    from benchmarks.aws_noop import answer_with
    from shared.wiring.base import aws_client

    answers = {
        "GetItem": {"Item": fixtures.TENANT},
        "BatchGetItem": {"Responses": {"contacts": []}},  # the name of the owner, who does not exist
        "Query": {"Items": fixtures.LABELS},
        "TransactWriteItems": {},
        "UpdateItem": fixtures.BUCKET,
    }
    answer_with(aws_client("dynamodb"), answers)
    answer = app.handler(fixtures.event("POST", "/contacts", fixtures.BODY), None)
    assert answer["statusCode"] == 201, answer


def _authorizer() -> None:
    import functions.authorizer.app as app
    from benchmarks.aws_noop import answer_with
    from shared.wiring.base import aws_client

    answer_with(aws_client("dynamodb"), {"GetItem": {"Item": fixtures.API_CLIENT}})
    answer_with(aws_client("dynamodb", quick=True), {"UpdateItem": {}})
    assert app.authorize(fixtures.authorization(fixtures.API_KEY), None)["context"]["tenant_id"] == "t1"


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
