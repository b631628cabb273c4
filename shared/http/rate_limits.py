"""The fields `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from shared.domain.tenant import RateLimit
from shared.services.limits.rate_limits import TENANT_BURST, TENANT_REQUESTS_PER_SECOND, Allowance, RateLimits

LIMIT, POLICY = "RateLimit", "RateLimit-Policy"

RateLimitsInForce = Callable[[], RateLimits | None]
"""Returns the rate limits, or None where they are switched off."""


def build_headers(limit: RateLimit, allowance: Allowance) -> dict[str, str]:
    """What an answer says of the caller's limit, and of the tenant's.

    In a 200 `t` is 1: a second later there are new tokens. In a 429 it is what `Retry-After` says.
    """
    told = f'"caller";r={allowance.left};t=1'
    if refusal := allowance.refusal:
        told = f'"{refusal.policy}";r=0;t={refusal.retry_after}'
    return {LIMIT: told, POLICY: _policies(limit)}


@lru_cache(maxsize=1_000)
def _policies(limit: RateLimit) -> str:
    tenant = RateLimit(TENANT_REQUESTS_PER_SECOND, TENANT_BURST)
    return f"{_policy('caller', limit)}, {_policy('tenant', tenant)}"


def _policy(name: str, limit: RateLimit) -> str:
    """The burst, and in how many seconds an empty bucket fills: rounded up, so as not to promise too much."""
    return f'"{name}";q={limit.burst};w={-(-limit.burst // limit.requests_per_second)}'
