"""The size of responses in the logs of deliveries."""

from __future__ import annotations

import json

MAX_ENCODED_BYTES = 2_048
"""The most bytes of a kept response as JSON, twice those of the body that are kept. A control character takes six,
a quotation mark two, and the replacement of a byte that is not UTF-8 three."""


def shorten(response: str) -> str:
    """Return the beginning of a response that takes at most MAX_ENCODED_BYTES as JSON."""
    left = MAX_ENCODED_BYTES
    for position, character in enumerate(response):
        left -= len(json.dumps(character, ensure_ascii=False).encode()) - 2
        if left < 0:
            return response[:position]
    return response
