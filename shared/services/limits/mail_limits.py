"""How many e-mails may be sent to strangers: tenants say to whom, anybody opens tenants, and all e-mails come in the
operator's name, whose sending is stopped when too many come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain.errors import RateLimited, Unavailable
from shared.services.limits.keyed_digests import KeyedDigests
from shared.services.limits.rate_limits import SECOND, Bucket, KnownBucket, Quota, microseconds

OF_A_TENANT = Quota(300 * SECOND, 50)
"""Fifty, then one in five minutes."""
TO_AN_ADDRESS = Quota(3600 * SECOND, 3)
"""Three, then one an hour, whichever tenants and invitations they are of."""
OF_ALL = Quota(2 * SECOND, 500)
"""Five hundred, then one in two seconds."""


class Mail(Protocol):
    """E-mails to people; see `shared.identity.mail.Mail`."""

    def invite(self, email: str, token: str) -> bool: ...


class MailBuckets(Protocol):
    """The buckets of e-mails; see `shared.table.limits.BucketTable`."""

    def of_caller(self, tenant_id: str, actor: str | None) -> Bucket: ...

    def of_mail(self, digest: str) -> Bucket: ...


class LimitedMail:
    """The e-mails of one tenant, as many as may be. While the table is away none are sent.

    `secret`: what the keys under which addresses are counted are made with, so that none can be guessed from them.
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
        """Whether the token of an invitation is on its way to this address; not when there were too many."""
        return self._may_be_sent(self._digests.of(email)) and self._mail.invite(email, token)

    def _may_be_sent(self, address: str) -> bool:
        now, taken = microseconds(self._clock()), []
        try:
            for bucket, quota in (
                (self._buckets.of_mail(address), TO_AN_ADDRESS),
                (self._buckets.of_caller(self._tenant, "invitations"), OF_A_TENANT),
                (self._buckets.of_mail("ALL"), OF_ALL),
            ):
                known = KnownBucket(bucket, lengthens=False)
                known.take(1, quota, now)
                taken.append((known, quota))
        except (RateLimited, Unavailable):
            # What is not sent is not counted.
            for known, quota in taken:
                known.release(quota, now)
            return False
        return True
