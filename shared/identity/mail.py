"""E-mails with invitations, through Amazon SES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability

_TEXT = """You are invited to become a user of a contacts account. To accept, choose a password here:

{address}

The link is valid for seven days. Do not pass it on: anyone who has it can accept in your place. If you do not know what
this is about, do nothing.
"""


class Mail:
    """A mailer with one verified sender. `ses` returns the AWS client, when it is first needed.

    `accept_at`: the URL of the page for accepting an invitation. The parameter `token` is added to its query.
    """

    def __init__(self, ses: Callable[[], Any], sender: str, accept_at: str) -> None:
        self._ses = ses
        self._sender = sender
        self._accept_at = accept_at

    def invite(self, email: str, token: str) -> bool:
        """Send an invitation's token. Return False when SES did not accept the e-mail; the log has the reason."""
        address = f"{self._accept_at}{'&' if '?' in self._accept_at else '?'}token={token}"
        try:
            self._ses().send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [email]},
                Content={
                    "Simple": {
                        "Subject": {"Data": "You are invited", "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": _TEXT.format(address=address), "Charset": "UTF-8"}},
                    }
                },
            )
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            observability.warn("an invitation was not e-mailed", reason=code)
            return False
        return True
