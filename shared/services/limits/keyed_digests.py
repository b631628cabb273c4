"""Digests that serve as keys of counters without revealing the counted values."""

from __future__ import annotations

import base64
import hmac


class KeyedDigests:
    """Computes digests of values with the deployment's secret. `purpose`: makes the digests of each use different."""

    def __init__(self, secret: bytes, purpose: bytes) -> None:
        self._key = hmac.digest(secret, purpose, "sha256")

    def of(self, value: str) -> str:
        """Return the digest of a value: 24 characters that are safe in a key."""
        digest = hmac.digest(self._key, value.encode(errors="replace"), "sha256")
        return base64.urlsafe_b64encode(digest[:18]).decode()
