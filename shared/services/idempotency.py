"""Calls with an Idempotency-Key: a repeated call gets the answer of the first, and its effect happens once.

A call claims its key before it does anything else. It writes its changes in one transaction with its answer, on
condition that it still holds the claim (docs/decisions/0006). So there is no moment at which the effect is stored
and the answer is not, and a call that has lost its claim writes nothing.

A call of many transactions writes each of them on that condition and stores its answer at the end. A call that takes
over its claim derives the same ids, and so recognises what is already written (docs/decisions/0011).

Answers are texts to this module: only the caller of KeyedCalls knows how they are rendered.
"""

from __future__ import annotations

import contextlib
import zlib
from base64 import b64decode, b64encode
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
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.domain.ids import Work, new_id

KEPT_SECONDS = 24 * 3600
"""Seconds for which an answer is stored and returned to repeated calls."""

LEASE_SECONDS = 20
"""Seconds for which a claim keeps other calls out. No function that serves calls runs as long, so a call that is still
running is not disturbed, and a call that was killed holds its key no longer."""

_NOT_KEPT = (Unavailable, RateLimited, ConcurrentChange, QuotaReached, PermissionDenied, Unauthenticated)
"""Refusals that are not stored: their cause may be gone by the next call, and rights are checked on every call."""

_SEALED = "sealed:"
"""The beginning of a stored answer that is encrypted. No other answer begins with it."""

Announce = Callable[[BaseModel], None]
"""Tells a claim, before a change is written, which record the call will return."""


def no_key(_: BaseModel) -> None:
    """The `Announce` of calls without a key."""


class AnswerSeal(Protocol):
    """Encrypts answers; see `shared.services.sealing.Seal`."""

    def seal(self, tenant_id: str, purpose: tuple[str, ...], content: bytes) -> bytes: ...

    def open(self, tenant_id: str, purpose: tuple[str, ...], sealed: bytes) -> bytes: ...


class IdempotencyKeyClaim:
    """The right to carry out the call of a key.

    `key`: as the caller sent it.
    `fingerprint`: of what the call requests. Another call with the same key has another fingerprint.
    `holder`: identifies this claim.
    `answer`: what the call will return, once that is known. `stored_answer`: as the table is to keep it.
    `committed`: whether the answer is stored, together with the call's effect.
    `work`: what the call does; the same for every claim that takes the call over.
    """

    def __init__(
        self,
        caller: Caller,
        key: str,
        fingerprint: str,
        render: Callable[[BaseModel], str],
        seal: AnswerSeal | None = None,
    ) -> None:
        self.caller = caller
        self.key = key
        self.fingerprint = fingerprint
        self.holder = new_id()
        self.answer: str | None = None
        self.stored_answer: str | None = None
        self.committed = False
        self.work = Work(self.holder)
        self._render = render
        self._seal = seal
        self._shows_secret = False

    def take_over(self, work_id: str) -> None:
        """Continue the work of a claim that was abandoned."""
        self.work = Work(work_id, is_retry=True)

    def announce(self, record: BaseModel) -> None:
        """Set the record that the call will return. Must be called before the write; the last record counts.

        Raises Unavailable when the record shows a secret and the answer cannot be encrypted.
        """
        self.answer = self._render(record)
        self._shows_secret = getattr(record, "shows_secret", False)
        self.stored_answer = self.protect(self.answer)

    def protect(self, answer: str) -> str:
        """Return an answer as the table is to keep it: encrypted if it shows a secret."""
        if self._seal is None or not self._shows_secret:
            return answer
        sealed = self._seal.seal(self.caller.tenant_id, self._purpose, zlib.compress(answer.encode()))
        return _SEALED + b64encode(sealed).decode()

    def reveal(self, stored: str) -> str:
        """Return the answer of what `protect` returned. Raises Unavailable, and Unsealable."""
        if self._seal is None or not stored.startswith(_SEALED):
            return stored
        sealed = b64decode(stored.removeprefix(_SEALED))
        return zlib.decompress(self._seal.open(self.caller.tenant_id, self._purpose, sealed)).decode()

    @property
    def _purpose(self) -> tuple[str, ...]:
        return "answer", self.caller.actor, self.key


