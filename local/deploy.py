"""Deploys the template onto the emulator through CloudFormation."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local import template
from local.failures import CannotStart
from local.sources import source_zip

STACK = "contacts"
REGION = "us-east-1"
ARTIFACTS = "contacts-artifacts"
DEPLOY_SECONDS = 300
MAIL_FROM = "contacts@demo.example"
INVITATION_URL = "https://contacts.demo.example/invitation"
"""The page where users accept invitations. It does not exist yet, but the e-mails that the emulator keeps contain the
token."""
_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_DIGEST_TAG = "contacts:digest"


class DeploymentFailed(CannotStart):
    """CloudFormation refused the template; the message says why."""


class Aws:
    """Clients of one emulator."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._session = boto3.Session("test", "test", region_name=REGION)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            # Path-style S3 addresses and no proxy: everything stays on this machine.
            config = Config(
                s3={"addressing_style": "path"},
                proxies={},
                retries={"mode": "standard"},
                max_pool_connections=32,
            )
            make: Any = self._session.client  # typed for each service's name, which is not known here
            self._clients[service] = make(service, endpoint_url=self.endpoint, config=config)
        return self._clients[service]


class Release:
    """The working copy's code and template, as they are deployed.

    `edit` may change the template's text for an experiment.
    """

    def __init__(self, endpoint: str, edit: Callable[[str], str] = str) -> None:
        self.code = source_zip()
        self.code_key = f"functions-{hashlib.sha256(self.code).hexdigest()[:16]}.zip"
        self._text = edit(template.fill_in_code(f"s3://{ARTIFACTS}/{self.code_key}"))
        self.digest = hashlib.sha256(f"{self._text}\n{endpoint}".encode()).hexdigest()

    @cached_property
    def template(self) -> dict[str, Any]:
        """The template as it is written."""
        return template.parse(self._text)

    @cached_property
    def transformed(self) -> bytes:
        """The template as CloudFormation creates it, in JSON, without the alarms that the emulator refuses: those on
        expressions of metrics. Raises DeploymentFailed when SAM refuses it.
        """
        # Imported only here: a start with an unchanged template does not need it.
        from local.transform import TemplateRefused, transformed

        try:
            complete = transformed(deepcopy(self.template), REGION)
        except TemplateRefused as error:
            raise DeploymentFailed(str(error)) from error
        resources = complete["Resources"]
        kept = {name: one for name, one in resources.items() if "Metrics" not in one.get("Properties", ())}
        return json.dumps({**complete, "Resources": kept}).encode()


def deploy(aws: Aws, release: Release) -> tuple[dict[str, str], bool]:
    """Bring the stack to the state of the working copy; return its outputs, and whether anything had to be done."""
    stack = _describe(aws)
    if stack and stack["StackStatus"] in _SETTLED and _digest(stack) == release.digest:
        return _outputs(stack), False
    if stack and stack["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        # A stack that was never created completely cannot be updated.
        aws.client("cloudformation").delete_stack(StackName=STACK)
        _wait_until_settled(aws)
        stack = None

    _ignore_error(
        "AlreadyExistsException", lambda: aws.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
    )
    template_key = f"template-{release.digest[:16]}.json"
    _upload(aws, {release.code_key: release.code, template_key: release.transformed})
    request = {
        "StackName": STACK,
        "TemplateURL": f"{aws.endpoint}/{ARTIFACTS}/{template_key}",
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (
                ("LocalEndpoint", aws.endpoint),
                ("MailFrom", MAIL_FROM),
                ("InvitationUrl", INVITATION_URL),
            )
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": _DIGEST_TAG, "Value": release.digest}],
    }
    cloudformation = aws.client("cloudformation")
    try:
        (cloudformation.update_stack if stack else cloudformation.create_stack)(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeploymentFailed(str(error)) from error
    stack = _wait_until_settled(aws)
    if stack is None or stack["StackStatus"] not in _SETTLED:
        raise DeploymentFailed("\n".join(_failures(aws)) or "CloudFormation gave no reason")
    outputs = _outputs(stack)
    _apply_gateway_responses(aws, outputs["ApiId"], release.template)
    return outputs, True


def _describe(aws: Aws) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return stacks[0] if stacks[0]["StackStatus"] != "DELETE_COMPLETE" else None


def _wait_until_settled(aws: Aws) -> dict[str, Any] | None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        stack = _describe(aws)
        if stack is None or not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"still {stack['StackStatus']} after {DEPLOY_SECONDS} s")
        time.sleep(0.02)


def _digest(stack: dict[str, Any]) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", []) if tag["Key"] == _DIGEST_TAG), None)


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def _failures(aws: Aws) -> Iterator[str]:
    events = aws.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"


def _upload(aws: Aws, files: dict[str, bytes]) -> None:
    s3 = aws.client("s3")
    _ignore_error("BucketAlreadyOwnedByYou", lambda: s3.create_bucket(Bucket=ARTIFACTS))
    old = {one["Key"] for one in s3.list_objects_v2(Bucket=ARTIFACTS).get("Contents", [])}
    for key, content in files.items():
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
    for key in old - files.keys():
        s3.delete_object(Bucket=ARTIFACTS, Key=key)


def _ignore_error(code: str, call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise


def _apply_gateway_responses(aws: Aws, api_id: str, deployed: dict[str, Any]) -> None:
    """Set the template's own error responses on the gateway: the emulator ignores them when it creates the API."""
    api = deployed["Resources"]["Api"]["Properties"]
    gateway = aws.client("apigateway")
    for kind, answer in api["GatewayResponses"].items():
        headers = answer.get("ResponseParameters", {}).get("Headers", {})
        gateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            statusCode=str(answer["StatusCode"]),
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=answer["ResponseTemplates"],
        )
    gateway.create_deployment(restApiId=api_id, stageName=api["StageName"])
