"""The requests and responses of the benchmarks."""

from __future__ import annotations

import json
import os
from typing import Any

CONTACT_ID = "0197a1b2-c3d4-7e5f-8a6b-0123456789ab"
BODY = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "phone": "+14155552671",
    "company": "Analytical Engines",
    "job_title": "Programmer",
    "tags": ["vip", "newsletter"],
}


def set_environment() -> None:
    """Set the environment variables of a deployed function."""
    os.environ.update(
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="bench",
        AWS_SECRET_ACCESS_KEY="bench",
        TABLE_NAME="contacts",
        CURSOR_KEY="bench",
        POWERTOOLS_LOG_LEVEL="WARNING",
    )


def row(contact_id: str = CONTACT_ID) -> dict[str, Any]:
    """Return a contact's item as DynamoDB returns it."""
    texts = {
        "PK": f"T#t1#C#{contact_id}",
        "SK": "CONTACT",
        "id": contact_id,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "full_name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+14155552671",
        "company": "Analytical Engines",
        "job_title": "Programmer",
        "owner_id": "u1",
        "source": "api",
        "created_at": "2026-05-04T09:30:00.000Z",
        "created_by": "user:u1",
        "updated_at": "2026-05-04T09:30:00.000Z",
        "updated_by": "user:u1",
        "last_event": CONTACT_ID,
    }
    return {
        **{name: {"S": value} for name, value in texts.items()},
        "version": {"N": "1"},
        "tag_ids": {"L": [{"S": "tag-1"}, {"S": "tag-2"}]},
    }


API_KEY = "ck_0190_secret"
API_CLIENT: dict[str, Any] = {
    name: {"S": value}
    for name, value in {
        "tenant_id": "t1",
        "client_id": "client",
        "name": "bench",
        "created_at": "2026-05-04T09:30:00.000Z",  # the authorizer reads the tenant too, and receives the same item
        "secret_hash": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        "permissions": "contacts:read:all",
    }.items()
}
TENANT = {
    "PK": {"S": "T#t1#TENANT"},
    "SK": {"S": "TENANT"},
    "name": {"S": "Bench"},
    "created_at": {"S": "2026-05-04T09:30:00.000Z"},
    "stamp": {"N": "3"},  # the labels' stamp, read from the same item
}
STAMP = {"PK": {"S": "T#t1#LABELS"}, "SK": {"S": "STAMP"}, "stamp": {"N": "3"}}
BUCKET = {"Attributes": {"full_at": {"N": "1777886400000000"}, "expires_at": {"N": "1777890000"}}}
LABELS = [
    {
        "PK": {"S": "T#t1#LABELS"},
        "SK": {"S": f"TAG#{name}"},
        "kind": {"S": "tag"},
        "id": {"S": label_id},
        "version": {"N": "1"},
        "last_event": {"S": CONTACT_ID},
        "label": {
            "S": json.dumps(
                {
                    "id": label_id,
                    "name": name,
                    "created_at": "2026-05-04T09:30:00.000Z",
                    "created_by": "user:u1",
                    "updated_at": "2026-05-04T09:30:00.000Z",
                    "updated_by": "user:u1",
                }
            )
        },
    }
    for label_id, name in (("tag-1", "vip"), ("tag-2", "newsletter"))
]
ROWS = [row(f"0197a1b2-c3d4-7e5f-8a6b-{n:012x}") for n in range(26)]


def authorization(credential: str) -> dict[str, Any]:
    """Return the event that API Gateway sends to an authorizer."""
    arn = "arn:aws:execute-api:us-east-1:000000000000:api/v1/GET/contacts"
    return {"type": "TOKEN", "authorizationToken": f"Bearer {credential}", "methodArn": arn}


def event(method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a request as API Gateway sends it to a function (REST API, proxy event version 1.0)."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/json", "accept": "*/*", "host": "api.example.com"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "stage": "v1",
            "path": f"/v1{path}",
            "httpMethod": method,
            "authorizer": {
                "tenant_id": "t1",
                "caller_kind": "user",
                "caller_id": "u1",
                "role": "admin",
                "permissions": "",
                "rate_limit": "50:100",
            },
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
