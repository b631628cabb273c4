"""Claims on users of the user pool, which reserve a user while a membership begins or after it ended.

docs/decisions/0016-sign-in.md explains how the steps of registering and accepting depend on claims.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.accounts.passwords import create_proof, matches_proof
from shared.domain.ids import new_id

CLAIM_SECONDS = 15 * 60
"""How long a claim is valid, in seconds: far longer than any function runs."""
CLOCK_SECONDS = 5
"""How many seconds the clock of the user pool may be behind ours."""


@dataclass(frozen=True, slots=True)
class MembershipClaim:
    """The exclusive right to set the password of the user `sub` and to make the user a member of a tenant.

    `proof`: a proof of the secret with which the claim was made; empty if there was none. `until`: Unix seconds, the
    end of the claim.
    """

    id: str
    sub: str
    proof: str
    until: int

    @classmethod
    def make(cls, sub: str, secret: str, now: float) -> MembershipClaim:
        """Return a new claim. `secret`: identifies the holder at a retry, such as the password they chose."""
        return cls(new_id(), sub, create_proof(secret), int(now) + CLAIM_SECONDS)

    @classmethod
    def block(cls, sub: str, now: float) -> MembershipClaim:
        """Return a claim without a holder, which blocks the user for every caller until it ends."""
        return cls(new_id(), sub, "", int(now) + CLAIM_SECONDS)

    @property
    def since(self) -> int:
        """The earliest sign-in (Unix seconds) that must be the holder's own; becomes `Membership.since`."""
        return self.until - CLAIM_SECONDS - CLOCK_SECONDS

    def can_be_replaced_by(self, secret: str, now: float) -> bool:
        """Return whether a caller with this secret may replace the claim."""
        return self.until < now or bool(self.proof and matches_proof(secret, self.proof))
