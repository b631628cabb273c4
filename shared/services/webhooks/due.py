"""The queueing of deliveries that are due, for all tenants. A run may be killed at any point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import Unavailable
from shared.domain.webhooks.delivery import MAX_QUEUED_SECONDS, RECHECK_SECONDS, DeliveryRequest
from shared.services.side_by_side import SideBySide

_TOGETHER = 10
"""Deliveries that are queued together, before they are marked as queued. After a kill in between, they are queued
twice. Fewer than an AWS client has connections (`shared.aws.CONNECTIONS`)."""


class DueQueue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...

    def holds_messages(self) -> bool: ...


class DueIndex(Protocol):
    """The index of due deliveries; see `shared.table.webhooks.due.DueDeliveries`."""

    def due_until(self, at: str) -> Iterable[list[tuple[str, DeliveryRequest]]]: ...

    def postpone(self, position: str, due: DeliveryRequest, until: str) -> tuple[bool, str | None]: ...

    def mark_queued(self, due: DeliveryRequest, due_at: str, at: str) -> None: ...


def send_due(
    index: DueIndex,
    queue: DueQueue,
    *,
    has_time: Callable[[], bool],
    now: Callable[[], str] = timestamps.now,
    calls: SideBySide | None = None,
    on_busy: Callable[[str], None] = lambda _: None,
) -> int:
    """Queue the deliveries that are due, the longest overdue first; return their number.

    `calls` makes the calls of the table. `on_busy` is called with the id of a tenant that is left to the next run.

    A delivery whose message may still wait in the queue is postponed, and no other message is sent for it. An empty
    queue has no messages, so a lost message is noticed as soon as the queue is empty, and at the latest after
    MAX_QUEUED_SECONDS.

    Each delivery is postponed by RECHECK_SECONDS before its message is sent, and so comes up again if the run is killed
    in between. The next run continues after the deliveries that a killed run has postponed.

    A tenant of which a delivery cannot be postponed, since the table is too busy, is left to the next run, so that it
    does not hold up the others.
    """
    sent = 0
    left: set[str] = set()
    side_by_side = calls or SideBySide(_TOGETHER)
    may_wait = queue.holds_messages()
    for portion in index.due_until(now()):
        entries = iter(portion)
        while together := list(islice((one for one in entries if one[1].tenant_id not in left), _TOGETHER)):
            if not has_time():
                return sent
            at = now()
            until, since = timestamps.plus(at, RECHECK_SECONDS), timestamps.plus(at, -MAX_QUEUED_SECONDS)
            moves = side_by_side.run_each(
                [partial(index.postpone, position, request, until) for position, request in together]
            )
            lost = []
            for (_, request), move in zip(together, moves, strict=True):
                try:
                    is_moved, queued_at = move.result()
                except Unavailable:
                    if request.tenant_id not in left:
                        left.add(request.tenant_id)
                        on_busy(request.tenant_id)
                    continue
                if is_moved and not (may_wait and queued_at is not None and queued_at >= since):
                    lost.append(request)
            if not lost:
                continue
            queue.send(lost)
            for marked in side_by_side.run_each(
                [partial(index.mark_queued, request, until, at) for request in lost]
            ):
                with suppress(Unavailable):
                    marked.result()
            sent += len(lost)
    return sent
