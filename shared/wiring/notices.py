"""E-mails about webhooks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, store
from shared.wiring.limits import limited_mail
from shared.wiring.tenants import user_table

if TYPE_CHECKING:
    from shared.services.webhooks.notices import DisabledWebhooks


def disabled_webhooks() -> DisabledWebhooks:
    """The service that notifies people of disabled webhooks."""
    from shared.identity.mail import Mail
    from shared.services.webhooks.notices import DisabledWebhooks
    from shared.table.webhooks.repository import WebhookTable

    sender = environment.mail_sender()
    mail = Mail(partial(aws_client, "sesv2"), sender) if sender else None
    return DisabledWebhooks(
        partial(WebhookTable, store()),
        user_table,
        lambda tenant_id: limited_mail(mail, tenant_id) if mail else None,
    )
