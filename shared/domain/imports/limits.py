"""The limits on the size of a file to import. A deployment may set others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """The most bytes and rows of a file, and the most columns, which are the cells of a row."""

    file_bytes: int = 200_000_000
    rows: int = 2_000_000
    columns: int = 1_000


DEFAULT_LIMITS = ImportLimits()
"""The limits of a deployment that sets none."""
