"""Routes of the deliveries of webhooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.domain.days import first_of, last_of
from shared.domain.errors import Conflict, NotFound, RuleBroken
from shared.domain.event_patterns import explain_unknown, find_types
from shared.domain.events import WEBHOOK_TEST
from shared.domain.moments import FROM, TO, Moment
from shared.domain.webhooks.delivery import Delivery, DeliveryState
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.services.webhooks.delivery_log import DeliveryFilter
from shared.wiring.tenants import tenant_settings
from shared.wiring.webhooks import delivery_log

routes = Routes("Webhooks")


def _check_type(text: str) -> str:
    if text != WEBHOOK_TEST and not find_types(text):
        raise PydanticCustomError("unknown_event_type", explain_unknown(text))
    return text


class DeliveryListQuery(ListQuery):
    """The deliveries to list. All conditions must hold."""

    state: DeliveryState | None = Field(None, description="Only deliveries in this state.")
    event_type: Annotated[str, AfterValidator(_check_type)] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Only deliveries of events of this type, or of all types of a pattern such as `contact.*`.",
    )
    event_from: Moment | None = Field(
        None, alias="from", description=f"Deliveries of events that happened {FROM[0].lower()}{FROM[1:]}"
    )
    event_to: Moment | None = Field(
        None, alias="to", description=f"Deliveries of events that happened {TO[0].lower()}{TO[1:]}"
    )

    def conditions(self, tenant_id: str) -> DeliveryFilter:
        """Return the conditions. A date means the whole day in the tenant's time zone."""
        first, last = self.event_from, self.event_to
        if first or last:
            zone = tenant_settings(tenant_id).timezone
            first, last = first and first_of(first, zone), last and last_of(last, zone)
        return DeliveryFilter(self.state, self.event_type, first, last)


@routes.route(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    summary="List the deliveries of a webhook, newest event first",
    query=DeliveryListQuery,
    answer=Delivery,
    paged=True,
    errors=(NotFound, RuleBroken),
)
def list_deliveries(call: Call, webhook_id: str, query: DeliveryListQuery) -> Reply:
    page = delivery_log(call.caller, budget=call.budget).list(
        webhook_id, query.conditions(call.caller.tenant_id), limit=query.limit, cursor=query.cursor
    )
    return Reply(page=page)


@routes.route(
    "GET",
    "/webhooks/{webhook_id}/deliveries/{event_id}",
    summary="Read the delivery of an event to a webhook",
    answer=Delivery,
    errors=(NotFound,),
)
def read_delivery(call: Call, webhook_id: str, event_id: str) -> Reply:
    return Reply(record=delivery_log(call.caller).read(webhook_id, event_id))


@routes.route(
    "POST",
    "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver",
    summary="Send an event to a webhook again",
    answer=Delivery,
    status=202,
    errors=(NotFound, Conflict),
)
def redeliver(call: Call, webhook_id: str, event_id: str) -> Reply:
    """Makes an attempt now, with the same `webhook-id`. A delivery that has ended starts over with ten attempts, and a
    pending one keeps its schedule. Refused while the webhook is disabled, and after more than 50 attempts.
    """
    return Reply(202, record=delivery_log(call.caller, call.claim).redeliver(webhook_id, event_id))
