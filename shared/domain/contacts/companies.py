"""Companies, which contacts name in free text."""

from __future__ import annotations

from shared.domain.search import fold_line

_MAX_COMPANY = 200
LEAST_AT_THE_TOP = 2
"""How many contacts a company needs to be among the top companies."""


def company_key(name: str) -> str | None:
    """Return the key that all spellings of a company's name share, without case, accents and repeated spaces, at most
    800 bytes; None for an empty name.
    """
    return fold_line(name, _MAX_COMPANY) or None
