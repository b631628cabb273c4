"""Taking a claim on a user, by which those who would make a member of them take turns."""

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
    """A claim on a user, over one that the same secret made or whose time is past. None when the user is a member or
    somebody else's claim stands.
    """
    claim = MembershipClaim.make(sub, secret, now)
    standing = claims.put(claim)
    if standing not in (None, claim) and standing.can_be_replaced_by(secret, now):
        standing = claims.put(claim, over=standing)
    return claim if standing == claim else None


@contextmanager
def release_on(
    *refusals: type[Exception], claims: MembershipClaims, claim: MembershipClaim, now: Callable[[], float]
) -> Iterator[None]:
    """Gives a claim back when what is done under it is refused: all is answered then, so that nothing of it can come
    after another's claim, and another attempt need not wait.
    """
    try:
        yield
    except refusals:
        claims.release(claim, now())
        raise
