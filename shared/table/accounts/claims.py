"""Claims in the table: they take the place of a user's membership, and keep other callers from writing it."""

from __future__ import annotations

from shared.domain.accounts.claims import MembershipClaim
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store

_IS_OURS = "claim.id = :id"


class ClaimTable:
    """The claims on users who are about to become members."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, claim: MembershipClaim, *, over: MembershipClaim | None = None) -> MembershipClaim | None:
        """Claim a user who has neither a membership nor a claim, or whose claim is still `over`.

        Returns the claim that is in the table then, this one or another caller's; None when the user is a member.
        """
        is_free = IS_NEW if over is None else "claim.id = :over"
        values: Item = {":id": {"S": claim.id}}
        if over is not None:
            values[":over"] = {"S": over.id}
        try:
            self._store.put(
                claim_to_item(claim),
                condition=f"{is_free} OR {_IS_OURS}",
                values=values,
                refusal=_AlreadyTaken,
            )
        except _AlreadyTaken as found:
            if found.item is None:  # `over` expired and was removed
                return self.put(claim)
            return _from_item(claim.sub, found.item)
        return claim

    def release(self, claim: MembershipClaim, now: float) -> None:
        """Let a claim expire now, if it is still in the table."""
        self._store.update(
            account_keys.membership(claim.sub),
            "SET expires_at = :past",
            {":past": {"N": str(int(now) - 1)}, ":id": {"S": claim.id}},
            condition=_IS_OURS,
        )


def in_place_of(claim: MembershipClaim | None, now: float) -> tuple[str, Item]:
    """Return the condition, with its values, for writing a membership.

    With a claim, that is still in the table; without one, neither a membership nor a valid claim may be there.
    """
    if claim is not None:
        return _IS_OURS, {":id": {"S": claim.id}}
    return f"{IS_NEW} OR expires_at < :now", {":now": {"N": str(int(now))}}


def claim_to_item(claim: MembershipClaim) -> Item:
    """Return the item of a claim. It grants no access, and the table's time to live removes it once it has expired."""
    return {
        **account_keys.membership(claim.sub),
        "claim": {"M": {"id": {"S": claim.id}, "proof": {"S": claim.proof}}},
        "expires_at": {"N": str(claim.until)},
    }


def _from_item(sub: str, item: Item) -> MembershipClaim | None:
    if "claim" not in item:
        return None
    stored = item["claim"]["M"]
    return MembershipClaim(stored["id"]["S"], sub, stored["proof"]["S"], int(item["expires_at"]["N"]))


class _AlreadyTaken(Exception):
    """A membership or another claim is in the place of a claim."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
