"""Routes of merges: merging contacts, and undoing that; and of the jobs that merge what is suggested."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.domain.errors import Conflict, Duplicate, Merged, NotFound
from shared.domain.jobs.merges import MergeJob, MergeSuggestedInput
from shared.domain.merges.groups import GroupResult
from shared.domain.merges.record import Merge
from shared.domain.merges.views import MergeInput, MergeResult
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.services.merges.reading import MergeFilter
from shared.wiring.merge_jobs import merge_job_service
from shared.wiring.merges import merge_reading, merging, show_merged

routes = Routes("Merges")


class MergeListQuery(ListQuery):
    """The merges to list."""

    state: Literal["done", "undone"] | None = Field(None, description="Only merges in this state.")
    survivor_id: str | None = Field(
        None, min_length=1, max_length=100, description="Only merges into this contact."
    )
    contact_id: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Only merges of this contact: into it, or into another one.",
    )
    job_id: str | None = Field(
        None, min_length=1, max_length=100, description="Only merges that this job made."
    )


@routes.route(
    "POST",
    "/contacts/merge",
    summary="Merge contacts into another one, or show what a merge would do",
    body=MergeInput,
    answer=MergeResult,
    show=show_merged,
    errors=(NotFound, Merged, Duplicate, Conflict),
)
def merge_contacts(call: Call, body: MergeInput) -> Reply:
    """The survivor keeps its values and gets those that it lacks. Lists are united, and a channel that was opted out of
    stays so. The timelines, notes, bookings and history of the merged contacts are the survivor's from then on. Their
    ids lead to the survivor: GET answers with the survivor, and other calls are 409 `merged`.
    """
    return Reply(record=merging(call.caller, call.claim).merge(body))


@routes.route(
    "GET",
    "/merges",
    summary="List merges, newest first",
    query=MergeListQuery,
    answer=Merge,
    paged=True,
)
def list_merges(call: Call, query: MergeListQuery) -> Reply:
    """Callers who see only their own contacts see the merges that they made."""
    wanted = MergeFilter(query.state, query.survivor_id, query.contact_id, query.job_id)
    reading = merge_reading(call.caller, call.budget)
    return Reply(page=reading.list(wanted, limit=query.limit, cursor=query.cursor))


@routes.route("GET", "/merges/{merge_id}", summary="Read a merge", answer=Merge, errors=(NotFound,))
def read_merge(call: Call, merge_id: str) -> Reply:
    return Reply(record=merge_reading(call.caller).read(merge_id))


@routes.route(
    "POST",
    "/merges/{merge_id}/undo",
    summary="Undo a merge",
    answer=MergeResult,
    show=show_merged,
    errors=(NotFound, Conflict),
)
def undo_merge(call: Call, merge_id: str) -> Reply:
    """The merged contacts are back with their ids, addresses, labels, customers and timelines. The survivor loses what
    the merge gave it, as far as nobody has changed it since; `undo.kept` lists the rest with the reason. A merge can be
    undone for 30 days. Later merges of the survivor must be undone first.
    """
    return Reply(record=merging(call.caller, call.claim).undo(merge_id))


@routes.route(
    "POST",
    "/contacts/merge-suggested",
    summary="Merge all suggested contacts in the background",
    body=MergeSuggestedInput,
    answer=MergeJob,
    status=202,
    location="/contacts/merge-jobs/{id}",
    errors=(Conflict,),
)
def merge_suggested(call: Call, body: MergeSuggestedInput) -> Reply:
    """The answer is 202 with the job. Pairs with the score that share a contact are merged together, into the contact
    with the most history: the most interactions, bookings and notes; else into the oldest one. With `dry_run`, the job
    lists the groups and merges nothing. A caller who may merge only their own contacts merges pairs of which they own
    both. A tenant has one such job under way at most.
    """
    return Reply(record=merge_job_service(call.caller, call.claim).start(body))


@routes.route(
    "GET",
    "/contacts/merge-jobs",
    summary="List merge jobs, newest first",
    query=ListQuery,
    answer=MergeJob,
    paged=True,
)
def list_merge_jobs(call: Call, query: ListQuery) -> Reply:
    """Returns the caller's own jobs, and all jobs to an admin."""
    jobs = merge_job_service(call.caller, budget=call.budget)
    return Reply(page=jobs.list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "GET",
    "/contacts/merge-jobs/{merge_job_id}",
    summary="Read a merge job",
    answer=MergeJob,
    errors=(NotFound,),
)
def read_merge_job(call: Call, merge_job_id: str) -> Reply:
    return Reply(record=merge_job_service(call.caller).read(merge_job_id))


@routes.route(
    "GET",
    "/contacts/merge-jobs/{merge_job_id}/groups",
    summary="List what a merge job did with each group of contacts",
    query=ListQuery,
    answer=GroupResult,
    paged=True,
    errors=(NotFound,),
)
def list_merge_groups(call: Call, merge_job_id: str, query: ListQuery) -> Reply:
    """The groups that are merged, or with `dry_run` would be, and those that were refused, with the reason. Of a job
    that undoes another one: the merges that are undone, and those that could not be. They are kept for 90 days.
    """
    jobs = merge_job_service(call.caller)
    return Reply(page=jobs.list_groups(merge_job_id, limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/contacts/merge-jobs/{merge_job_id}/cancel",
    summary="Stop a merge job",
    answer=MergeJob,
    errors=(NotFound, Conflict),
)
def cancel_merge_job(call: Call, merge_job_id: str) -> Reply:
    """The job stops within seconds. What it merged stays merged, and can be undone."""
    return Reply(record=merge_job_service(call.caller, call.claim).cancel(merge_job_id))


@routes.route(
    "POST",
    "/contacts/merge-jobs/{merge_job_id}/undo",
    summary="Undo all merges of a job in the background",
    answer=MergeJob,
    status=202,
    location="/contacts/merge-jobs/{id}",
    errors=(NotFound, Conflict),
)
def undo_merge_job(call: Call, merge_job_id: str) -> Reply:
    """The answer is 202 with a further job, which undoes the merges one by one, the last one first. It lists those that
    could not be undone with the reason, as `POST /merges/{id}/undo` gives it. It can be repeated.
    """
    return Reply(record=merge_job_service(call.caller, call.claim).undo(merge_job_id))
