"""The functions of sample.yaml: an authorizer, and a resolver that creates an item once."""

from __future__ import annotations

import os
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from botocore.exceptions import ClientError

app = APIGatewayRestResolver()


def authorize(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tokens have the form "Bearer <tenant> <what>", where `what` is anything, or "deny", "broken", "nonsense",
    "unknown".
    """
    _, tenant, what = event["authorizationToken"].split()
    if what == "unknown":
        raise Exception("Unauthorized")  # noqa: TRY002 - API Gateway's own convention
    if what == "broken":
        raise RuntimeError("no table")
    if what == "nonsense":
        return {"principalId": "x"}
    if what == "peeks":
        read(tenant, "not an authorizer's business")
    root = event["methodArn"].rsplit("/v1/", 1)[0]
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Deny" if what == "deny" else "Allow",
        "Resource": [f"{root}/v1/GET/*"] if what == "reads" else [f"{root}/v1/*"],
    }
    return {
        "principalId": what,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenant_id": tenant, "caller_id": what, "level": 3, "admin": True},
    }


def read(tenant: str, thing_id: str) -> dict[str, Any] | None:
    key = {"PK": {"S": f"T#{tenant}#THING#{thing_id}"}, "SK": {"S": "THING"}}
    found = boto3.client("dynamodb").get_item(TableName=os.environ["TABLE_NAME"], Key=key)
    return found.get("Item")


def caller() -> dict[str, Any]:
    return dict(app.current_event["requestContext"]["authorizer"])


@app.post("/things")
def create() -> Response[str]:
    tenant = caller()["tenant_id"]
    name = app.current_event.json_body["name"]
    read(tenant, name)
    item = {
        "PK": {"S": f"T#{tenant}#THING#{name}"},
        "SK": {"S": "THING"},
        "by": {"S": caller()["caller_id"]},
    }
    try:
        boto3.client("dynamodb").put_item(
            TableName=os.environ["TABLE_NAME"], Item=item, ConditionExpression="attribute_not_exists(PK)"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return Response(409, "application/problem+json", caller()["caller_id"])
    return Response(201, "application/json", caller()["caller_id"])


@app.get("/things/<thing_id>")
def get(thing_id: str) -> dict[str, Any]:
    found = read(app.current_event.query_string_parameters.get("of") or caller()["tenant_id"], thing_id)
    return {"found": found is not None}


@app.post("/things/<thing_id>/echo")
def echo(thing_id: str) -> dict[str, Any]:
    return app.current_event.raw_event


def things(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)


def health(event: dict[str, Any], context: Any) -> Any:
    wanted = (event.get("queryStringParameters") or {}).get("do")
    if wanted == "raise":
        raise RuntimeError("broken inside")
    if wanted == "nonsense":
        return {"status": "up"}
    return {"statusCode": 200, "body": "up", "headers": {"WWW-Authenticate": "x"}}
