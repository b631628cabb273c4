"""Requests that webhooks send are recognised."""

from __future__ import annotations

import pytest

from shared.domain.webhook_requests import USER_AGENT, is_webhook_request
from shared.publishing.signing import headers

SIGNED = headers(["whsec_AAAA"], "0190", 1_800_000_000, b"{}")


@pytest.mark.parametrize(
    "given",
    [
        SIGNED,
        {name.title(): value for name, value in SIGNED.items()},
        {"User-Agent": USER_AGENT},
        {"user-agent": "contacts-webhooks/2 (something)"},
    ],
)
def test_a_request_of_a_webhook_is_recognised(given: dict[str, str]) -> None:
    assert is_webhook_request({"Authorization": "Bearer a", **given})


@pytest.mark.parametrize(
    "given",
    [{}, {"User-Agent": "curl/8"}, {"webhook-id": "1"}, {"Webhook-Signature": "v1,a"}, {"User-Agent": ""}],
)
def test_other_requests_are_not(given: dict[str, str]) -> None:
    assert not is_webhook_request({"Authorization": "Bearer a", **given})
