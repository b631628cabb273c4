"""E-mail addresses in the form in which they are stored, compared and locked."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from shared.domain.characters import one_line
from shared.domain.errors import Invalid

MAX_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the two angle brackets

# Matches only addresses that email-validator accepts unchanged. All others go to the library, whose import costs a
# quarter of a cold start. tests/properties checks that both give the same answers.
_PLAIN = re.compile(
    r"(?=.{1,254}\Z)(?=[^@]{1,64}@)"
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?!(?:.*\.)?..--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
# Special-use domain names (RFC 6761 and later ones), which the library refuses.
_SPECIAL_USE = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test", "alt", "internal"})


def normalize_email(raw: str, field: str = "email") -> str:
    """Return the stored form of an address: lower case, compatibility characters such as full-width letters replaced
    (NFKC), the domain in IDNA form.

    The address may be in angle brackets after a name (RFC 5322, section 3.4), in a `mailto:` URI (RFC 6068), and
    among invisible characters. It must be valid for the library email-validator, without deliverability look-ups.
    Raises Invalid naming `field`; the message never repeats the address.
    """
    text = raw.strip()
    if len(text) > 2 * MAX_LENGTH:  # before any part of it is cached
        raise _too_long(field)
    return _normalize(text, field)


@lru_cache(maxsize=2048)
def _normalize(text: str, field: str) -> str:
    if not _PLAIN.fullmatch(text):
        text = _address_in(text)
    if not text:
        raise Invalid.field(field, "required", "An e-mail address is required.")
    if len(text) > MAX_LENGTH:
        raise _too_long(field)
    if text.isascii():
        lowered = text.lower()
        if _PLAIN.fullmatch(lowered) and lowered.rsplit(".", 1)[1] not in _SPECIAL_USE:
            return lowered
    return _normalize_by_library(text, field)


def _address_in(text: str) -> str:
    """Return the address in a text, without a name, brackets, the scheme of a URI and invisible characters."""
    # Cut to what `normalize_email` accepts: composing letters can take more than linear time.
    address = unicodedata.normalize("NFKC", one_line(text[: 2 * MAX_LENGTH])).strip()
    name, bracket, bracketed = address.rpartition("<")
    # With several addresses in brackets none is chosen.
    if bracket and bracketed.endswith(">") and not {"<", ">"} & {*name}:
        address = bracketed[:-1].strip()
    if address[:7].lower() == "mailto:":
        address = unquote(address[7:].partition("?")[0]).strip()
    return address


def _too_long(field: str) -> Invalid:
    return Invalid.field(field, "email", f"An e-mail address has at most {MAX_LENGTH} characters.")


def _normalize_by_library(text: str, field: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        message = "This is not a valid e-mail address."
        raise Invalid.field(field, "email", message) from error
    local = unicodedata.normalize("NFKC", valid.local_part.lower())
    domain = (valid.ascii_domain or valid.domain).lower()
    return f"{local}@{domain}"


def local_part(email: str) -> str:
    """Return the part of an address before the `@`."""
    return email.rsplit("@", 1)[0]
