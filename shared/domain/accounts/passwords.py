"""Passwords: what the pool's policy asks of them, and a proof by which one is known again."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata

from shared.domain.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 256  # the policy in infra/template.yaml; the most that Cognito takes
_NEEDED = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_SALT_BYTES = 16


def prepare_password(password: str) -> str:
    """A password in the form in which it is set and compared: the same from whatever keyboard it was typed.

    Spaces of other scripts are U+0020, letters are composed (NFC); case and width stay: RFC 8265, section 4.2.2,
    OpaqueString.
    """
    # Nobody has one so long; to compose the letters of a text takes longer than its length.
    if password.isascii() or len(password) > 4 * MAX_LENGTH:
        return password
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def check_password(password: str) -> None:
    """Raises Invalid for a password that, in its prepared form, the pool's policy refuses, or Cognito cannot hold."""
    password = prepare_password(password)
    fits = (
        MIN_LENGTH <= len(password) <= MAX_LENGTH and password == password.strip() and password.isprintable()
    )
    if not fits or not all(wanted.search(password) for wanted in _NEEDED):
        raise weak_password()


def weak_password() -> Invalid:
    """The refusal of a password. It says what is wanted, never what was given."""
    return Invalid.field(
        "password",
        "weak_password",
        f"A password has {MIN_LENGTH} to {MAX_LENGTH} printable characters, lower-case and upper-case letters (a-z) "
        "and digits among them, and no space at either end.",
    )


def proof_of(password: str) -> str:
    """What tells later whether the same password is given again, and does not give it away: salt and hash in hex."""
    salt = os.urandom(_SALT_BYTES)
    return salt.hex() + _hash(password, salt).hex()


def is_proven(password: str, proof: str) -> bool:
    """Whether a password is the one of a proof."""
    known = bytes.fromhex(proof)
    return hmac.compare_digest(_hash(password, known[:_SALT_BYTES]), known[_SALT_BYTES:])


def _hash(password: str, salt: bytes) -> bytes:
    # OWASP Password Storage Cheat Sheet: N = 2^14, r = 8, p = 5. It takes 16 MB.
    return hashlib.scrypt(prepare_password(password).encode(), salt=salt, n=2**14, r=8, p=5)
