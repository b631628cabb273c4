"""How much work in the background a tenant may have open at once, so that it leaves room for others'.

The operator's limits, the same for all tenants; the reader's view of them is in docs/operations.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.errors import QuotaReached

MAX_BYTES_A_DAY = 10_000_000_000
"""Bytes of files a tenant may have imported on one day (UTC), uploaded and dropped together: fifty of the largest."""
NO_END = 2**53
"""The end, in Unix seconds, of a place that is held until it is released."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A kind of work, and how much of it may be open at once. `code` and `detail` are those of a refusal."""

    kind: str
    most: int
    code: str
    detail: str

    def refusal(self) -> QuotaReached:
        """That a tenant has as much open as it may."""
        return QuotaReached(self.detail, code=self.code)


BULK_JOBS = Quota(
    "BULKJOBS",
    10,
    "too_many_bulk_jobs",
    "A tenant has at most 10 bulk jobs under way. Wait until one has ended, or cancel one.",
)
IMPORTS = Quota(
    "IMPORTS",
    5,
    "too_many_imports",
    "A tenant has at most 5 imports running. Wait until one has ended, and start this one then.",
)
UPLOADS = Quota(
    "UPLOADS",
    20,
    "too_many_uploads",
    "A tenant has at most 20 imports whose files can be uploaded at once. Upload those, or wait a quarter of an hour.",
)


def too_many_bytes() -> QuotaReached:
    """That a tenant's files of the day are as large as they may be together."""
    return QuotaReached(
        f"A tenant imports at most {MAX_BYTES_A_DAY:,} bytes a day. Start this one after midnight UTC.",
        code="too_many_bytes",
    )
