"""A limit on test events of webhooks, each of which is a request to a host that the tenant chooses."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.services.limits.rate_limits import SECOND, Buckets, KnownBucket, Quota, microseconds

WEBHOOK_QUOTA = Quota(10 * SECOND, 30)
"""The test events of a webhook: 30 at once, then one in ten seconds."""


class WebhookTestLimit:
    """Counts the test events of a tenant's webhooks."""

    def __init__(self, buckets: Buckets, tenant_id: str, *, clock: Callable[[], float] = time.time) -> None:
        self._buckets = buckets
        self._tenant = tenant_id
        self._clock = clock

    def count(self, webhook_id: str) -> None:
        """Count a test event. Raises RateLimited when the limit is reached, and Unavailable."""
        bucket = self._buckets.of_caller(self._tenant, f"webhook-test:{webhook_id}")
        KnownBucket(bucket, lengthens=False).take(1, WEBHOOK_QUOTA, microseconds(self._clock()))
