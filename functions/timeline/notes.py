"""Routes of a contact's notes."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from shared.domain.errors import (
    ConcurrentChange,
    Conflict,
    FieldError,
    NotFound,
    RuleBroken,
    VersionMismatch,
)
from shared.domain.notes.inputs import NoteInput, NotePatch, find_differing_texts
from shared.domain.notes.note import Note
from shared.http.call import Call
from shared.http.listing import NumberedListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.notes import note_lists, note_service


class NoteListQuery(NumberedListQuery):
    """The notes to list."""

    search: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="Only notes whose text has words that start with these, in any order. Case and accents do not "
        "matter.",
        examples=["contract"],
    )
    include_total: bool = Field(
        False,
        description="Count the notes that a `search` finds too, within the request's budget of rows and time. If the "
        "budget does not suffice, `total` is null and `total_at_least` is the number counted so far.",
    )


routes = Routes("Notes")


def _find_faults(call: Call, given: object) -> Iterable[FieldError]:
    return find_differing_texts(given)


@routes.route(
    "GET",
    "/contacts/{contact_id}/notes",
    summary="List a contact's notes, pinned ones first, newest first",
    query=NoteListQuery,
    answer=Note,
    paged=True,
    errors=(NotFound, RuleBroken),
)
def list_notes(call: Call, contact_id: str, query: NoteListQuery) -> Reply:
    """Without `search`, `total` is always set."""
    limit, skip = query.part
    page = note_lists(call.caller, call.budget).of_contact(
        contact_id,
        search=query.search,
        limit=limit,
        cursor=query.cursor,
        skip=skip,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/contacts/{contact_id}/notes",
    summary="Write a note",
    body=NoteInput,
    answer=Note,
    status=201,
    location="/contacts/{contact_id}/notes/{id}",
    errors=(NotFound, ConcurrentChange),
    find_faults=_find_faults,
)
def create_note(call: Call, contact_id: str, body: NoteInput) -> Reply:
    """The text may be sent as `body`, or under another of its names; the answer has it as `body`. The note is processed
    within seconds after the answer: `processing_state` becomes `processed`, `body` is tidied, and `found` lists e-mail
    addresses, telephone numbers, URLs and tags.
    """
    return Reply(record=note_service(call.caller, call.claim).create(contact_id, body))


@routes.route(
    "GET",
    "/contacts/{contact_id}/notes/{note_id}",
    summary="Read a note",
    answer=Note,
    errors=(NotFound,),
)
def read_note(call: Call, contact_id: str, note_id: str) -> Reply:
    return Reply(record=note_service(call.caller).read(contact_id, note_id))


@routes.route(
    "PUT",
    "/contacts/{contact_id}/notes/{note_id}",
    summary="Replace a note",
    body=NoteInput,
    answer=Note,
    conditional=True,
    errors=(NotFound, ConcurrentChange, VersionMismatch),
    find_faults=_find_faults,
)
def replace_note(call: Call, contact_id: str, note_id: str, body: NoteInput) -> Reply:
    """A changed text is processed again."""
    return Reply(record=note_service(call.caller).replace(contact_id, note_id, body, call.if_match))


@routes.route(
    "PATCH",
    "/contacts/{contact_id}/notes/{note_id}",
    summary="Change a note (JSON merge patch)",
    body=NotePatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Note,
    conditional=True,
    errors=(NotFound, ConcurrentChange, VersionMismatch),
    find_faults=_find_faults,
)
def patch_note(call: Call, contact_id: str, note_id: str, body: NotePatch) -> Reply:
    """A changed text is processed again."""
    return Reply(record=note_service(call.caller).patch(contact_id, note_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/contacts/{contact_id}/notes/{note_id}",
    summary="Delete a note",
    status=204,
    conditional=True,
    errors=(NotFound, ConcurrentChange, VersionMismatch),
)
def delete_note(call: Call, contact_id: str, note_id: str) -> Reply:
    note_service(call.caller).delete(contact_id, note_id, call.if_match)
    return Reply(204)


@routes.route(
    "POST",
    "/contacts/{contact_id}/notes/{note_id}/retry",
    summary="Process a note again",
    answer=Note,
    errors=(NotFound, Conflict),
)
def retry_note(call: Call, contact_id: str, note_id: str) -> Reply:
    """For a note whose `processing_state` is `failed`, or has been `pending` for minutes."""
    return Reply(record=note_service(call.caller, call.claim).retry(contact_id, note_id))
