"""Signatures according to Standard Webhooks 1.0.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from shared.domain.webhook_requests import ID, SIGNATURE, TIMESTAMP
from shared.domain.webhooks.secrets import SECRET_PREFIX


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that identify and sign a request, with a signature by each secret.

    `secrets`: each is `whsec_` and base64. `message_id`: the same at every attempt. `timestamp`: Unix seconds of this
    attempt. Raises ValueError when there is no secret, or one is malformed: no request may be sent unsigned.
    """
    if not secrets:
        raise ValueError("no webhook secret")
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of `id.timestamp.body`: `v1,` and the base64 of its HMAC-SHA256."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    if not encoded or encoded == secret:
        raise ValueError("not a webhook secret")
    key = base64.b64decode(encoded, validate=True)
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
