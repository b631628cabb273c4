"""Cursors: positions at which a list continues. Encrypted, signed, and bound to their caller and list.

A position may be a value of a record that the caller may not see: the last one that a walk has passed over. So it is
encrypted by a key stream that begins from the signature (a synthetic initialization vector, as in RFC 5297), and the
same position has the same cursor.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from shared.domain.errors import RuleBroken

_SIGNATURE_BYTES = 16
_BLOCK_BYTES = hashlib.sha256().digest_size


class Cursors:
    """Makes and reads cursors with one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, scope: tuple[str, ...], position: Any) -> str:
        """Return a cursor for a `position` that JSON can hold; only `open` with the same scope reads it."""
        body = json.dumps(position, separators=(",", ":")).encode()
        signature = self._sign(scope, body)
        return base64.urlsafe_b64encode(signature + self._cipher(signature, body)).rstrip(b"=").decode()

    def open(self, scope: tuple[str, ...], cursor: str) -> Any:
        """Return the position of a cursor. Raises RuleBroken when it was altered or made for another scope."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        signature = sealed[:_SIGNATURE_BYTES]
        body = self._cipher(signature, sealed[_SIGNATURE_BYTES:])
        if not hmac.compare_digest(signature, self._sign(scope, body)):
            raise RuleBroken(
                "The cursor is not valid for this list. Start again without one.", code="invalid_cursor"
            )
        return json.loads(body)

    def _sign(self, scope: tuple[str, ...], body: bytes) -> bytes:
        bound = json.dumps(scope).encode() + b"\x00" + body
        return hmac.digest(self._key, bound, hashlib.sha256)[:_SIGNATURE_BYTES]

    def _cipher(self, signature: bytes, body: bytes) -> bytes:
        """Return the body encrypted, or an encrypted body decrypted."""
        # What is signed begins with `[`, so no block of the stream is a signature.
        stream = b"".join(
            hmac.digest(self._key, b"\x00" + signature + number.to_bytes(4), hashlib.sha256)
            for number in range(-(-len(body) // _BLOCK_BYTES))
        )
        mixed = int.from_bytes(body) ^ int.from_bytes(stream[: len(body)])
        return mixed.to_bytes(len(body))
