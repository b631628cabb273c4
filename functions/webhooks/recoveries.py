"""Routes of the recoveries of webhooks."""

from __future__ import annotations

from shared.domain.errors import Conflict, NotFound, QuotaReached, RuleBroken
from shared.domain.webhooks.recovery import Recovery, RecoveryInput
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.recoveries import recovery_service

routes = Routes("Webhooks")


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/recover",
    summary="Send what a webhook has missed",
    body=RecoveryInput,
    answer=Recovery,
    status=202,
    location="/webhooks/{webhook_id}/recoveries/{id}",
    errors=(NotFound, RuleBroken, Conflict, QuotaReached),
)
def recover_webhook(call: Call, webhook_id: str, body: RecoveryInput) -> Reply:
    """Goes through a part of the feed in the background, and sends the events that the webhook wants, as it is now, and
    has not received: those without a delivery, and those whose delivery has failed. At most 100,000 events of the last
    14 days, and one recovery of a webhook at a time: the refusal of another one names it (`recovery_id`).
    """
    return Reply(record=recovery_service(call.caller, call.claim).start(webhook_id, body))


@routes.route(
    "GET",
    "/webhooks/{webhook_id}/recoveries",
    summary="List the recoveries of a webhook, newest first",
    query=ListQuery,
    answer=Recovery,
    paged=True,
    errors=(NotFound,),
)
def list_recoveries(call: Call, webhook_id: str, query: ListQuery) -> Reply:
    recoveries = recovery_service(call.caller, budget=call.budget)
    return Reply(page=recoveries.list_of(webhook_id, limit=query.limit, cursor=query.cursor))


@routes.route(
    "GET",
    "/webhooks/{webhook_id}/recoveries/{recovery_id}",
    summary="Read a recovery of a webhook",
    answer=Recovery,
    errors=(NotFound,),
)
def read_recovery(call: Call, webhook_id: str, recovery_id: str) -> Reply:
    return Reply(record=recovery_service(call.caller).read_of(webhook_id, recovery_id))


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/recoveries/{recovery_id}/cancel",
    summary="Cancel a recovery of a webhook",
    answer=Recovery,
    errors=(NotFound, Conflict),
)
def cancel_recovery(call: Call, webhook_id: str, recovery_id: str) -> Reply:
    """What it has sent stays sent."""
    return Reply(record=recovery_service(call.caller, call.claim).cancel_of(webhook_id, recovery_id))
