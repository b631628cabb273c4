"""Routes of contacts and their timelines."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared import wiring
from shared.domain.contact import Contact, ContactInput, ContactPatch
from shared.domain.errors import Duplicate, NotFound, VersionMismatch
from shared.domain.interaction import Interaction
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes

routes = Routes("Contacts")


class ContactListQuery(ListQuery):
    """Which contacts, in which order."""

    sort: Literal["-created_at", "created_at"] = Field("-created_at", description="Newest or oldest first.")


@routes.route(
    "GET",
    "/contacts",
    summary="List contacts",
    query=ContactListQuery,
    answer=Contact,
    paged=True,
)
def list_contacts(call: Call, query: ContactListQuery) -> Reply:
    page = wiring.contacts(call.caller).list(limit=query.limit, cursor=query.cursor, sort=query.sort)
    return Reply(page=page)


@routes.route(
    "POST",
    "/contacts",
    summary="Create a contact",
    body=ContactInput,
    answer=Contact,
    status=201,
    errors=(Duplicate,),
)
def create_contact(call: Call, body: ContactInput) -> Reply:
    contact = wiring.contacts(call.caller).create(body)
    return Reply(201, contact, headers={"Location": f"/v1/contacts/{contact.id}"})


@routes.route("GET", "/contacts/{contact_id}", summary="Read a contact", answer=Contact, errors=(NotFound,))
def read_contact(call: Call, contact_id: str) -> Reply:
    return Reply(record=wiring.contacts(call.caller).read(contact_id))


@routes.route(
    "PUT",
    "/contacts/{contact_id}",
    summary="Replace a contact",
    body=ContactInput,
    answer=Contact,
    conditional=True,
    errors=(NotFound, Duplicate, VersionMismatch),
)
def replace_contact(call: Call, contact_id: str, body: ContactInput) -> Reply:
    return Reply(record=wiring.contacts(call.caller).replace(contact_id, body, call.if_match))


@routes.route(
    "PATCH",
    "/contacts/{contact_id}",
    summary="Change fields of a contact (JSON merge patch)",
    body=ContactPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Contact,
    conditional=True,
    errors=(NotFound, Duplicate, VersionMismatch),
)
def patch_contact(call: Call, contact_id: str, body: ContactPatch) -> Reply:
    return Reply(record=wiring.contacts(call.caller).patch(contact_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/contacts/{contact_id}",
    summary="Delete a contact",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_contact(call: Call, contact_id: str) -> Reply:
    wiring.contacts(call.caller).delete(contact_id, call.if_match)
    return Reply(204)


@routes.route(
    "GET",
    "/contacts/{contact_id}/interactions",
    summary="List a contact's interactions, newest first",
    query=ListQuery,
    answer=Interaction,
    paged=True,
    errors=(NotFound,),
)
def list_interactions(call: Call, contact_id: str, query: ListQuery) -> Reply:
    page = wiring.contacts(call.caller).interactions(contact_id, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)
