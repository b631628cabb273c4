"""Taking and releasing claims, which keep two callers from making the same user a member at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from shared.domain.accounts.claims import MembershipClaim


class MembershipClaims(Protocol):
    """The claims on users; see `shared.table.accounts.claims.ClaimTable`."""

    def put(
        self, claim: MembershipClaim, *, over: MembershipClaim | None = None
    ) -> MembershipClaim | None: ...

    def release(self, claim: MembershipClaim, now: float) -> None: ...


def take(claims: MembershipClaims, sub: str, secret: str, now: float) -> MembershipClaim | None:
    """Take a claim on a user; return None if the user is a member or another caller holds a claim.

    An earlier claim is replaced if it was made with the same secret or has ended.
    """
    claim = MembershipClaim.make(sub, secret, now)
    current = claims.put(claim)
    if current not in (None, claim) and current.can_be_replaced_by(secret, now):
        current = claims.put(claim, over=current)
    return claim if current == claim else None


@contextmanager
def release_on(
    *refusals: type[Exception], claims: MembershipClaims, claim: MembershipClaim, now: Callable[[], float]
) -> Iterator[None]:
    """Release a claim if one of `refusals` is raised in the block, so that the next attempt need not wait.

    `refusals`: errors after which no request of the block is still under way, so that none can take effect under the
    claim of another caller.
    """
    try:
        yield
    except refusals:
        claims.release(claim, now())
        raise
