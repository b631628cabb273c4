"""The sending of one event to one subscription: its attempts, and when the next one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain import timestamps
from shared.domain.events import Notice
from shared.domain.timestamps import Timestamp

WAITS = (10, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 111_600)
"""Seconds between an attempt and the next: ten attempts over 72 hours and 21 minutes, or more with jitter."""
MAX_ATTEMPTS = len(WAITS) + 1
JITTER = 0.2
"""How much longer a wait may become, as a part of it. It never becomes shorter, so that the last attempt is
never before 72 hours."""
MAX_RETRY_AFTER = 86_400
"""Seconds up to which a receiver's `Retry-After` is obeyed."""

SAFETY = 300
"""Seconds after which a delivery, whose message was lost on its way to the sender, is sent again."""
TAKEN = 900
"""Seconds after which a delivery that came up as due is looked at again."""
QUEUED = 86_400
"""Seconds for which a delivery's message is taken to wait in a queue that is not empty. Longer than any backlog that
the alarm on the age of the oldest message leaves unnoticed."""
CLAIM = 120
"""Seconds for which an attempt belongs to the sender who began it: longer than a sender lives (60), and shorter than
its message stays hidden from others (360)."""
SUSPENSION = 3_600
"""Seconds after which a suspended tenant's delivery is looked at again."""
MAX_QUEUE_DELAY = 900
"""The longest delay of a message that SQS takes, in seconds. Longer waits are kept in the due-time index."""

KEPT_FOR = 30 * 86_400
"""Seconds a delivery stays in the log."""
RESPONSE_BYTES = 1024
"""How much of an answer is kept."""

State = Literal["pending", "delivered", "failed"]


class Attempt(BaseModel):
    """One request. `status` is the answer's, None when none came; then `error` says why in a stable word."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: Timestamp
    status: int | None = None
    duration_ms: int
    error: str | None = Field(
        None, description="timeout, no_such_host, forbidden_address, connect, tls, protocol or redirect."
    )
    response: str = Field("", description="The first 1,024 bytes of the answer's body.")

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more, ever (410)."""
        return self.status == 410


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """That the sender is to make a delivery's attempt number `attempt` (from 1)."""

    tenant_id: str
    webhook_id: str
    event_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `retry_after`: seconds the receiver asked to be left alone."""

    attempt: Attempt
    retry_after: float | None = None


class Delivery(BaseModel):
    """An event on its way to a subscription.

    `reason` says why it failed: `exhausted` (all attempts were made), `gone` (the receiver answered 410),
    `webhook_disabled`, `webhook_deleted`, `event_removed`, `not_permitted` (whoever created the webhook may not be
    shown the event any more).
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    event_id: str
    event_type: str
    state: State = "pending"
    reason: str | None = None
    attempts: list[Attempt] = []
    next_attempt_at: Timestamp | None = None
    created_at: Timestamp

    # Not shown. `revision` is another one after each change; `queued_at` is when the next attempt's message was
    # put into the queue, None when that is not known.
    webhook_id: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    entity: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    entity_id: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    due_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    queued_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    revision: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = "new"

    @classmethod
    def create(cls, notice: Notice, webhook_id: str, *, at: str) -> Delivery:
        """The delivery of an event, to be attempted at once."""
        return cls.model_construct(
            event_id=notice.id,
            event_type=notice.type,
            webhook_id=webhook_id,
            entity=notice.entity,
            entity_id=notice.entity_id,
            created_at=at,
            next_attempt_at=at,
            due_at=timestamps.plus(at, SAFETY),
        )

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return len(self.attempts) + 1

    @property
    def queue_delay(self) -> int | None:
        """Seconds after the latest attempt for which the queue holds the next one's message; None when the
        wait is longer than a queue can, and the due-time index keeps it.
        """
        if self.next_attempt_at is None or not self.attempts:
            return None if self.next_attempt_at is None else 0
        since, until = self.attempts[-1].at, self.next_attempt_at
        seconds = -(-(timestamps.to_milliseconds(until) - timestamps.to_milliseconds(since)) // 1000)
        return seconds if seconds <= MAX_QUEUE_DELAY else None

    def record(
        self, attempt: Attempt, *, revision: str, retry_after: float | None, jitter: float
    ) -> Delivery:
        """The delivery after an attempt.

        `revision`: a fresh name for what comes out. `retry_after`: seconds the receiver asked to be left
        alone. `jitter`: from 0 to 1, how much of JITTER this wait gets. An attempt that comes in when all is
        over (two senders had the same message) enters the log, and a success counts whenever it comes.
        """
        made = self.model_copy(
            update={"attempts": [*self.attempts, attempt], "queued_at": None, "revision": revision}
        )
        if attempt.succeeded:
            return made._over("delivered", None)
        if self.state != "pending":
            return made
        if attempt.is_gone:
            return made._over("failed", "gone")
        if len(made.attempts) >= MAX_ATTEMPTS:
            return made._over("failed", "exhausted")
        wait = WAITS[len(made.attempts) - 1] * (1 + JITTER * jitter)
        wait = max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER))
        following = timestamps.plus(attempt.at, wait)
        later = made.model_copy(update={"next_attempt_at": following})
        # A message in the queue may be lost or its sender killed, so the index knows of every one of them.
        margin = SAFETY if later.queue_delay is not None else 0
        return later.model_copy(update={"due_at": timestamps.plus(following, margin)})

    def give_up(self, reason: str, *, revision: str) -> Delivery:
        """The delivery without any further attempt."""
        return self.model_copy(update={"revision": revision})._over("failed", reason)

    def postpone(self, until: str, *, revision: str) -> Delivery:
        """The delivery with its next attempt put off, none having been made."""
        return self.model_copy(
            update={"next_attempt_at": until, "due_at": until, "queued_at": None, "revision": revision}
        )

    def _over(self, state: State, reason: str | None) -> Delivery:
        return self.model_copy(
            update={
                "state": state,
                "reason": reason,
                "next_attempt_at": None,
                "due_at": None,
                "queued_at": None,
            }
        )
