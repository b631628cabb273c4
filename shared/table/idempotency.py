"""Idempotency keys in the table: one row each, with the answer once there is one.

All writes replace the whole row, on condition that the writer holds it; a refused write returns the row.
"""

from __future__ import annotations

import base64
import hashlib
import time
import zlib
from collections.abc import Callable
from typing import Any

from shared.domain.callers import format_grants
from shared.domain.errors import TooLarge
from shared.services.idempotency import KEPT_SECONDS, LEASE_SECONDS, ClaimLost, IdempotencyKeyClaim, KeyState
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import idempotency as idempotency_keys
from shared.table.keys.spelling import Key
from shared.table.store import Locked, Store
from shared.table.transactions import Transaction

MAX_ANSWER = 300_000
"""The largest answer that is stored, in characters of its stored form; DynamoDB allows 400 KB for a row."""

_LATEST = "1"
_USUAL = {
    "1": b'"secret":"whsec_","url":"https://","events":["contact."],"description":"","disabled_reason":null,'
    b'"type":"about:blank","title":"Conflict","status":409,"detail":"","code":"duplicate","request_id":"",'
    b'"errors":[{"field":"","code":"","message":"Another contact has this email.","contact_id":""}]}'
    b'[201,{"ETag":"\\"1\\"","Location":"/v1/contacts/","Content-Type":"application/json"}]\n{"id":"",'
    b'"first_name":"","last_name":"","full_name":"","email":"","other_emails":[],"phone":"+1","phone_raw":null,'
    b'"whatsapp":null,"whatsapp_raw":null,"other_phones":[],"company":"","department":"","job_title":"",'
    b'"about":"","tags":[],"owner_id":null,"communication":{"preferred":"none","opt_outs":{}},'
    b'"relationship_status":"prospect","lifecycle_stage":"awareness","is_active":true,"email_verified":false,'
    b'"custom_fields":{},"source":"api","total_bookings":0,"last_booking_at":null,"last_contacted_at":null,'
    b'"interaction_count":0,"next_follow_up_at":null,"merged_from":[],"version":1,"created_at":"20",'
    b'"created_by":"user:","updated_at":"20","updated_by":"user:"}'
}
"""The texts that most answers consist of, by version, as dictionaries for zlib. A contact's answer of 1,050 bytes takes
313 with it and 770 without, so its row stays within the 1 KB of one write unit. Rows must stay readable for a day:
never change an entry, add a new version."""


