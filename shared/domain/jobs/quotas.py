"""The background work that a tenant may have open at once, limited so that it leaves capacity to other tenants.

The limits are the operator's and the same for all tenants; docs/operations.md describes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.errors import QuotaReached, RecoveryUnderWay

MAX_BYTES_A_DAY = 10_000_000_000
"""Bytes of files, uploaded and dropped, that a tenant may import on one day (UTC): fifty of the largest files."""
NO_END = 2**53
"""The end, in Unix seconds, of a slot that is held until it is released."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit on one kind of work. `most`: the work that may be open at once. `code`, `detail`: of a refusal."""

    kind: str
    most: int
    code: str
    detail: str

    def refusal(self, _holder: str) -> QuotaReached:
        """Return the error for a tenant that is at the limit. `_holder`: the id of a piece of work that is open."""
        return QuotaReached(self.detail, code=self.code)


BULK_JOBS = Quota(
    "BULKJOBS",
    10,
    "too_many_bulk_jobs",
    "A tenant has at most 10 bulk jobs under way. Wait until one has ended, or cancel one.",
)
EXPORTS = Quota(
    "EXPORTS",
    5,
    "too_many_exports",
    "A tenant has at most 5 exports as csv, jsonl or vcf under way. Wait until one has ended, or cancel one.",
)
WORKBOOKS = Quota(
    "WORKBOOKS",
    2,
    "too_many_workbooks",
    "A tenant has at most 2 exports as xlsx under way. Wait until one has ended, or export as csv.",
)
"""Exports as xlsx. Each takes one of the workers of bulk jobs for minutes, and not for one portion."""
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
PREVIEWS = Quota(
    "PREVIEWS",
    5,
    "too_many_previews",
    "A tenant has at most 5 previews of imports running. Wait until one is ready.",
)


@dataclass(frozen=True, slots=True)
class RecoveryQuota(Quota):
    """The limit on the recoveries of one webhook. Its refusal names the one that is under way."""

    def refusal(self, holder: str) -> QuotaReached:
        """Return the error for a webhook with a recovery under way, whose id is `holder`."""
        return RecoveryUnderWay(holder)


RECOVERIES = RecoveryQuota("RECOVERIES", 1, RecoveryUnderWay.code, "")
"""Recoveries of one webhook."""

MERGE_JOBS = Quota(
    "MERGEJOBS",
    1,
    "merge_job_under_way",
    "A tenant has one merge job under way at most. Wait until it has ended, or cancel it.",
)


def recoveries_of(webhook_id: str) -> Quota:
    """Return the quota of the recoveries of a webhook."""
    return replace(RECOVERIES, kind=f"{RECOVERIES.kind}#{webhook_id}")


def too_many_bytes() -> QuotaReached:
    """Return the error for a tenant whose files of the day are too large together."""
    return QuotaReached(
        f"A tenant imports at most {MAX_BYTES_A_DAY:,} bytes a day. Start this one after midnight UTC.",
        code="too_many_bytes",
    )
