"""Calls under an Idempotency-Key: the first one's answer is given again, and its effect happens once.

The key is claimed before anything else is done. What a call writes, it writes in one transaction with the
answer it is going to give, on condition that the claim is still its own (docs/decisions/0006). So there is
no moment at which the effect is there and the answer is not, and a call that has lost its claim writes
nothing any more.

A call of many transactions writes each on that condition and keeps its answer at the end; whoever takes over
its claim makes the same ids, and so recognises what is there (docs/decisions/0011).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from shared.domain.callers import Caller, parse_grants
from shared.domain.errors import (
    ConcurrentChange,
    DomainError,
    IdempotencyInFlight,
    IdempotencyKeyReused,
    PermissionDenied,
    QuotaReached,
    Unauthenticated,
    Unavailable,
)
from shared.domain.ids import Work, new_id

KEPT_SECONDS = 24 * 3600
"""How long an answer is given again."""

LEASE_SECONDS = 20
"""How long a claim keeps others out. No function that answers calls runs so long, so one that still works is
not disturbed, and one that was killed holds its key no longer than that."""

_NOT_KEPT = (Unavailable, ConcurrentChange, QuotaReached, PermissionDenied, Unauthenticated)
"""Refusals that are no last word: what was away or in the way may be gone, and rights are judged each time."""

Announce = Callable[[BaseModel], None]
"""Tells, before a change is written, with which record the call will be answered."""


def no_key(_: BaseModel) -> None:
    """`Announce` for calls without a key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered: status, headers and body, as its door words them."""

    status: int
    headers: dict[str, str]
    body: str


class Claim:
    """The right to carry out the one call of a key.

    `key`: as the caller sent it. `fingerprint`: what the call asks for; another call under the same key has
    another. `holder`: names this claim and no other. `answer`: what the call will be answered, once that is
    known. `committed`: whether that is written already, together with the call's effect. `work`: what the call
    does, the same for all claims that come to do it.
    """

    def __init__(
        self, caller: Caller, key: str, fingerprint: str, render: Callable[[BaseModel], Answer]
    ) -> None:
        self.caller = caller
        self.key = key
        self.fingerprint = fingerprint
        self.holder = new_id()
        self.answer: Answer | None = None
        self.committed = False
        self.work = Work(self.holder)
        self._render = render

    def take_over(self, work_id: str) -> None:
        """Go on with the work of a claim that came to no end."""
        self.work = Work(work_id, is_retry=True)

    def announce(self, record: BaseModel) -> None:
        """Say with which record the call will be answered. Must come before the write; the last word counts."""
        self.answer = self._render(record)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known under a key: whose rights the first call had, and its answer once there is one.

    `holder`: of the claim, or nobody. `work_id`: what the call does. `age` and `left`: seconds since the claim, and
    until others may take it over.
    """

    holder: str
    work_id: str
    fingerprint: str
    role: str
    granted: str
    answer: Answer | None
    age: float
    left: float


class ClaimLost(Exception):
    """Another call holds the key by now, or has answered; nothing was written."""

    def __init__(self, standing: Standing | None) -> None:
        super().__init__()
        self.standing = standing


class KeyRepository(Protocol):
    """The keys of one caller; see `shared.table.idempotency.KeyTable`.

    Each method gives None when it succeeded, and else what stands in the way.
    """

    def claim(self, claim: Claim) -> Standing | None: ...

    def settle(self, claim: Claim, answer: Answer) -> Standing | None: ...

    def release(self, claim: Claim) -> Standing | None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and whether it is an earlier call's."""

    answer: Answer
    replayed: bool


class KeyedCalls:
    """The calls one caller makes under keys."""

    def __init__(self, caller: Caller, keys: KeyRepository) -> None:
        self._caller = caller
        self._keys = keys

    def carry_out(
        self,
        key: str,
        fingerprint: str,
        act: Callable[[Claim], Answer],
        *,
        render: Callable[[BaseModel], Answer],
        refuse: Callable[[DomainError], Answer],
    ) -> Outcome:
        """The answer to a call: that of `act`, unless the key was used before.

        `act` does the call's work under the claim, `render` words an announced record, `refuse` a refusal.
        Raises IdempotencyKeyReused when the key belongs to another call, IdempotencyInFlight while its first
        call is at work, PermissionDenied when the caller has lost rights since; and, without keeping it,
        what `act` raises of what may be otherwise next time.
        """
        claim = Claim(self._caller, key, fingerprint, render)
        if standing := self._keys.claim(claim):
            return self._again(claim, standing)
        try:
            answer = act(claim)
        except ClaimLost as lost:
            if lost.standing is None:
                raise Unavailable() from lost
            return self._again(claim, lost.standing)
        except _NOT_KEPT:
            # The write may have come through though its answer did not.
            if (standing := self._released(claim)) and standing.answer:
                return self._again(claim, standing)
            raise
        except DomainError as refusal:
            answer = refuse(refusal)
        except Exception:
            self._released(claim)
            raise
        if claim.committed and claim.answer:
            return Outcome(claim.answer, replayed=False)
        if standing := self._keys.settle(claim, answer):
            return self._again(claim, standing)
        return Outcome(answer, replayed=False)

    def _released(self, claim: Claim) -> Standing | None:
        if not claim.committed:
            # When the table is away for this too, the lease ends by itself; the caller hears of the first fault.
            with contextlib.suppress(Unavailable):
                return self._keys.release(claim)
        return None

    def _again(self, claim: Claim, standing: Standing) -> Outcome:
        if standing.fingerprint != claim.fingerprint:
            raise IdempotencyKeyReused()
        if standing.answer is None:
            # Asking again after as long as it has taken already: soon for a short call, seldom for a long one.
            raise IdempotencyInFlight(max(1, round(min(standing.age, standing.left))))
        if not self._still_has_rights(standing):
            raise PermissionDenied(
                "This caller has lost rights since the call was made. Its answer is shut away."
            )
        return Outcome(standing.answer, replayed=True)

    def _still_has_rights(self, standing: Standing) -> bool:
        granted = parse_grants(standing.granted)
        then = Caller(self._caller.tenant_id, self._caller.kind, self._caller.id, standing.role, granted)  # type: ignore[arg-type]
        return self._caller.has_all_rights_of(then)
