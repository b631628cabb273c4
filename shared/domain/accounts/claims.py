"""A claim on a user of the pool: that somebody is about to become a member, or has just ceased to be one.

How steps hold together through it is told in docs/decisions/0016-sign-in.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.accounts.passwords import is_proven, proof_of
from shared.domain.ids import new_id

CLAIM_SECONDS = 15 * 60
"""How long a claim counts: far longer than any function runs."""
CLOCK_SECONDS = 5
"""By how much the pool's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class MembershipClaim:
    """Whoever holds it is the only one who sets the password of the user `sub`, and who makes a member of them.

    `proof`: of the secret with which the claim was made; empty where there was none. `until`: Unix seconds, after
    which it counts for nothing.
    """

    id: str
    sub: str
    proof: str
    until: int

    @classmethod
    def make(cls, sub: str, secret: str, now: float) -> MembershipClaim:
        """A new claim. `secret`: by which the same person is known again, such as their password."""
        return cls(new_id(), sub, proof_of(secret), int(now) + CLAIM_SECONDS)

    @classmethod
    def bar(cls, sub: str, now: float) -> MembershipClaim:
        """A claim that nobody can go on with: it keeps everybody out until its time is past."""
        return cls(new_id(), sub, "", int(now) + CLAIM_SECONDS)

    @property
    def since(self) -> int:
        """From when on sign-ins to the pool are those of the claim's holder: for their Membership."""
        return self.until - CLAIM_SECONDS - CLOCK_SECONDS

    def yields_to(self, secret: str, now: float) -> bool:
        """Whether one who has this secret may take it over."""
        return self.until < now or bool(self.proof and is_proven(secret, self.proof))
