"""House rules for how functions run."""

from __future__ import annotations

import pytest

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
        assert properties["Timeout"] <= 300
        if function in http:
            assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
            assert properties["AutoPublishAlias"] == "live"
            # API Gateway hangs up after 29 s.
            assert properties["Timeout"] < 29


def test_versions_that_are_replaced_are_deleted_with_their_snapshots() -> None:
    """A snapshot is paid for as long as its version is there."""
    for function, properties in FUNCTIONS.items():
        if "AutoPublishAlias" in properties:
            assert properties["VersionDeletionPolicy"] == "Delete", function
    versions = [one for one in compiled().values() if one["Type"] == "AWS::Lambda::Version"]
    assert versions
    assert all(one["DeletionPolicy"] == "Delete" for one in versions)


@pytest.mark.parametrize(
    ("function", "parameter"),
    [("AuthorizerFunction", "AuthorizerConcurrency"), ("ImportsSplitFunction", "ImportsSplitConcurrency")],
)
def test_executions_are_reserved_as_the_operator_says_and_not_else(function: str, parameter: str) -> None:
    """A new account has ten of them, of which none can be reserved."""
    assert TEMPLATE["Parameters"][parameter]["Default"] == 0
    name = "ReservedConcurrentExecutions"
    assert name not in Template.load().resolve({name: FUNCTIONS[function][name]})
    assert Template.load(**{parameter: "7"}).resolve({name: FUNCTIONS[function][name]}) == {name: "7"}


def test_functions_that_have_a_bound_of_their_own_are_the_ones_that_nothing_else_bounds() -> None:
    """Queues bound their readers (`ScalingConfig`); objects put into the bucket call as many as there are."""
    reserving = {name for name, one in FUNCTIONS.items() if "ReservedConcurrentExecutions" in one}
    assert reserving == {"AuthorizerFunction"} | {function for function, _k, _p in events("S3")}


def test_the_template_has_room_for_what_is_to_come() -> None:
    """CloudFormation takes 500 resources."""
    assert len(compiled()) < 450
