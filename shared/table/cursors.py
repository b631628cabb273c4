"""Cursors: positions at which a list continues. Opaque, signed, and bound to their caller and list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from shared.domain.errors import RuleBroken

_SIGNATURE_BYTES = 16


class Cursors:
    """Makes and reads cursors with one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, scope: tuple[str, ...], position: Any) -> str:
        """Return a cursor for a `position` that JSON can hold; only `open` with the same scope reads it."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(scope, body) + body).rstrip(b"=").decode()

    def open(self, scope: tuple[str, ...], cursor: str) -> Any:
        """Return the position of a cursor. Raises RuleBroken when it was altered or made for another scope."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        signature, body = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(scope, body)):
            raise RuleBroken(
                "The cursor is not valid for this list. Start again without one.", code="invalid_cursor"
            )
        return json.loads(body)

    def _sign(self, scope: tuple[str, ...], body: bytes) -> bytes:
        bound = json.dumps(scope).encode() + b"\x00" + body
        return hmac.digest(self._key, bound, hashlib.sha256)[:_SIGNATURE_BYTES]
