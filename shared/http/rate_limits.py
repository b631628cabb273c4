"""The headers `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from shared.domain.tenant import RateLimit
from shared.services.limits.rate_limits import TENANT_BURST, TENANT_REQUESTS_PER_SECOND, Allowance, RateLimits

LIMIT, POLICY = "RateLimit", "RateLimit-Policy"

RateLimitsInForce = Callable[[], RateLimits | None]
"""Returns the rate limits, or None where they are switched off."""


def build_headers(limit: RateLimit, allowance: Allowance) -> dict[str, str]:
    """Return the headers with the limits of the caller and of the tenant.

    In a 200 `t` is 1, because there are new tokens after a second. In a 429 it equals `Retry-After`.
    """
    state = f'"caller";r={allowance.left};t=1'
    if refusal := allowance.refusal:
        state = f'"{refusal.policy}";r=0;t={refusal.retry_after}'
    return {LIMIT: state, POLICY: _format_policies(limit)}


@lru_cache(maxsize=1_000)
def _format_policies(limit: RateLimit) -> str:
    tenant = RateLimit(TENANT_REQUESTS_PER_SECOND, TENANT_BURST)
    return f"{_format_policy('caller', limit)}, {_format_policy('tenant', tenant)}"


def _format_policy(name: str, limit: RateLimit) -> str:
    """Return the burst and the seconds in which an empty bucket fills, rounded up so that they promise no more."""
    return f'"{name}";q={limit.burst};w={-(-limit.burst // limit.requests_per_second)}'
