"""House rules for how functions run."""

from __future__ import annotations

import pytest

from shared.files.export_workbook import _MAX_ROWS_BYTES
from tests.contract.template.compiled import compiled
from tests.contract.template.reading import (
    FUNCTIONS,
    TEMPLATE,
    events,
    of_type,
)
from tests.support.template import Template


def test_functions_run_on_one_runtime_and_http_functions_start_from_a_snapshot() -> None:
    shared = TEMPLATE["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    http = {function for function, _k, _p in events("Api")} | {"AuthorizerFunction"}
    for own in of_type("AWS::Serverless::Function").values():
        assert "Runtime" not in own
    for function, properties in FUNCTIONS.items():
        # Only what works on a whole file may take as long as Lambda allows.
        assert properties["Timeout"] <= (900 if function == "ImportsFilesFunction" else 300)
        if function in http:
            assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
            assert properties["AutoPublishAlias"] == "live"
            # API Gateway closes the connection after 29 s.
            assert properties["Timeout"] < 29


def test_functions_with_a_large_disk_have_no_snapshot() -> None:
    """SnapStart takes at most 512 MB (AWS Lambda developer guide, "Improving startup performance with Lambda
    SnapStart"). Workbooks of exports need room for their rows three times."""
    large = {name: one for name, one in FUNCTIONS.items() if "EphemeralStorage" in one}
    assert large.keys() == {"BulkFunction", "ImportsFilesFunction"}
    assert not any("SnapStart" in one for one in large.values())
    assert large["BulkFunction"]["EphemeralStorage"]["Size"] * 1_000_000 > 3 * _MAX_ROWS_BYTES


def test_versions_that_are_replaced_are_deleted_with_their_snapshots() -> None:
    """AWS charges for a snapshot as long as its version exists."""
    for function, properties in FUNCTIONS.items():
        if "AutoPublishAlias" in properties:
            assert properties["VersionDeletionPolicy"] == "Delete", function
    versions = [one for one in compiled().values() if one["Type"] == "AWS::Lambda::Version"]
    assert versions
    assert all(one["DeletionPolicy"] == "Delete" for one in versions)


@pytest.mark.parametrize(
    ("function", "parameter"),
    [("AuthorizerFunction", "AuthorizerConcurrency"), ("ImportsFilesFunction", "ImportsFilesConcurrency")],
)
def test_executions_are_reserved_only_if_the_operator_says_so(function: str, parameter: str) -> None:
    """A new account has ten executions, and can reserve none."""
    assert TEMPLATE["Parameters"][parameter]["Default"] == 0
    name = "ReservedConcurrentExecutions"
    assert name not in Template.load().resolve({name: FUNCTIONS[function][name]})
    assert Template.load(**{parameter: "7"}).resolve({name: FUNCTIONS[function][name]}) == {name: "7"}


def test_functions_with_a_limit_of_their_own_are_those_without_another_limit() -> None:
    """Queues limit their readers (`ScalingConfig`); each object put into the bucket is a call of its own."""
    reserving = {name for name, one in FUNCTIONS.items() if "ReservedConcurrentExecutions" in one}
    assert reserving == {"AuthorizerFunction"} | {function for function, _k, _p in events("S3")}


def test_the_template_has_room_for_more_resources() -> None:
    """CloudFormation accepts 500 resources."""
    assert len(compiled()) < 450
