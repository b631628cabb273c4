"""E-mails to the people who look after a webhook that was disabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol
from urllib.parse import urlsplit

from shared.domain.accounts.user import User
from shared.domain.callers import Caller
from shared.domain.errors import Unavailable
from shared.domain.webhooks.subscription import HOLDER_LOST_RIGHTS, MANAGE_WEBHOOKS, REQUESTED, Webhook

MAX_ADMINS = 10
"""The most admins who are notified of a webhook whose holder is not."""
_PAGE = 100
"""The number of users that are read at once to find the admins."""


class Webhooks(Protocol):
    """The subscriptions of one tenant; see `shared.table.webhooks.repository.WebhookTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...


class Users(Protocol):
    """The users of one tenant; see `shared.table.accounts.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...

    def page(self, *, limit: int, after: str | None) -> list[User]: ...


class Mail(Protocol):
    """E-mail to people; see `shared.services.limits.mail_limits.LimitedMail`."""

    def warn_of_webhook(self, email: str, *, host: str, webhook_id: str, reason: str) -> bool:
        """Say that a webhook was disabled; return whether the e-mail was sent. Raises Unavailable."""
        ...


class DisabledWebhooks:
    """Notifies people of webhooks that the system disabled."""

    def __init__(
        self,
        webhooks: Callable[[str], Webhooks],
        users: Callable[[str], Users],
        mail: Callable[[str], Mail | None],
    ) -> None:
        self._webhooks = webhooks
        self._users = users
        self._mail = mail

    def notify(self, tenant_id: str, webhook_id: str) -> int:
        """Send e-mails that a webhook is disabled: to its holder, or to admins if the holder is not a user who may
        manage webhooks, or if it was disabled because the holder lost that right.

        Returns the number of e-mails. Sends none when the webhook has been enabled or deleted since, when a caller
        disabled it, or where no e-mail is sent. Raises Unavailable when no one could be notified because the mail
        service or the table is unavailable: repeating the call after some were would send them the e-mail again.
        """
        webhook = self._webhooks(tenant_id).get(webhook_id)
        if webhook is None or webhook.is_active or webhook.disabled_reason in (None, REQUESTED):
            return 0
        mail = self._mail(tenant_id)
        if mail is None:
            return 0
        sent, failure = 0, None
        for user in self._recipients(tenant_id, webhook):
            try:
                sent += mail.warn_of_webhook(
                    user.email,
                    host=urlsplit(webhook.url).hostname or "",
                    webhook_id=webhook.id,
                    reason=webhook.disabled_reason or "",
                )
            except Unavailable as error:
                failure = error
        if failure is not None and not sent:
            raise failure
        return sent

    def _recipients(self, tenant_id: str, webhook: Webhook) -> list[User]:
        users = self._users(tenant_id)
        kind, _, identifier = webhook.acts_as.partition(":")
        if kind == "user" and webhook.disabled_reason != HOLDER_LOST_RIGHTS:
            holder = users.get(identifier)
            if holder is not None and _may_manage(tenant_id, holder):
                return [holder]
        return list(islice((user for user in _walk(users) if _is_admin(user)), MAX_ADMINS))


def _walk(users: Users) -> Iterator[User]:
    after = None
    while page := users.page(limit=_PAGE, after=after):
        yield from page
        after = page[-1].id


def _is_admin(user: User) -> bool:
    return user.is_active and user.role == "admin"


def _may_manage(tenant_id: str, user: User) -> bool:
    caller = Caller(tenant_id, "user", user.id, user.role)
    return user.is_active and caller.level(MANAGE_WEBHOOKS) == "all"
