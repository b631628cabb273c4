"""Routes of API clients and their keys."""

from __future__ import annotations

from shared.domain.accounts.api_client import (
    ApiClient,
    ApiClientInput,
    ApiClientPatch,
    KeyRotation,
    NewApiClient,
)
from shared.domain.errors import Conflict, NotFound, VersionMismatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.accounts import api_client_service

routes = Routes("API clients")


@routes.route(
    "GET",
    "/api-clients",
    summary="List API clients, newest first",
    query=ListQuery,
    answer=ApiClient,
    paged=True,
)
def list_api_clients(call: Call, query: ListQuery) -> Reply:
    return Reply(page=api_client_service(call.caller).list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/api-clients",
    summary="Create an API client; only this answer contains its key",
    body=ApiClientInput,
    answer=NewApiClient,
    status=201,
    location="/api-clients/{id}",
    errors=(Conflict,),
)
def create_api_client(call: Call, body: ApiClientInput) -> Reply:
    """With an `Idempotency-Key`, the answer with the API key is stored for a day and returned to repeated calls."""
    return Reply(record=api_client_service(call.caller, call.claim).create(body))


@routes.route(
    "GET", "/api-clients/{client_id}", summary="Read an API client", answer=ApiClient, errors=(NotFound,)
)
def read_api_client(call: Call, client_id: str) -> Reply:
    return Reply(record=api_client_service(call.caller).read(client_id))


@routes.route(
    "PATCH",
    "/api-clients/{client_id}",
    summary="Change an API client (JSON merge patch)",
    body=ApiClientPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=ApiClient,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def patch_api_client(call: Call, client_id: str, body: ApiClientPatch) -> Reply:
    """A change of the client's rights takes effect within a minute."""
    return Reply(record=api_client_service(call.caller).change(client_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/api-clients/{client_id}",
    summary="Delete an API client and its keys",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_api_client(call: Call, client_id: str) -> Reply:
    """Its keys stop working within a minute."""
    api_client_service(call.caller).delete(client_id, call.if_match)
    return Reply(204)


@routes.route(
    "POST",
    "/api-clients/{client_id}/rotate-key",
    summary="Replace an API client's key; only this answer contains the new key",
    body=KeyRotation,
    answer=NewApiClient,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def rotate_api_key(call: Call, client_id: str, body: KeyRotation) -> Reply:
    """The current key stays valid for `overlap_seconds`. A key that was replaced earlier stops working at once: a
    client has at most two.

    With an `Idempotency-Key`, the call can be repeated if its answer was lost. Without it, a repeated call would end
    the key that the program still uses.
    """
    service = api_client_service(call.caller, call.claim)
    return Reply(record=service.rotate_key(client_id, body.overlap_seconds, call.if_match))
