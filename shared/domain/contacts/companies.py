"""Companies as they are told apart: contacts name them in free text."""

from __future__ import annotations

from shared.domain.search import fold_line

_MAX_COMPANY = 200
LEAST_AT_THE_TOP = 2
"""How many contacts a company needs to be among the top."""


def company_key(name: str) -> str | None:
    """What all spellings of a company's name have in common: without case, accents and further spaces. None for a
    name with nothing in it. At most 800 bytes long.
    """
    return fold_line(name, _MAX_COMPANY) or None
