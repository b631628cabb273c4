"""Routes of webhook subscriptions and their deliveries."""

from __future__ import annotations

from shared.domain.errors import Conflict, FieldError, NotFound, VersionMismatch
from shared.domain.webhooks.delivery import Delivery
from shared.domain.webhooks.subscription import NewWebhook, Webhook, WebhookInput
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.webhooks import webhook_service

routes = Routes("Webhooks")


def _find_faults(call: Call, given: object) -> tuple[FieldError, ...]:
    return webhook_service(call.caller).faults_in(given)


@routes.route(
    "GET", "/webhooks", summary="List webhooks, newest first", query=ListQuery, answer=Webhook, paged=True
)
def list_webhooks(call: Call, query: ListQuery) -> Reply:
    return Reply(page=webhook_service(call.caller).list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/webhooks",
    summary="Create a webhook; only this answer contains its secret",
    body=WebhookInput,
    answer=NewWebhook,
    status=201,
    location="/webhooks/{id}",
    errors=(Conflict,),
    find_faults=_find_faults,
)
def create_webhook(call: Call, body: WebhookInput) -> Reply:
    return Reply(record=webhook_service(call.caller, call.claim).create(body))


@routes.route("GET", "/webhooks/{webhook_id}", summary="Read a webhook", answer=Webhook, errors=(NotFound,))
def read_webhook(call: Call, webhook_id: str) -> Reply:
    return Reply(record=webhook_service(call.caller).read(webhook_id))


@routes.route(
    "DELETE",
    "/webhooks/{webhook_id}",
    summary="Delete a webhook",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_webhook(call: Call, webhook_id: str) -> Reply:
    webhook_service(call.caller).delete(webhook_id, call.if_match)
    return Reply(204)


@routes.route(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    summary="List the deliveries of a webhook, newest event first",
    query=ListQuery,
    answer=Delivery,
    paged=True,
    errors=(NotFound,),
)
def list_deliveries(call: Call, webhook_id: str, query: ListQuery) -> Reply:
    page = webhook_service(call.caller).deliveries(webhook_id, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)
