"""Limits on e-mails to people who may not expect them.

Tenants choose the recipients, anyone can open a tenant, and all e-mails carry the operator's name. The mail service
blocks the operator if too many e-mails bounce.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from shared.domain.errors import RateLimited, Unavailable
from shared.services.limits.keyed_digests import KeyedDigests
from shared.services.limits.rate_limits import SECOND, Bucket, KnownBucket, Quota, microseconds

TENANT_QUOTA = Quota(300 * SECOND, 50)
"""The e-mails of a tenant: 50 at once, then one in five minutes."""
RECIPIENT_QUOTA = Quota(3600 * SECOND, 3)
"""The e-mails to an address, of all tenants: 3 at once, then one an hour."""
DEPLOYMENT_QUOTA = Quota(2 * SECOND, 500)
"""The e-mails of the deployment: 500 at once, then one in two seconds."""


class Mail(Protocol):
    """E-mail to people; see `shared.identity.mail.Mail`."""

    def invite(self, email: str, token: str) -> bool: ...

    def warn_of_webhook(self, email: str, *, host: str, webhook_id: str, reason: str) -> bool: ...


class MailBuckets(Protocol):
    """The buckets of e-mails; see `shared.table.limits.BucketTable`."""

    def of_caller(self, tenant_id: str, actor: str | None) -> Bucket: ...

    def of_mail(self, digest: str) -> Bucket: ...


class LimitedMail:
    """Sends the e-mails of a tenant within the limits. No e-mail is sent while the table is unavailable.

    `secret`: the key of the digests under which addresses are counted, so that they cannot be guessed from the table.
    """

    def __init__(
        self,
        mail: Mail,
        tenant_id: str,
        buckets: MailBuckets,
        secret: bytes,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._mail = mail
        self._tenant = tenant_id
        self._buckets = buckets
        self._digests = KeyedDigests(secret, b"e-mails to strangers")
        self._clock = clock

    def invite(self, email: str, token: str) -> bool:
        """Send the token of an invitation unless a limit is reached; return whether it was sent."""
        with suppress(Unavailable):
            return self._send(email, lambda: self._mail.invite(email, token))
        return False

    def warn_of_webhook(self, email: str, *, host: str, webhook_id: str, reason: str) -> bool:
        """Say that a webhook was disabled unless a limit is reached; return whether the e-mail was sent.

        Raises Unavailable when it can be sent later: the table or the mail service is unavailable.
        """
        return self._send(
            email,
            lambda: self._mail.warn_of_webhook(email, host=host, webhook_id=webhook_id, reason=reason),
        )

    def _send(self, email: str, send: Callable[[], bool]) -> bool:
        """Send an e-mail unless a limit is reached; return whether it was sent. Raises Unavailable.

        An e-mail that is not sent, because of a limit or since something is unavailable, does not count.
        """
        now, taken = microseconds(self._clock()), []
        try:
            for bucket, quota in (
                (self._buckets.of_mail(self._digests.of(email)), RECIPIENT_QUOTA),
                (self._buckets.of_caller(self._tenant, "invitations"), TENANT_QUOTA),
                (self._buckets.of_mail("ALL"), DEPLOYMENT_QUOTA),
            ):
                known = KnownBucket(bucket, lengthens=False)
                known.take(1, quota, now)
                taken.append((known, quota))
            return send()
        except (RateLimited, Unavailable) as error:
            for known, quota in taken:
                known.release(quota, now)
            if isinstance(error, RateLimited):
                return False
            raise
