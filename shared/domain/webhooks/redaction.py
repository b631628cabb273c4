"""Hides secrets in content that repeats them, such as the response of a receiver that echoes its request."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import unquote

_HIDDEN = b"[hidden]"
_SHORTEST = 8
"""Characters of the shortest text that is hidden. A shorter one is no secret, and may be in any text."""
_MOST_BYTES = 8_192
"""The bytes of content that are searched."""
_MOST_FINDS = 10_000
"""How often secrets are found at most; content with more is hidden as a whole. A tenant chooses both the values of
headers and the response: values such as `aaaaaaaa aaaaaaaaa` are found millions of times in such letters."""
_LONGEST_FORM = 6_000
"""Bytes of the longest form of a secret: 1,000 characters, each as `\\u0041` or `&#x41;`."""
_LEVELS = 2
"""How often content is decoded: JSON may contain JSON, and HTML a URL."""

_SEPARATORS = re.compile(r"[\s,;:=\"']+")
_NAMED = {
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
}


def _decode_json(found: re.Match[bytes]) -> bytes:
    pair, character, named = found[1], found[2], found[3]
    if pair:  # a character beyond U+FFFF, as two escapes (RFC 8259, section 7)
        return bytes.fromhex((pair[:4] + pair[6:]).decode()).decode("utf-16-be").encode()
    return _NAMED.get(named) or chr(int(character, 16)).encode(errors="replace")


def _decode_html(found: re.Match[bytes]) -> bytes:
    return html.unescape(found[0].decode("ascii")).encode(errors="replace")


def _decode_url(found: re.Match[bytes]) -> bytes:
    return b" " if found[0] == b"+" else bytes([int(found[1], 16)])


_ESCAPES: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    (
        re.compile(
            rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
            rb"|u([0-9a-fA-F]{4})"
            rb"|([\"\\/bfnrt]))"
        ),
        _decode_json,
    ),
    (re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"), _decode_html),
    (re.compile(rb"%([0-9a-fA-F]{2})"), _decode_url),
    (re.compile(rb"%([0-9a-fA-F]{2})|\+"), _decode_url),
)
"""The escapes of JSON, HTML, URLs and forms, each with the function that decodes one."""


def hide_secrets(content: bytes, secrets: Iterable[str]) -> bytes:
    """Return content without the secrets that it repeats, nor the parts into which a receiver may take them apart.

    Secrets are found as they are, and with the escapes of JSON, HTML, URLs and forms, also one within another. What is
    shorter than eight characters is not hidden. Of long content, only the beginning is returned; content in which
    secrets are found very often is hidden as a whole.
    """
    end = len(content) if len(content) <= _MOST_BYTES else _MOST_BYTES - _LONGEST_FORM
    content = content[:_MOST_BYTES]
    wanted = {part for one in secrets for part in _parts(one)}
    found = list(islice(_find(wanted, content), _MOST_FINDS))
    if len(found) == _MOST_FINDS:
        return _HIDDEN
    kept, at = [], 0
    for first, last in sorted(found):
        if first >= end:
            break
        if first >= at:
            kept += [content[at:first], _HIDDEN]
        at = max(at, last)
    return b"".join([*kept, content[at:end]])


def _parts(secret: str) -> Iterator[bytes]:
    """Yield a secret, and the parts of it that are secrets too: a token after `Bearer`, a value of a cookie, and the
    password in the base64 of HTTP's Basic authentication (RFC 7617).
    """
    texts = {secret, unquote(secret)}
    texts |= {part for text in texts for part in text.split()}
    texts |= {decoded for text in texts for decoded in _from_base64(text)}
    texts |= {part for text in texts for part in _SEPARATORS.split(text)}
    yield from (text.encode() for text in texts if len(text) >= _SHORTEST)


def _from_base64(text: str) -> Iterator[str]:
    """Yield the text that base64, of either alphabet, contains; nothing for other texts."""
    padded = text.rstrip("=")
    padded += "=" * (-len(padded) % 4)
    for alphabet in (b"+/", b"-_"):
        try:
            yield base64.b64decode(padded, alphabet, validate=True).decode()
        except (binascii.Error, ValueError):  # no base64, or not of a text
            continue


def _find(wanted: Iterable[bytes], content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the beginnings and ends of texts in content, also of those that only decoded content has."""
    seen = {content}
    level: list[tuple[bytes, Sequence[int]]] = [(content, range(len(content) + 1))]
    for depth in range(_LEVELS + 1):
        following: list[tuple[bytes, Sequence[int]]] = []
        for text, places in level:
            for one in wanted:
                at = text.find(one)
                while at >= 0:
                    yield places[at], places[at + len(one)]
                    at = text.find(one, at + 1)  # they may overlap
            for escape, decode in _ESCAPES if depth < _LEVELS else ():
                decoded, of_decoded = _decode(text, places, escape, decode)
                if decoded not in seen:
                    seen.add(decoded)
                    following.append((decoded, of_decoded))
        level = following


def _decode(
    text: bytes,
    places: Sequence[int],
    escape: re.Pattern[bytes],
    decode: Callable[[re.Match[bytes]], bytes],
) -> tuple[bytes, list[int]]:
    """Return decoded text, and where each of its bytes, and its end, begins in the content."""
    parts, decoded_places, at = [], [], 0
    for found in escape.finditer(text):
        plain = decode(found)
        parts += [text[at : found.start()], plain]
        decoded_places += [*places[at : found.start()], *[places[found.start()]] * len(plain)]
        at = found.end()
    return b"".join([*parts, text[at:]]), [*decoded_places, *places[at:]]
