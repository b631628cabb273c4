"""Webhook subscriptions and deliveries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, cursors, store
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.kept import kept
from shared.wiring.limits import webhook_test_limit
from shared.wiring.sealing import seal
from shared.wiring.tenants import can_have_contacts, find_tenant, user_table

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.publishing.queue import DeadLetters, DeliveryQueue
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.reading_budget import Budget
    from shared.services.webhooks.deliveries import Sending
    from shared.services.webhooks.delivery_log import DeliveryLog
    from shared.services.webhooks.fan_out import FanOut
    from shared.services.webhooks.holder_rights import HolderRights
    from shared.services.webhooks.subscriptions import WebhookService
    from shared.services.webhooks.vault import Vault
    from shared.table.webhooks.deliveries import DeliveryTable
    from shared.table.webhooks.due import DueDeliveries


def webhook_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> WebhookService:
    """The webhook subscriptions, for one caller."""
    from shared.services.webhooks.subscriptions import WebhookService

    return WebhookService(
        caller,
        _delivery_table(caller.tenant_id, claim),
        cursors(),
        delivery_queue(),
        vault(),
        partial(webhook_test_limit, caller.tenant_id),
        partial(can_have_contacts, caller.tenant_id),
        loopback=environment.webhook_loopback(),
        announce=announcer(claim),
    )


def _delivery_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> DeliveryTable:
    from shared.table.webhooks.deliveries import DeliveryTable

    return DeliveryTable(store_for(claim), tenant_id)


def delivery_log(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> DeliveryLog:
    """The deliveries of the tenant's webhooks, for one caller. They are read within the request's budget, or within a
    budget of their own.
    """
    from shared.services.reading_budget import Budget
    from shared.services.webhooks.delivery_log import DeliveryLog

    return DeliveryLog(
        caller,
        _delivery_table(caller.tenant_id, claim),
        delivery_queue,
        cursors(),
        budget or Budget(),
        announce=announcer(claim),
    )


@kept
def vault() -> Vault:
    """The service that encrypts the secrets of webhooks, with the data keys that it keeps in memory."""
    from shared.services.webhooks.vault import Vault

    return Vault(seal())


@kept
def delivery_queue() -> DeliveryQueue:
    """The queue of webhook requests to send."""
    from shared.publishing.queue import DeliveryQueue

    return DeliveryQueue(aws_client("sqs"), environment.webhook_deliveries_queue_url())


@kept
def dead_letters() -> DeadLetters:
    """The dead-letter queue of deliveries whose attempts have all failed."""
    from shared.publishing.queue import DeadLetters

    return DeadLetters(aws_client("sqs"), environment.webhook_exhausted_dlq_url())


@kept
def due_deliveries() -> DueDeliveries:
    """The deliveries of all tenants that are due."""
    from shared.table.webhooks.due import DueDeliveries

    return DueDeliveries(store())


@kept
def fan_out() -> FanOut:
    """The service that creates a delivery for each event and subscription."""
    from shared.services.webhooks.fan_out import FanOut

    return FanOut(find_tenant, _delivery_table, delivery_queue(), holder_rights())


def sending() -> Sending:
    """The service that sends webhook deliveries."""
    from shared.publishing.sender import Sender
    from shared.services.webhooks.deliveries import Sending
    from shared.wiring.shown_records import shown_records

    sender = Sender(loopback=environment.webhook_loopback())
    records = shown_records(
        lambda caller, webhook_id: webhook_service(caller).read(webhook_id).without_path()
    )
    return Sending(
        find_tenant,
        _delivery_table,
        delivery_queue(),
        dead_letters(),
        sender,
        holder_rights(),
        vault(),
        records=records,
    )


def holder_rights() -> HolderRights:
    """The service that decides which events a webhook may receive."""
    from shared.services.webhooks.holder_rights import HolderRights
    from shared.table.accounts.api_clients import ApiClientTable
    from shared.table.contacts.repository import ContactTable

    return HolderRights(user_table, partial(ApiClientTable, store()), partial(ContactTable, store()))
