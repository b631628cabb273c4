"""House rules for how functions run."""

from __future__ import annotations

from tests.contract.template.reading import (
    FUNCTIONS,
    TEMPLATE,
    events,
)


def test_functions_run_on_one_runtime_and_http_functions_start_from_a_snapshot() -> None:
    shared = TEMPLATE["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    http = {function for function, _k, _p in events("Api")} | {"AuthorizerFunction"}
    for function, properties in FUNCTIONS.items():
        assert "Runtime" not in properties
        assert properties["Timeout"] <= 300
        if function in http:
            assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
            assert properties["AutoPublishAlias"] == "live"
            # API Gateway hangs up after 29 s.
            assert properties["Timeout"] < 29
