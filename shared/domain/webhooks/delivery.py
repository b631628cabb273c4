"""The delivery of one event to one subscription: its attempts, and the time of the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.events import WEBHOOK_TEST, Event, Notice
from shared.domain.timestamps import Timestamp
from shared.domain.webhooks.responses import shorten

WAIT_SECONDS = (10, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 111_600)
"""Seconds between an attempt and the next: ten attempts within 72 hours and 21 minutes, or more with jitter."""
MAX_ATTEMPTS = len(WAIT_SECONDS) + 1
MAX_LOGGED_ATTEMPTS = 50
"""The most attempts in the log of a delivery that may be sent again; those that follow are added to them. At 2.2 kB
each at most, they stay far below the 400 kB of an item (DynamoDB's limit)."""
JITTER = 0.2
"""The share by which a wait may be extended at random. It is never shortened, so the last attempt is at least 72 hours
after the first."""
MAX_RETRY_AFTER_SECONDS = 86_400
"""The longest `Retry-After` of a receiver that is followed, in seconds."""

LOST_MESSAGE_SECONDS = 300
"""Seconds after which a delivery whose message to the sender was lost is queued again."""
RECHECK_SECONDS = 900
"""Seconds by which a due delivery is postponed while its message is being queued."""
MAX_QUEUED_SECONDS = 86_400
"""Seconds for which a delivery's message is assumed to wait in a queue that is not empty. Longer than any backlog that
the alarm on the age of the oldest message leaves unnoticed."""
RESERVATION_SECONDS = 120
"""Seconds for which an attempt is reserved for the sender that began it: longer than a sender runs (60), and shorter
than its message stays hidden from other senders (360)."""
SUSPENSION_SECONDS = (3_600, 86_400)
"""The shortest and the longest time by which a suspended tenant's delivery is postponed, in seconds."""
MAX_FAULTS = 50
"""The number of faults of this service after which a delivery is given up. A message meets ten before it is in the
dead-letter queue, about an hour later; then FAULT_SECONDS pass. So a fault that is mended within a day ends none."""
FAULT_SECONDS = 21_600
"""Seconds after a fault of this service after which a delivery is queued again if its message no longer is."""
MAX_QUEUED_WAIT_SECONDS = 900
"""The longest wait that is left to the queue, in seconds; longer waits are kept in the due-time index. The queue must
be able to delay a message by as much."""

SLOW_MILLISECONDS = 3_000
"""Milliseconds that an attempt takes at least to make its subscription slow."""
SLOW_FOR_SECONDS = 900
"""Seconds for which a subscription is slow after such an attempt."""
SLOW_SENDERS = 4
"""The senders, of 50, that the slow subscriptions of a tenant have together: the slot of an attempt is shorter than the
attempt by this factor."""
SLOT_VALID_SECONDS = 60
"""Seconds after the beginning of a slot within which its attempt may begin."""
MAX_SLOT_SECONDS = 14_400
"""Seconds from now within which slots are given. When all are taken, a delivery waits for as long and asks again."""
EARLY_SECONDS = 600
"""Seconds before the end of a wait at which the due-time index, which is read every minute, hands a delivery over to
the queue, which waits to the second."""
CLOCK_SECONDS = 2
"""Seconds by which a message may come before the end of its wait, since clocks differ."""

KEPT_SECONDS = 30 * 86_400
"""Seconds for which a delivery is kept after it was created or sent again, or after its latest attempt."""
RESPONSE_BYTES = 1024
"""The most bytes of a response body that are kept."""

DeliveryState = Literal["pending", "delivered", "failed"]


class Attempt(BaseModel):
    """One request to the receiver.

    `status`: the status of the response; null when there was none. Then `error` is a stable code for the reason. A
    redirect has both.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: Timestamp
    status: int | None = None
    duration_ms: int
    error: str | None = Field(
        None, description="timeout, no_such_host, forbidden_address, connect, tls, protocol or redirect."
    )
    response: str = Field(
        "", description="The first 1,024 bytes of the response body, or fewer if they are no text."
    )

    @property
    def has_succeeded(self) -> bool:
        """Whether the receiver accepted the event (2xx)."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more events (410)."""
        return self.status == 410


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """A request to the sender to make attempt number `attempt` (from 1) of a delivery."""

    tenant_id: str
    webhook_id: str
    event_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class DeliveryAttemptResult:
    """The result of an attempt. `retry_after`: the seconds for which the receiver asked not to be called."""

    attempt: Attempt
    retry_after: float | None = None


class Delivery(BaseModel):
    """The delivery of an event to a subscription.

    `reason` says why it failed: `exhausted` (all attempts were made), `gone` (the receiver answered 410),
    `webhook_disabled`, `webhook_deleted`, `event_removed`, `not_permitted` (the holder of the webhook may no longer
    see the event), `secrets_unreadable` (the webhook's secrets are damaged), `service_fault` (this service could not
    make the request).
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    event_id: str
    event_type: str
    state: DeliveryState = "pending"
    reason: str | None = None
    attempts: list[Attempt] = []
    next_attempt_at: Timestamp | None = None
    created_at: Timestamp

    # Not shown. `entity` and `entity_id`: of the record in whose partition the event is. `source_id`: of a derived
    # event, the id of the event from which it follows. `webhook_version`: in the delivery of a test event; else 0.
    # `revision` changes with each change of the delivery. `queued_at`: when the message for the next attempt was
    # queued; None when that is not known. `earlier_attempts`: how many attempts were made before the delivery was sent
    # again. `waits_until`: until when the next attempt waits for its slow or paused subscription. `slot_at`: the
    # beginning of the slot in which it may be made. `restarted_at`: when the delivery was sent again last. `faults`:
    # how many faults of this service there were since the latest attempt, and senders that did not write theirs.
    # `claimed_by` and `claimed_until`: of the attempt that a sender has reserved.
    webhook_id: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    entity: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    entity_id: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    source_id: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    webhook_version: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    due_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    queued_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    revision: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = "new"
    earlier_attempts: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    waits_until: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    slot_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    restarted_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    faults: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    claimed_by: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    claimed_until: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None

    @classmethod
    def create(cls, notice: Notice, webhook_id: str, *, at: str) -> Delivery:
        """Return the delivery of an event, to be attempted immediately."""
        return cls.model_construct(
            event_id=notice.id,
            event_type=notice.type,
            webhook_id=webhook_id,
            entity=notice.entity,
            entity_id=notice.entity_id,
            source_id=notice.source_id,
            created_at=at,
            next_attempt_at=at,
            due_at=timestamps.plus(at, LOST_MESSAGE_SECONDS),
        )

    @classmethod
    def create_test(cls, webhook_id: str, version: int, *, event_id: str, at: str) -> Delivery:
        """Return the delivery of a test event, to be attempted immediately. `version`: of the webhook."""
        return cls.model_construct(
            event_id=event_id,
            event_type=WEBHOOK_TEST,
            webhook_id=webhook_id,
            entity="webhook",
            entity_id=webhook_id,
            webhook_version=version,
            created_at=at,
            next_attempt_at=at,
            due_at=timestamps.plus(at, LOST_MESSAGE_SECONDS),
        )

    def test_event(self) -> Event:
        """Return the test event that this delivers."""
        return Event(
            id=self.event_id,
            type=self.event_type,
            entity=self.entity,
            entity_id=self.entity_id,
            at=self.created_at,
            actor="",
            origin="api",
            version=self.webhook_version,
        )

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return len(self.attempts) + 1

    @property
    def queue_delay(self) -> int | None:
        """The seconds after the latest attempt for which the queue delays the message for the next one; None when the
        wait is left to the due-time index.
        """
        if self.next_attempt_at is None or not self.attempts:
            return None if self.next_attempt_at is None else 0
        return seconds_of_wait(self.next_attempt_at, self.attempts[-1].at)

    def record(
        self,
        attempt: Attempt,
        *,
        revision: str,
        retry_after: float | None,
        jitter: float,
        is_present_receiver: bool = True,
    ) -> Delivery:
        """Return the delivery with a further attempt.

        `revision`: a new revision for the result. `retry_after`: the seconds for which the receiver asked not to be
        called. `jitter`: from 0 to 1, the share of JITTER by which this wait is extended. `is_present_receiver`:
        whether the webhook still has the URL of the attempt, and was not enabled again; if not, a 410 is an ordinary
        failure. An attempt that arrives after the delivery has ended (two senders had the same message) is logged, and
        a success always counts.
        """
        shortened = attempt.model_copy(update={"response": shorten(attempt.response)})
        attempted = self.model_copy(
            update={
                "attempts": [*self.attempts, shortened],
                "queued_at": None,
                "revision": revision,
                **_WITHOUT_CLAIM,
                **_WITHOUT_WAIT,
                "faults": 0,
            }
        )
        if attempt.has_succeeded:
            return attempted._end("delivered", None)
        if self.state != "pending":
            return attempted
        if attempt.is_gone and is_present_receiver:
            return attempted._end("failed", "gone")
        made = len(attempted.attempts) - self.earlier_attempts
        if made >= MAX_ATTEMPTS:
            return attempted._end("failed", "exhausted")
        wait = WAIT_SECONDS[made - 1] * (1 + JITTER * jitter)
        wait = max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER_SECONDS))
        following = timestamps.plus(attempt.at, wait)
        later = attempted.model_copy(update={"next_attempt_at": following})
        # A message in the queue may be lost, or its sender killed, so the index has every pending delivery.
        margin = LOST_MESSAGE_SECONDS if later.queue_delay is not None else 0
        return later.model_copy(update={"due_at": timestamps.plus(following, margin)})

    def redeliver(self, *, at: str, revision: str) -> Delivery:
        """Return the delivery with an attempt to be made immediately.

        A delivery that has ended starts over with up to MAX_ATTEMPTS further attempts; a pending one keeps its
        schedule. Raises Conflict with code `too_many_attempts` when its log has more than MAX_LOGGED_ATTEMPTS.
        """
        if len(self.attempts) > MAX_LOGGED_ATTEMPTS:
            raise Conflict(
                f"More than {MAX_LOGGED_ATTEMPTS} attempts of this delivery were made. It is not sent again.",
                code="too_many_attempts",
            )
        return self.model_copy(
            update={
                "state": "pending",
                "reason": None,
                "next_attempt_at": at,
                "due_at": timestamps.plus(at, LOST_MESSAGE_SECONDS),
                "queued_at": None,
                "revision": revision,
                "earlier_attempts": self.earlier_attempts if self.state == "pending" else len(self.attempts),
                "restarted_at": at,
                "faults": 0,
                **_WITHOUT_WAIT,
            }
        )

    def is_redriven_by(self, request: DeliveryRequest) -> bool:
        """Whether a request for an attempt comes from the dead-letter queue: the delivery has failed after all its
        attempts, and the request is for one more.
        """
        return self.reason == "exhausted" and request.attempt == self.next_attempt

    def give_up(self, reason: str, *, revision: str) -> Delivery:
        """Return the delivery, failed without further attempts."""
        return self.model_copy(update={"revision": revision})._end("failed", reason)

    @property
    def last_used_at(self) -> str:
        """When the delivery was created or sent again, or its latest attempt was made."""
        latest = self.attempts[-1].at if self.attempts else ""
        return max(self.created_at, latest, self.restarted_at or "")

    def note_fault(self, reason: str, *, at: str, revision: str) -> Delivery:
        """Return the delivery after a fault of this service, without an attempt.

        After MAX_FAULTS it is given up, with the reason of the latest one.
        """
        counted = self.model_copy(update={"faults": self.faults + 1, **_WITHOUT_CLAIM})
        if counted.faults >= MAX_FAULTS:
            return counted.give_up(reason, revision=revision)
        due_at = timestamps.plus(at, FAULT_SECONDS)
        return counted.model_copy(
            update={"due_at": due_at, "queued_at": None, "revision": revision, **_WITHOUT_WAIT}
        )

    def postpone(self, *, at: str, revision: str) -> Delivery:
        """Return the delivery of a suspended tenant with its next attempt postponed, the longer the longer it waits."""
        waited = timestamps.to_milliseconds(at) - timestamps.to_milliseconds(self.last_used_at)
        shortest, longest = SUSPENSION_SECONDS
        until = timestamps.plus(at, min(longest, max(shortest, waited / 2_000)))
        return self.model_copy(
            update={
                "next_attempt_at": until,
                "due_at": until,
                "queued_at": None,
                "revision": revision,
                **_WITHOUT_WAIT,
            }
        )

    def wait(self, until: str, *, at: str, has_slot: bool, revision: str) -> Delivery:
        """Return the delivery with its next attempt postponed for its slow or paused subscription.

        `at`: now. `has_slot`: whether a slot begins at `until`. A wait that the queue can make (`seconds_of_wait`) is
        left to it; then the index has the delivery in case the message is lost. The index has the beginning of a longer
        one.
        """
        return self.model_copy(
            update={
                "next_attempt_at": until,
                "waits_until": until,
                "slot_at": until if has_slot else None,
                "due_at": _due_after_queue(until)
                if seconds_of_wait(until, at) is not None
                else timestamps.plus(until, -EARLY_SECONDS),
                "queued_at": None,
                "revision": revision,
            }
        )

    def is_waiting(self, at: str) -> bool:
        """Whether the next attempt still waits for its subscription."""
        return self.waits_until is not None and timestamps.plus(self.waits_until, -CLOCK_SECONDS) > at

    @property
    def is_wait_queued(self) -> bool:
        """Whether the end of the wait is left to the queue."""
        return self.waits_until is not None and self.due_at == _due_after_queue(self.waits_until)

    def has_slot(self, at: str) -> bool:
        """Whether the next attempt may be made now though its subscription is slow."""
        return self.slot_at is not None and at <= timestamps.plus(self.slot_at, SLOT_VALID_SECONDS)

    def is_under_way(self, at: str) -> bool:
        """Whether a sender is making the next attempt, as far as is known."""
        return self.claimed_until is not None and self.claimed_until >= at

    def _end(self, state: DeliveryState, reason: str | None) -> Delivery:
        return self.model_copy(
            update={
                "state": state,
                "reason": reason,
                "next_attempt_at": None,
                "due_at": None,
                "queued_at": None,
                **_WITHOUT_WAIT,
            }
        )


_WITHOUT_CLAIM = {"claimed_by": None, "claimed_until": None}
_WITHOUT_WAIT = {"waits_until": None, "slot_at": None}


def seconds_of_wait(until: str, at: str) -> int | None:
    """Return the seconds from now for which the queue delays a message; None when it cannot for so long."""
    seconds = -(-(timestamps.to_milliseconds(until) - timestamps.to_milliseconds(at)) // 1000)
    return max(0, seconds) if seconds <= MAX_QUEUED_WAIT_SECONDS else None


def _due_after_queue(until: str) -> str:
    return timestamps.plus(until, LOST_MESSAGE_SECONDS)
