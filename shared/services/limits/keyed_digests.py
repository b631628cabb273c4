"""Names under which something is counted that nobody is to read or guess from them."""

from __future__ import annotations

import base64
import hmac


class KeyedDigests:
    """Digests of values under the deployment's secret. `purpose` keeps those of one use apart from all others'."""

    def __init__(self, secret: bytes, purpose: bytes) -> None:
        self._key = hmac.digest(secret, purpose, "sha256")

    def of(self, value: str) -> str:
        """The digest of a value: 24 characters that may stand in a key."""
        digest = hmac.digest(self._key, value.encode(errors="replace"), "sha256")
        return base64.urlsafe_b64encode(digest[:18]).decode()
