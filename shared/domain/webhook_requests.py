"""The headers by which the requests that webhooks send can be recognised."""

from __future__ import annotations

from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""The headers of a signed request (Standard Webhooks 1.0.0)."""
USER_AGENT = "contacts-webhooks/1"
"""The `User-Agent` of every request to a webhook."""

_PRODUCT = USER_AGENT.partition("/")[0] + "/"


def is_webhook_request(headers: Mapping[str, object]) -> bool:
    """Whether a webhook sent the request with these headers: one of this service or another sender of signed requests.

    `headers`: values by names, which may be in any case. The sender sets these headers for every request, and a tenant
    cannot replace them (`shared.domain.webhooks.secrets`).
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    return (ID in by_name and SIGNATURE in by_name) or str(by_name.get("user-agent", "")).startswith(_PRODUCT)