class IdempotencyKeyTable:
    """The keys of one caller."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, claim: IdempotencyKeyClaim) -> KeyState | None:
        """Claim the key for LEASE_SECONDS, if it is new, has expired, or the same call left it unanswered.

        Returns None when the claim was made, and otherwise the state of the key.
        """
        now = time.time()
        is_new = IS_NEW
        is_expired = "expires_at <= :now"  # DynamoDB removes expired items late
        is_own_write = "holder = :me"
        try:
            state = self._put(
                _row(claim, until=now + LEASE_SECONDS, expires_at=now + KEPT_SECONDS),
                condition=f"{is_new} OR {is_expired} OR {is_own_write}",
                values={":now": _number(now), ":me": {"S": claim.holder}},
            )
            if state is None or not _is_abandoned(state, claim):
                return state
            claim.take_over(state.work_id)
            is_untouched = "attribute_not_exists(answer) AND holder = :before"
            return self._put(
                _row(claim, until=now + LEASE_SECONDS, expires_at=now + KEPT_SECONDS),
                condition=f"({is_untouched}) OR {is_own_write}",
                values={":before": {"S": state.holder}, ":me": {"S": claim.holder}},
            )
        except Locked:
            # A transaction is writing the answer.
            found = self._store.get(_key(claim))
            if found is None:
                raise
            return _state(found, now)

    def settle(self, claim: IdempotencyKeyClaim, answer: str) -> KeyState | None:
        """Store the answer of a call that has not written it together with its changes."""
        now = time.time()
        is_own_write = "holder = :me AND answer = :answer"
        row = _row(claim, until=now, expires_at=now + KEPT_SECONDS, answer=answer)
        return self._put(
            row,
            condition=f"({_IS_HELD}) OR ({is_own_write})",
            values={":me": {"S": claim.holder}, ":answer": row["answer"]},
        )

    def release(self, claim: IdempotencyKeyClaim) -> KeyState | None:
        """Allow the same call to be made again at once.

        Requests of this one that are still in progress write nothing.
        """
        now = time.time()
        row = _row(claim, until=now, expires_at=now + KEPT_SECONDS)
        row["holder"] = {"S": "nobody"}
        return self._put(
            row,
            condition=_IS_HELD,
            values={":me": {"S": claim.holder}},
        )

    def _put(self, row: Item, *, condition: str, values: Item) -> KeyState | None:
        try:
            self._store.put(row, condition=condition, values=values, refusal=_lost)
        except ClaimLost as lost:
            return lost.state
        return None


class ClaimedStore(Store):
    """The table for a call under a key that commits once: the answer is written in the same transaction."""

    def __init__(self, client: Any, table_name: str, claim: IdempotencyKeyClaim) -> None:
        super().__init__(client, table_name)
        self._claim = claim

    def commit(self, transaction: Transaction) -> None:
        """Write a transaction with the announced answer. Raises ClaimLost when another call holds the key."""
        claim, now = self._claim, time.time()
        if claim.stored_answer is None or claim.committed:
            raise RuntimeError(
                "A call under a key writes one transaction, and announces its answer before that."
            )
        together = Transaction()
        # First, so that a call that has lost its claim gets that error, and not one about what its successor wrote.
        together.put(
            _row(claim, until=now, expires_at=now + KEPT_SECONDS, answer=claim.stored_answer),
            condition=_IS_HELD,
            values={":me": {"S": claim.holder}},
            refusal=_lost,
        )
        together.steps += transaction.steps
        together.refusals += transaction.refusals
        super().commit(together)
        claim.committed = True


class FencedStore(Store):
    """The table for a call under a key that commits many times, each only while the claim is held.

    `IdempotencyKeyTable.settle` stores the answer at the end. A call that takes the claim over must recognise what is
    written already, by the ids that are derived from the claim's work.
    """

    def __init__(self, client: Any, table_name: str, claim: IdempotencyKeyClaim) -> None:
        super().__init__(client, table_name)
        self._claim = claim

    def commit(self, transaction: Transaction) -> None:
        """Write a transaction, which must have room for one more item.

        Raises ClaimLost when another call holds the key.
        """
        fenced = Transaction()
        fenced.check(
            _key(self._claim),
            condition=_IS_HELD,
            values={":me": {"S": self._claim.holder}},
            refusal=_lost,
        )
        fenced.steps += transaction.steps
        fenced.refusals += transaction.refusals
        super().commit(fenced)


class FoundTable:
    """The contacts that a call under a key found, so that a call that takes it over continues with the same ones."""

    def __init__(self, store: FencedStore, claim: IdempotencyKeyClaim) -> None:
        self._store = store
        self._claim = claim

    def find_or_recall(self, find: Callable[[], list[str]]) -> list[str]:
        """Return the ids that `find` returns, or returned when the work was started. At most 500."""
        claim = self._claim
        key = idempotency_keys.found_contacts(claim.caller.tenant_id, claim.caller.actor, _digest(claim))
        if claim.work.is_retry:
            row = self._store.get(key)
            if row is not None and row["work"]["S"] == claim.work.id:
                return str(row["contact_ids"]["S"]).split()
        found = find()
        transaction = Transaction()
        transaction.put(
            {
                **key,
                "work": {"S": claim.work.id},
                "contact_ids": {"S": " ".join(found)},
                "expires_at": {"N": str(int(time.time() + KEPT_SECONDS))},
            }
        )
        self._store.commit(transaction)
        return found


_IS_HELD = "holder = :me AND attribute_not_exists(answer)"


def _is_abandoned(state: KeyState, claim: IdempotencyKeyClaim) -> bool:
    """Whether the same call was started and did not finish."""
    return state.answer is None and state.left <= 0 and state.fingerprint == claim.fingerprint


def _lost(row: Item | None) -> ClaimLost:
    return ClaimLost(_state(row, time.time()) if row else None)


def _key(claim: IdempotencyKeyClaim) -> Key:
    return idempotency_keys.call(claim.caller.tenant_id, claim.caller.actor, _digest(claim))


def _digest(claim: IdempotencyKeyClaim) -> str:
    return _text(hashlib.sha256(claim.key.encode()).digest()[:18])


def _row(claim: IdempotencyKeyClaim, *, until: float, expires_at: float, answer: str | None = None) -> Item:
    caller = claim.caller
    row: Item = {
        **_key(claim),
        "fingerprint": {"S": claim.fingerprint},
        "holder": {"S": claim.holder},
        "work": {"S": claim.work.id},
        "lease_until": _number(until),
        "expires_at": {"N": str(int(expires_at))},
        "role": {"S": caller.role},
    }
    if caller.granted:
        row["granted"] = {"S": format_grants(caller.granted)}
    if answer is not None:
        row["answer"] = {"S": _packed(answer)}
    return row


def _state(row: Item, now: float) -> KeyState:
    left = float(row["lease_until"]["N"]) - now
    return KeyState(
        holder=row["holder"]["S"],
        work_id=row["work"]["S"],
        fingerprint=row["fingerprint"]["S"],
        role=row["role"]["S"],
        granted=row["granted"]["S"] if "granted" in row else "",
        answer=_unpacked(row["answer"]["S"]) if "answer" in row else None,
        age=LEASE_SECONDS - left,
        left=left,
    )


def _packed(answer: str) -> str:
    shrinking = zlib.compressobj(zdict=_USUAL[_LATEST])
    shrunk = shrinking.compress(answer.encode()) + shrinking.flush()
    packed = _LATEST + base64.b64encode(shrunk).decode()
    if len(packed) > MAX_ANSWER:
        raise TooLarge("The answer is too large to be kept under an Idempotency-Key. Send the call in parts.")
    return packed


def _unpacked(packed: str) -> str:
    growing = zlib.decompressobj(zdict=_USUAL[packed[0]])
    return (growing.decompress(base64.b64decode(packed[1:])) + growing.flush()).decode()


def _number(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
