"""E-mails about webhooks that the system disabled: to the holder, or to the admins (check 74)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.ses.models import ses_backends

from functions.webhooks import on_disabled
from shared.domain.webhooks.subscription import FAILING, GONE, REQUESTED, system_stamp
from shared.table.webhooks.deliveries import DeliveryTable
from shared.wiring.base import store
from tests.integration.world import World
from tests.support.aws import Stack, stack_in_moto
from tests.support.template import Template
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer
from tests.support.transport import unobserved

HOOK = {"url": "https://hooks.example.com/in?key=canary", "events": ["contact.created"]}
SENDER = "contacts@example.com"


@pytest.fixture
def mailing(template: Template, token_issuer: TokenIssuer) -> Iterator[World]:
    """A world whose deployment sends e-mail."""
    with stack_in_moto(template, token_issuer, MAIL_FROM=SENDER) as stack:
        with unobserved():
            stack.client("ses").verify_email_identity(EmailAddress=SENDER)
        yield World(stack, token_issuer)


def disable(world: World, reason: str, *, token: str | None = None) -> str:
    webhook_id = str(world.send("POST", "/webhooks", HOOK, token=token).json["id"])
    with acting_for("T1"):
        table = DeliveryTable(store(), "T1")
        webhook = table.get(webhook_id)
        assert webhook is not None
        if reason == FAILING:
            table.mark_failing(webhook, "2026-04-29T12:00:00.000Z")
            webhook = table.get(webhook_id)
            assert webhook is not None
        disabled = webhook.disable(reason, stamp=system_stamp("T1", "2026-05-04T12:00:00.000Z"))
        assert disabled is not None
        table.replace(webhook, *disabled)
    return webhook_id


def pump(world: World) -> None:
    """Publish the events, and notify people of those of disabled webhooks."""
    world.catch_up()
    driver = world.stack.queue_driver("WebhookNoticesFunction", on_disabled.handler, prefixes=("G#MAIL#",))
    driver.pump()
    assert driver.errors == []


def sent(world: World) -> list[Any]:
    with unobserved():
        region = world.stack.client("ses").meta.region_name
    return list(ses_backends["123456789012"][region].sent_messages)


@pytest.mark.parametrize(("reason", "word"), [(FAILING, "five days"), (GONE, "410")])
def test_check_74_the_holder_of_a_disabled_webhook_is_notified(
    mailing: World, reason: str, word: str
) -> None:
    webhook_id = disable(mailing, reason)
    pump(mailing)
    (mail,) = sent(mailing)
    assert mail.destinations["ToAddresses"] == ["admin@t1.example.com"]
    text = str(mail.body)
    assert webhook_id in text
    assert "hooks.example.com" in text
    assert word in text
    assert "canary" not in text


def test_the_admins_are_notified_of_the_webhook_of_an_api_client(mailing: World) -> None:
    permissions = {"webhooks:manage": "all", "contacts:read": "all"}
    key = mailing.send("POST", "/api-clients", {"name": "Shop", "permissions": permissions}).json["key"]
    disable(mailing, FAILING, token=key)
    pump(mailing)
    assert [mail.destinations["ToAddresses"] for mail in sent(mailing)] == [["admin@t1.example.com"]]


def test_no_one_is_notified_of_a_webhook_that_was_disabled_on_request_or_enabled_since(
    mailing: World,
) -> None:
    disable(mailing, REQUESTED)
    enabled = disable(mailing, FAILING)
    assert mailing.send("POST", f"/webhooks/{enabled}/enable").status == 200
    pump(mailing)
    assert sent(mailing) == []


def test_where_no_mail_is_set_up_none_is_sent(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    world = World(aws_stack, token_issuer)
    disable(world, FAILING)
    pump(world)
    assert sent(world) == []
