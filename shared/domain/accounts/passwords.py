"""Passwords: the policy of the user pool, and proofs with which a password is recognised later."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata

from shared.domain.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 256
"""Characters of a password: the policy in infra/template.yaml, and the maximum of Cognito."""
_NEEDED = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_SALT_BYTES = 16
SCRYPT = {"n": 2**14, "r": 8, "p": 5}
"""The cost of a proof: 16 MB and a few tenths of a second (OWASP Password Storage Cheat Sheet)."""


def prepare_password(password: str) -> str:
    """Return a password in the form in which it is set and compared, which does not depend on the keyboard.

    Spaces of other scripts become U+0020 and letters are composed (NFC); case and width stay: RFC 8265, section 4.2.2,
    OpaqueString.
    """
    # No valid password is so long, and the cost of composing grows faster than the length of the text.
    if password.isascii() or len(password) > 4 * MAX_LENGTH:
        return password
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def check_password(password: str) -> None:
    """Raises Invalid if the prepared form of a password violates the pool's policy or the limits of Cognito."""
    password = prepare_password(password)
    fits = (
        MIN_LENGTH <= len(password) <= MAX_LENGTH and password == password.strip() and password.isprintable()
    )
    if not fits or not all(wanted.search(password) for wanted in _NEEDED):
        raise weak_password()


def weak_password() -> Invalid:
    """Return the error for a refused password. It states the policy and never repeats the password."""
    return Invalid.field(
        "password",
        "weak_password",
        f"A password has {MIN_LENGTH} to {MAX_LENGTH} printable characters, lower-case and upper-case letters (a-z) "
        "and digits among them, and no space at either end.",
    )


def create_proof(password: str) -> str:
    """Return a proof that recognises the same password later without revealing it: salt and hash, in hex."""
    salt = os.urandom(_SALT_BYTES)
    return salt.hex() + _hash(password, salt).hex()


def matches_proof(password: str, proof: str) -> bool:
    """Return whether `proof` was created from this password."""
    known = bytes.fromhex(proof)
    return hmac.compare_digest(_hash(password, known[:_SALT_BYTES]), known[_SALT_BYTES:])


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(prepare_password(password).encode(), salt=salt, **SCRYPT)
