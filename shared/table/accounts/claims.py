"""Claims on users in the table: in the place where a membership lies, which they keep from everybody else."""

from __future__ import annotations

from shared.domain.accounts.claims import MembershipClaim
from shared.table.keys import accounts as account_keys
from shared.table.store import Item, Store

_IS_OURS = "claim.id = :id"


class ClaimTable:
    """The claims of those who are about to become members."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, claim: MembershipClaim, *, over: MembershipClaim | None = None) -> MembershipClaim | None:
        """Claim a user whom nobody has, or on whom `over` still stands. The claim that stands then, this or another's;
        None when the user is a tenant's member.
        """
        is_free = "attribute_not_exists(PK)" if over is None else "claim.id = :over"
        values: Item = {":id": {"S": claim.id}}
        if over is not None:
            values[":over"] = {"S": over.id}
        try:
            self._store.put(
                claim_to_item(claim),
                condition=f"{is_free} OR {_IS_OURS}",
                values=values,
                refusal=_Standing,
            )
        except _Standing as other:
            if other.item is None:  # `over` is gone: its time was past
                return self.put(claim)
            return _from_item(claim.sub, other.item)
        return claim

    def release(self, claim: MembershipClaim, now: float) -> None:
        """Let a claim count for nothing from now on, if it still stands."""
        self._store.update(
            account_keys.membership(claim.sub),
            "SET expires_at = :past",
            {":past": {"N": str(int(now) - 1)}, ":id": {"S": claim.id}},
            condition=_IS_OURS,
        )


def in_place_of(claim: MembershipClaim | None, now: float) -> tuple[str, Item]:
    """The condition, with its values, under which a membership is written: in a claim's place while it stands, or
    without one where nobody has the user.
    """
    if claim is not None:
        return _IS_OURS, {":id": {"S": claim.id}}
    return "attribute_not_exists(PK) OR expires_at < :now", {":now": {"N": str(int(now))}}


def claim_to_item(claim: MembershipClaim) -> Item:
    """What lets nobody in, and which the table's time to live removes when its time is past."""
    return {
        **account_keys.membership(claim.sub),
        "claim": {"M": {"id": {"S": claim.id}, "proof": {"S": claim.proof}}},
        "expires_at": {"N": str(claim.until)},
    }


def _from_item(sub: str, item: Item) -> MembershipClaim | None:
    if "claim" not in item:
        return None
    kept = item["claim"]["M"]
    return MembershipClaim(kept["id"]["S"], sub, kept["proof"]["S"], int(item["expires_at"]["N"]))


class _Standing(Exception):
    """Something stands where a claim was to be put."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
