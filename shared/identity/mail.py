"""E-mails to users and invited people, through Amazon SES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.domain.errors import Unavailable

_TEXT = """You are invited to become a user of a contacts account. To accept, choose a password here:

{address}

The link is valid for seven days. Do not pass it on: anyone who has it can accept in your place. If you do not know what
this is about, do nothing.
"""

_WEBHOOK_TEXT = """A webhook of your contacts account was disabled: {reason}.

The webhook sends to {host}. Its id is {webhook_id}. It receives no more events until an admin, or an API client that
may manage webhooks, enables it: POST /v1/webhooks/{webhook_id}/enable.
"""
_WEBHOOK_REASONS = {
    "failing": "every attempt to send to it failed for five days",
    "gone": "the receiver answered 410, which means that it wants no more events",
    "holder_lost_rights": "the user or API client with whose rights it worked is gone or may no longer manage webhooks",
}


_REFUSALS = frozenset({"BadRequestException", "MessageRejected", "NotFoundException"})
"""The errors for an e-mail that SES does not send, whenever it is asked ("SendEmail", Amazon SES API v2 reference)."""


class Mail:
    """A mailer with one verified sender. `ses` returns the AWS client, when it is first needed.

    `accept_at`: the URL of the page for accepting an invitation, where invitations are sent. The parameter `token` is
    added to its query.
    """

    def __init__(self, ses: Callable[[], Any], sender: str, accept_at: str = "") -> None:
        self._ses = ses
        self._sender = sender
        self._accept_at = accept_at

    def invite(self, email: str, token: str) -> bool:
        """Send an invitation's token. Return False when SES refused the e-mail; the log has the reason.

        Raises Unavailable when SES may accept it later.
        """
        address = f"{self._accept_at}{'&' if '?' in self._accept_at else '?'}token={token}"
        return self._send(email, "You are invited", _TEXT.format(address=address), "an invitation")

    def warn_of_webhook(self, email: str, *, host: str, webhook_id: str, reason: str) -> bool:
        """Say that a webhook was disabled, for a reason of `shared.domain.webhooks.subscription`. Return False when SES
        refused the e-mail; the log has the reason. Raises Unavailable when SES may accept it later.
        """
        text = _WEBHOOK_TEXT.format(
            reason=_WEBHOOK_REASONS.get(reason, reason), host=host, webhook_id=webhook_id
        )
        return self._send(email, "A webhook was disabled", text, "a disabled webhook")

    def _send(self, email: str, subject: str, text: str, what: str) -> bool:
        try:
            self._ses().send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [email]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                    }
                },
            )
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            observability.warn(f"{what} was not e-mailed", reason=code)
            if code not in _REFUSALS:
                raise Unavailable from None
            return False
        return True
