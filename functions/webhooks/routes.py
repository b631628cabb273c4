"""Routes of webhook subscriptions."""

from __future__ import annotations

from functions.webhooks.deliveries import routes as delivery_routes
from functions.webhooks.recoveries import routes as recovery_routes
from shared.domain.errors import Conflict, FieldError, NotFound, VersionMismatch
from shared.domain.webhooks.delivery import Delivery
from shared.domain.webhooks.secrets import SecretRotation
from shared.domain.webhooks.subscription import NewWebhook, Webhook, WebhookInput, WebhookPatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.webhooks import webhook_service

routes = Routes("Webhooks")
routes.include(delivery_routes, recovery_routes)


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
    "PATCH",
    "/webhooks/{webhook_id}",
    summary="Change a webhook (JSON merge patch)",
    body=WebhookPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Webhook,
    conditional=True,
    errors=(NotFound, VersionMismatch),
    find_faults=_find_faults,
)
def patch_webhook(call: Call, webhook_id: str, body: WebhookPatch) -> Reply:
    """A change of `url`, `events`, `filter`, `include` or `headers` makes the caller the holder (`acts_as`). It takes
    the permissions for all the webhook's event types. A patch that changes `url` must name all headers, each with its
    value or null.

    Events that have happened but were not passed on yet may still be sent as before the change."""
    return Reply(record=webhook_service(call.caller).change(webhook_id, body, call.if_match))


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
    "POST",
    "/webhooks/{webhook_id}/enable",
    summary="Enable a webhook",
    answer=Webhook,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def enable_webhook(call: Call, webhook_id: str) -> Reply:
    """Makes the caller the holder (`acts_as`), also of a webhook that is enabled, which takes the permissions for all
    the webhook's event types. Events of the time when it was disabled are not sent, except those that are still being
    passed on. `POST …/recover` sends them."""
    return Reply(record=webhook_service(call.caller, call.claim).enable(webhook_id, call.if_match))


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/disable",
    summary="Disable a webhook",
    answer=Webhook,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def disable_webhook(call: Call, webhook_id: str) -> Reply:
    """A disabled webhook is sent nothing. Its pending deliveries fail with the reason `webhook_disabled`."""
    return Reply(record=webhook_service(call.caller, call.claim).disable(webhook_id, call.if_match))


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/rotate-secret",
    summary="Replace a webhook's secret; only this answer contains the new one",
    body=SecretRotation,
    answer=NewWebhook,
    conditional=True,
    errors=(NotFound, VersionMismatch, Conflict),
)
def rotate_secret(call: Call, webhook_id: str, body: SecretRotation) -> Reply:
    """Until the overlap ends (`rotation_ends_at`), requests are signed with the new secret and with earlier ones:
    `webhook-signature` has several signatures, separated by spaces. A receiver accepts a request if one of them is
    right. At most five secrets sign at once."""
    return Reply(
        record=webhook_service(call.caller, call.claim).rotate_secret(webhook_id, body, call.if_match)
    )


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/test",
    summary="Send a test event to a webhook",
    answer=Delivery,
    status=202,
    location="/webhooks/{webhook_id}/deliveries/{event_id}",
    errors=(NotFound, Conflict),
)
def test_webhook(call: Call, webhook_id: str) -> Reply:
    """The event has the type `webhook.test` and is sent to this webhook only, like any other: signed, with retries and
    with an entry in the list of deliveries."""
    return Reply(record=webhook_service(call.caller, call.claim).test(webhook_id))
