"""Before a snapshot functions build everything at import; otherwise they build no AWS client at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.sources import ROOT
from tests.support.template import Template

TEMPLATE = Template.load()
SNAPPED = sorted(name for name, one in TEMPLATE.functions().items() if "SnapStart" in one)

SCRIPT = """
import importlib.machinery, json, os, random, socket, sys, types
handlers, environment, event = json.load(sys.stdin)
os.environ.update(environment)
hooks = []
runtime = types.ModuleType("snapshot_restore_py")
runtime.__spec__ = importlib.machinery.ModuleSpec("snapshot_restore_py", None)
runtime.register_after_restore = hooks.append
sys.modules["snapshot_restore_py"] = runtime

def refuse(*_):
    raise AssertionError("a connection before the snapshot")

socket.socket.connect = socket.socket.connect_ex = refuse
for handler in handlers:
    module, _, name = handler.rpartition(".")
    serve = getattr(importlib.import_module(module), name)
from pydantic import BaseModel
from shared.wiring.base import aws_client
models = BaseModel.__subclasses__()
for model in models:
    models += model.__subclasses__()
unbuilt = sorted(model.__name__ for model in models if not model.__pydantic_complete__)
loaded, clients = set(sys.modules), aws_client.cache_info().currsize
if event:
    from benchmarks.aws_noop import answer_with
    answer_with(aws_client("dynamodb"), event.pop("answers"))
    loaded = set(sys.modules)
    assert serve(event, None)["statusCode"] == 201
print(json.dumps({
    "clients": clients,
    "unbuilt": unbuilt,
    "encryption": "cryptography.hazmat.primitives.ciphers.aead" in loaded,
    "reseeds": hooks == [random.seed],
    "late": sorted(set(sys.modules) - loaded),
}))
"""


class Names:
    """Stands for the resources that CloudFormation would create."""

    def ref(self, logical_id: str) -> str:
        return f"https://sqs.us-east-1.amazonaws.com/123456789012/{logical_id}"

    def attribute(self, logical_id: str, attribute: str) -> str:
        return f"arn:aws:any:us-east-1:123456789012:{logical_id}"


def started(functions: list[str], event: dict[str, Any] | None = None, **environment: str) -> dict[str, Any]:
    """Load functions in a new process, serve an event there, and return what the process reports."""
    variables: dict[str, str] = {}
    for function in functions:
        variables |= TEMPLATE.environment(function, Names())
    variables |= {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "eu-central-1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([[TEMPLATE.handler(function) for function in functions], variables, event]),
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


ENCRYPTING = {"WebhooksFunction", "ContactsFunction"}
"""The function that encrypts secrets, and one that does not."""


@pytest.mark.parametrize("function", [one for one in SNAPPED if one != "SystemFunction"])
def test_before_a_snapshot_a_function_builds_its_clients_and_does_not_connect(function: str) -> None:
    """And `random` gets a new seed in each instance that is restored from the snapshot."""
    process = started([function], AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    assert process["clients"] >= 1
    assert process["reseeds"]
    assert process["unbuilt"] == []


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
def test_without_a_snapshot_no_function_builds_a_client_when_it_is_loaded(kind: str) -> None:
    process = started(sorted(TEMPLATE.functions()), AWS_LAMBDA_INITIALIZATION_TYPE=kind)
    assert (process["clients"], process["reseeds"]) == (0, False)
    assert not process["encryption"]


def test_before_a_snapshot_only_the_function_that_writes_secrets_loads_encryption() -> None:
    processes = {
        one: started([one], AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") for one in sorted(ENCRYPTING)
    }
    assert {one for one, process in processes.items() if process["encryption"]} == {"WebhooksFunction"}


def test_the_first_call_after_a_restore_loads_nothing_more() -> None:
    from benchmarks import fixtures

    event = fixtures.event("POST", "/contacts", fixtures.BODY)
    event["answers"] = {
        "GetItem": {"Item": fixtures.TENANT},
        "Query": {"Items": fixtures.LABELS},
        "BatchGetItem": {"Responses": {}},
        "TransactWriteItems": {},
        "UpdateItem": fixtures.BUCKET,
    }
    process = started(["ContactsFunction"], event, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    ours = (
        "shared",
        "functions",
        "botocore",
        "pydantic",
        "phonenumbers.",
        "aws_lambda_powertools",
        "email_validator",
    )
    assert [name for name in process["late"] if name.startswith(ours)] == []
