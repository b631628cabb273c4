"""What the emulator's start is spared changes no response."""

from __future__ import annotations

import ast
import inspect

import botocore.session
from ministack.core import responses

from local.emulator_lean import _protocol

SESSION = botocore.session.get_session()


def test_every_service_has_the_metadata_of_its_model() -> None:
    services = SESSION.get_available_services()
    assert len(services) > 300
    for service in services:
        found = _protocol(service)
        assert found is not None
        assert found.metadata == SESSION.get_service_model(service).metadata


def test_a_service_without_a_model_has_none() -> None:
    assert _protocol("no-such-service") is None


def test_the_emulator_reads_nothing_else_of_a_model_when_it_responds() -> None:
    tree = ast.parse(inspect.getsource(responses._expected_envelope_content_type))
    read = {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "model"
    }  # fmt: skip
    assert read == {"metadata"}
