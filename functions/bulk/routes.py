"""Routes of bulk calls and of bulk jobs."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from functions.bulk.bodies import BulkCreateInput, BulkDeleteInput, BulkUpdateInput
from shared.domain.contacts.bulk import BulkResult
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput
from shared.domain.errors import ConcurrentChange, Conflict, DomainError, Invalid, NotFound
from shared.domain.jobs.bulk import BulkJob
from shared.http.bulk import MAX_ERROR_FIELDS, BulkAnswer, build_answer
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.problems import from_validation
from shared.http.routes import Accepted, Reply, Routes
from shared.services.contacts.bulk import BulkContacts
from shared.wiring.contacts import bulk_contacts, contact_filter
from shared.wiring.jobs import bulk_job_service, matching_contacts

routes = Routes("Contacts")

_JOB = Accepted(BulkJob, "/contacts/bulk-jobs/{id}")


@routes.route(
    "POST",
    "/contacts/bulk-create",
    summary="Create up to 500 contacts",
    body=BulkCreateInput,
    answer=BulkAnswer,
    status=207,
    errors=(ConcurrentChange,),
)
def bulk_create_contacts(call: Call, body: BulkCreateInput) -> Reply:
    """The answer has an entry for each contact, in order, with the status and the error of the call for one contact.
    An error names at most two fields.
    """
    contacts = bulk_contacts(call.caller, call.claim)
    given = [_validate_contact(entry, contacts) for entry in body.contacts]
    return _build_reply(call, 201, contacts.create_many(given))


@routes.route(
    "POST",
    "/contacts/bulk-update",
    summary="Change contacts by ids or by a filter",
    body=BulkUpdateInput,
    answer=BulkAnswer,
    status=207,
    accepted=_JOB,
    errors=(ConcurrentChange,),
)
def bulk_update_contacts(call: Call, body: BulkUpdateInput) -> Reply:
    """The answer has an entry for each id, or for each contact that matches. It is a job if more than 500 contacts
    match, or if finding them would exceed the call's budget. A filter selects only the caller's own contacts if the
    caller may not change others.
    """
    if (wanted := _read_filter(call, body)) is not None:
        return _build_reply(
            call, 200, matching_contacts(call.caller, call.claim, call.budget).update(wanted, body)
        )
    contacts = bulk_contacts(call.caller, call.claim)
    return _build_reply(
        call, 200, contacts.update_many(body.contact_ids or (), contacts.prepare_change(body))
    )


@routes.route(
    "POST",
    "/contacts/bulk-delete",
    summary="Delete contacts by ids or by a filter",
    body=BulkDeleteInput,
    answer=BulkAnswer,
    status=207,
    accepted=_JOB,
    errors=(ConcurrentChange,),
)
def bulk_delete_contacts(call: Call, body: BulkDeleteInput) -> Reply:
    """Like bulk-update. Deleted contacts can be restored for 30 days, one by one."""
    if (wanted := _read_filter(call, body)) is not None:
        return _build_reply(call, 204, matching_contacts(call.caller, call.claim, call.budget).delete(wanted))
    contacts = bulk_contacts(call.caller, call.claim)
    return _build_reply(call, 204, contacts.delete_many(body.contact_ids or ()))


@routes.route(
    "GET",
    "/contacts/bulk-jobs",
    summary="List bulk jobs, newest first",
    query=ListQuery,
    answer=BulkJob,
    paged=True,
)
def list_bulk_jobs(call: Call, query: ListQuery) -> Reply:
    """Returns the caller's own jobs, and all jobs to an admin."""
    jobs = bulk_job_service(call.caller, budget=call.budget)
    return Reply(page=jobs.list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "GET", "/contacts/bulk-jobs/{job_id}", summary="Read a bulk job", answer=BulkJob, errors=(NotFound,)
)
def read_bulk_job(call: Call, job_id: str) -> Reply:
    return Reply(record=bulk_job_service(call.caller).read(job_id))


@routes.route(
    "POST",
    "/contacts/bulk-jobs/{job_id}/cancel",
    summary="Stop a bulk job",
    answer=BulkJob,
    errors=(NotFound, Conflict),
)
def cancel_bulk_job(call: Call, job_id: str) -> Reply:
    """The job stops after the contacts that it is working on, at most 250. Its changes so far stay."""
    return Reply(record=bulk_job_service(call.caller, call.claim).cancel(job_id))


def _build_reply(call: Call, done: int, result: Sequence[BulkResult] | BulkJob) -> Reply:
    if isinstance(result, BulkJob):
        return Reply(record=result)
    return Reply(record=build_answer(result, done=done, request_id=call.request_id))


def _validate_contact(entry: object, contacts: BulkContacts) -> ContactInput | DomainError:
    try:
        return ContactInput.model_validate(entry)
    except ValidationError as error:
        return from_validation(
            error,
            ContactInput,
            lambda: contacts.find_faults(entry),
            most=MAX_ERROR_FIELDS,
        )


def _read_filter(call: Call, body: BulkUpdateInput | BulkDeleteInput) -> ContactFilter | None:
    """Return the body's filter, or None if it has ids. Raises Invalid if it has both or neither."""
    if (body.filter is None) == (body.contact_ids is None):
        raise Invalid.field("contact_ids", "required", "Give either contact_ids or filter.")
    if body.filter is None:
        return None
    return contact_filter(call.caller.tenant_id, body.filter.__dict__)