@dataclass(frozen=True, slots=True)
class KeyState:
    """The state that is stored under a key.

    `holder`: identifies the claim, or is "nobody".
    `work_id`: identifies the work of the call.
    `role`, `granted`: the rights of the first call's caller.
    `answer`: of the first call, or None while it is running.
    `age`: seconds since the claim.
    `left`: seconds until another call may take the claim over.
    """

    holder: str
    work_id: str
    fingerprint: str
    role: str
    granted: str
    answer: str | None
    age: float
    left: float


class ClaimLost(Exception):
    """Another call has the key now, or has answered. Nothing was written."""

    def __init__(self, state: KeyState | None) -> None:
        super().__init__()
        self.state = state


class KeyRepository(Protocol):
    """The keys of one caller; see `shared.table.idempotency.IdempotencyKeyTable`.

    Each method returns None on success, and otherwise what is stored under the key.
    """

    def claim(self, claim: IdempotencyKeyClaim) -> KeyState | None: ...

    def settle(self, claim: IdempotencyKeyClaim, answer: str) -> KeyState | None: ...

    def release(self, claim: IdempotencyKeyClaim) -> KeyState | None: ...


@dataclass(frozen=True, slots=True)
class KeyedAnswer:
    """An answer. `replayed`: whether an earlier call got it first."""

    answer: str
    replayed: bool


class KeyedCalls:
    """The calls that one caller makes with keys. `seal` encrypts the answers that show secrets."""

    def __init__(self, caller: Caller, keys: KeyRepository, seal: AnswerSeal | None = None) -> None:
        self._caller = caller
        self._keys = keys
        self._seal = seal

    def run(
        self,
        key: str,
        fingerprint: str,
        act: Callable[[IdempotencyKeyClaim], str],
        *,
        render: Callable[[BaseModel], str],
        refuse: Callable[[DomainError], str],
    ) -> KeyedAnswer:
        """Return the answer of `act`, or of the earlier call that used the key.

        `act` carries out the call under the claim. `render` renders an announced record, `refuse` a refusal.
        Raises IdempotencyKeyReused when the key belongs to another call, IdempotencyInFlight while the key's first
        call is running, and PermissionDenied when the caller has lost rights since then. Refusals that may be
        different next time are raised and not stored.
        """
        claim = IdempotencyKeyClaim(self._caller, key, fingerprint, render, self._seal)
        if state := self._keys.claim(claim):
            return self._replay(claim, state)
        try:
            answer = act(claim)
        except ClaimLost as lost:
            if lost.state is None:
                raise Unavailable() from lost
            return self._replay(claim, lost.state)
        except _NOT_KEPT:
            # The write may have succeeded although its response was lost.
            if (state := self._release(claim)) and state.answer:
                return self._replay(claim, state)
            raise
        except DomainError as refusal:
            answer = refuse(refusal)
        except Exception:
            self._release(claim)
            raise
        if claim.committed and claim.answer:
            return KeyedAnswer(claim.answer, replayed=False)
        if state := self._keys.settle(claim, claim.protect(answer)):
            return self._replay(claim, state)
        return KeyedAnswer(answer, replayed=False)

    def _release(self, claim: IdempotencyKeyClaim) -> KeyState | None:
        if not claim.committed:
            # If the table is unavailable for this too, the lease expires; the caller gets the first error.
            with contextlib.suppress(Unavailable):
                return self._keys.release(claim)
        return None

    def _replay(self, claim: IdempotencyKeyClaim, state: KeyState) -> KeyedAnswer:
        if state.fingerprint != claim.fingerprint:
            raise IdempotencyKeyReused()
        if state.answer is None:
            # The caller is to wait as long as the first call has been running: short calls are repeated soon.
            raise IdempotencyInFlight(max(1, round(min(state.age, state.left))))
        if not self._has_rights_of(state):
            raise PermissionDenied(
                "This caller has lost rights since the call was made. Its answer is shut away."
            )
        return KeyedAnswer(claim.reveal(state.answer), replayed=True)

    def _has_rights_of(self, state: KeyState) -> bool:
        granted = parse_grants(state.granted)
        then = Caller(self._caller.tenant_id, self._caller.kind, self._caller.id, state.role, granted)  # type: ignore[arg-type]
        return self._caller.has_all_rights_of(then)
