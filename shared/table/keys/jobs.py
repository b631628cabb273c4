"""Keys of bulk jobs, exports, recoveries of webhooks and merge jobs, and of the slots for the work that a tenant has
open.
"""

from __future__ import annotations

from shared.table.keys import work
from shared.table.keys.spelling import Key, escape, make_key, tenant_prefix

BULK_DUE = "DUE#BULK"
"""The index partition of running jobs, by the time at which each is checked if it has not moved."""

EXPORTS_DUE = "DUE#EXPORTS"
"""The index partition of running exports, by the time at which each is checked if it has not moved."""

RECOVERIES_DUE = "DUE#RECOVERIES"
"""The index partition of running recoveries of webhooks, by the time at which each is checked if it has not moved."""

MERGE_JOBS_DUE = "DUE#MERGEJOBS"
"""The index partition of running merge jobs, by the time at which each is checked if it has not moved."""

MERGE_PAIRS, MERGE_GROUPS, MERGE_RESULTS = "PAIRS#", "GROUPS#", "RESULT#"
"""The prefixes of what a merge job has found and done."""


def bulk_jobs(tenant_id: str) -> str:
    """Return the partition of a tenant's bulk jobs."""
    return f"{tenant_prefix(tenant_id)}BULKJOBS"


def bulk_job(tenant_id: str, job_id: str) -> Key:
    """Return the key of a bulk job."""
    return make_key(bulk_jobs(tenant_id), escape(job_id))


def bulk_due(at: str, job_id: str) -> Key:
    """Return the index attributes of a running job."""
    return work.entry(BULK_DUE, at, job_id)


def exports(tenant_id: str) -> str:
    """Return the partition of a tenant's exports."""
    return f"{tenant_prefix(tenant_id)}EXPORTS"


def export(tenant_id: str, export_id: str) -> Key:
    """Return the key of an export."""
    return make_key(exports(tenant_id), escape(export_id))


def export_due(at: str, export_id: str) -> Key:
    """Return the index attributes of a running export."""
    return work.entry(EXPORTS_DUE, at, export_id)


def recoveries(tenant_id: str) -> str:
    """Return the partition of a tenant's recoveries of webhooks."""
    return f"{tenant_prefix(tenant_id)}RECOVERIES"


def recovery(tenant_id: str, recovery_id: str) -> Key:
    """Return the key of a recovery."""
    return make_key(recoveries(tenant_id), escape(recovery_id))


def recovery_due(at: str, recovery_id: str) -> Key:
    """Return the index attributes of a running recovery."""
    return work.entry(RECOVERIES_DUE, at, recovery_id)


def merge_jobs(tenant_id: str) -> str:
    """Return the partition of a tenant's merge jobs."""
    return f"{tenant_prefix(tenant_id)}MERGEJOBS"


def merge_job(tenant_id: str, job_id: str) -> Key:
    """Return the key of a merge job."""
    return make_key(merge_jobs(tenant_id), escape(job_id))


def merge_job_due(at: str, job_id: str) -> Key:
    """Return the index attributes of a running merge job."""
    return work.entry(MERGE_JOBS_DUE, at, job_id)


def merge_job_parts(tenant_id: str, job_id: str) -> str:
    """Return the partition of what a merge job has found and done."""
    return f"{tenant_prefix(tenant_id)}MERGEJOB#{escape(job_id)}"


def merge_pairs(tenant_id: str, job_id: str, portion: int) -> Key:
    """Return the key of the pairs that a portion of a merge job has found."""
    return make_key(merge_job_parts(tenant_id, job_id), f"{MERGE_PAIRS}{portion:08d}")


def merge_groups(tenant_id: str, job_id: str, chunk: int) -> Key:
    """Return the key of some groups of a merge job."""
    return make_key(merge_job_parts(tenant_id, job_id), f"{MERGE_GROUPS}{chunk:08d}")


def merge_result(tenant_id: str, job_id: str, number: int) -> Key:
    """Return the key of the result of a group of a merge job."""
    return make_key(merge_job_parts(tenant_id, job_id), f"{MERGE_RESULTS}{number:08d}")


def slots(tenant_id: str, kind: str) -> str:
    """Return the partition of the slots for a kind of background work, of which a tenant has a fixed number."""
    return f"{tenant_prefix(tenant_id)}PLACES#{kind}"


def slot(tenant_id: str, kind: str, number: int) -> Key:
    """Return the key of a slot, by its number."""
    return make_key(slots(tenant_id, kind), f"{number:03d}")


def bytes_of_day(tenant_id: str, day: str) -> Key:
    """Return the key of the sum of the bytes that a tenant imported on a day, such as `2026-05-04`."""
    return make_key(f"{tenant_prefix(tenant_id)}PLACES#BYTES", day)
