"""How many e-mails a tenant may have sent to strangers: it says to whom, and they come in the operator's name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain.errors import RateLimited, Unavailable
from shared.services.rate_limits import SECOND, Buckets, KnownBucket, Quota, microseconds

OF_A_TENANT = Quota(300 * SECOND, 50)
"""Fifty, then one in five minutes."""
OF_AN_INVITATION = Quota(300 * SECOND, 2)
"""Two, then one in five minutes."""


class Mail(Protocol):
    """E-mails to people; see `shared.identity.mail.Mail`."""

    def invite(self, email: str, token: str) -> bool: ...


class LimitedMail:
    """The e-mails of one tenant, as many as may be. While the table is away none are sent."""

    def __init__(
        self, mail: Mail, tenant_id: str, buckets: Buckets, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._mail = mail
        self._tenant = tenant_id
        self._buckets = buckets
        self._clock = clock

    def invite(self, invitation_id: str, email: str, token: str) -> bool:
        """Whether the token of an invitation is on its way to this address; not when there were too many."""
        try:
            self._take(f"invitation:{invitation_id}", OF_AN_INVITATION)
            self._take("invitations", OF_A_TENANT)
        except (RateLimited, Unavailable):
            return False
        return self._mail.invite(email, token)

    def _take(self, name: str, quota: Quota) -> None:
        bucket = KnownBucket(self._buckets.of_caller(self._tenant, name), lengthens=False)
        bucket.take(1, quota, microseconds(self._clock()))
