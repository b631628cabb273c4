"""Recoveries: the deliveries that a webhook lacks in a part of the feed, made by the fan-out portion by portion."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, Conflict, NotFound, RuleBroken, Unavailable
from shared.domain.events import Notice
from shared.domain.feed import FeedEntry, FeedHead
from shared.domain.ids import is_id, new_id
from shared.domain.tenant import Tenant
from shared.domain.webhooks.recovery import (
    MAX_DAYS,
    Recovered,
    Recovery,
    RecoveryInput,
    RecoveryRun,
    RecoveryTask,
)
from shared.domain.webhooks.subscription import MANAGE_WEBHOOKS, Webhook
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.runner import Portion, find_portion
from shared.services.jobs.service import JobRepository, JobService, JobViews
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget

RECOVERIES = JobViews("Recovery", "recoveries", MANAGE_WEBHOOKS, Recovery.of)
_TOGETHER = 100
"""Events of the feed that are passed to the fan-out together."""
_PAGE = 100
"""Recoveries of a tenant that are read together to find those of one webhook."""
_GONE = "The webhook was disabled or deleted."


class RecoveryRepository(JobRepository[RecoveryRun], Protocol):
    """The recoveries of one tenant; see `shared.table.jobs.recoveries.RecoveryTable`."""

    def add(self, run: RecoveryRun) -> None: ...


class Feed(Protocol):
    """The feed of one tenant; see `shared.table.feed.reading.FeedTable`."""

    def head(self, *, consistent: bool = False) -> FeedHead: ...

    def read(self, after: int, limit: int) -> list[FeedEntry]: ...

    def position_at(self, time: str) -> int: ...


class Webhooks(Protocol):
    """The webhooks of one tenant; see `shared.table.webhooks.repository.WebhookTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...


class RecoveryService(JobService[RecoveryRun, Recovery]):
    """The recoveries of a tenant, as a caller starts, sees and cancels them. All methods require `webhooks:manage`."""

    def __init__(
        self,
        caller: Caller,
        recoveries: RecoveryRepository,
        webhooks: Webhooks,
        feed: Feed,
        queue: TaskQueue[RecoveryTask],
        cursors: Cursors,
        *,
        budget: Budget | None = None,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            RECOVERIES, caller, recoveries, cursors, budget=budget, sleep=sleep, announce=announce
        )
        self._recoveries = recoveries
        self._webhooks = webhooks
        self._feed = feed
        self._queue = queue
        self._now = now

    def start(self, webhook_id: str, given: RecoveryInput) -> Recovery:
        """Start a recovery. Raises NotFound; Conflict for a disabled webhook; RuleBroken for a part of the feed that is
        too large, too old or not there; RecoveryUnderWay while another recovery of the webhook is under way.
        """
        webhook = self._find_webhook(webhook_id)
        if not webhook.is_active:
            raise Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled")
        after, until = self._find_part(given)
        run = RecoveryRun.begin(
            recovery_id=new_id(),
            webhook_id=webhook.id,
            caller=self._caller,
            after=after,
            until=until,
            at=self._now(),
        )
        recovery = Recovery.of(run)
        self._announce(recovery)
        self._recoveries.add(run)
        # The recovery is stored: if it cannot be queued now, the watch over jobs queues it.
        with contextlib.suppress(Unavailable):
            self._queue.send([RecoveryTask(run.tenant_id, run.id, 1)])
        return recovery

    def list_of(self, webhook_id: str, *, limit: int, cursor: str | None) -> Page[Recovery]:
        """Return a page of the recoveries of a webhook, newest first. Raises NotFound for an unknown webhook.

        When the budget is spent the page ends with what was found, which may be nothing, and has a cursor.
        """
        webhook = self._find_webhook(webhook_id)
        return self._read_list(
            lambda run: run.webhook_id == webhook.id, webhook.id, limit=limit, cursor=cursor, portion=_PAGE
        )

    def read_of(self, webhook_id: str, recovery_id: str) -> Recovery:
        """Return a recovery of a webhook. Raises NotFound."""
        self._require(webhook_id, recovery_id)
        return self.read(recovery_id)

    def cancel_of(self, webhook_id: str, recovery_id: str) -> Recovery:
        """Stop a recovery of a webhook after the portion that is open; see `cancel`."""
        self._require(webhook_id, recovery_id)
        return self.cancel(recovery_id)

    @property
    def _sees_all(self) -> bool:
        return True  # those who manage webhooks manage all of them

    def _find_webhook(self, webhook_id: str) -> Webhook:
        self._caller.require_all(MANAGE_WEBHOOKS)
        webhook = self._webhooks.get(webhook_id) if is_id(webhook_id) else None
        if webhook is None:
            raise NotFound("Webhook")
        return webhook

    def _require(self, webhook_id: str, recovery_id: str) -> None:
        self._caller.require_all(MANAGE_WEBHOOKS)
        if self._get(recovery_id).webhook_id != webhook_id:
            raise NotFound("Recovery")

    def _find_part(self, given: RecoveryInput) -> tuple[int, int]:
        """Return the positions after which and up to which events are to be recovered."""
        head = self._feed.head(consistent=True)
        oldest = timestamps.plus(self._now(), -MAX_DAYS * 86_400)
        if given.after is None:
            since = given.since or ""
            if since > self._now():
                raise RuleBroken(
                    "`from` is in the future: nothing was published since.", code="in_the_future"
                )
            after = self._feed.position_at(since)
            until = self._feed.position_at(given.to) if given.to is not None else head.position
            is_too_old = since < oldest
        else:
            after, until = given.after, head.position if given.until is None else given.until
            following = self._feed.read(after, 1)
            is_too_old = bool(following) and (
                following[0].position != after + 1 or following[0].published_at < oldest
            )
        if until > head.position or after > head.position:
            raise RuleBroken(f"The feed has positions up to {head.position} so far.", code="unknown_position")
        if is_too_old:
            raise RuleBroken(
                f"Events of the last {MAX_DAYS} days can be recovered. Begin later.", code="too_old"
            )
        # Reads of the feed may be a moment late, so an end could be found before its beginning.
        return after, max(after, until)


class RecoveryPortions:
    """Recoveries for the `JobRunner`.

    `recover(tenant_id, webhook_id, notices)` makes the missing deliveries of events and returns how many. `may_go_on`:
    whether the portion may take more events.
    """

    def __init__(
        self,
        recoveries: Callable[[str], RecoveryRepository],
        webhooks: Callable[[str], Webhooks],
        feed: Callable[[str], Feed],
        recover: Callable[[str, Sequence[Notice]], int],
        queue: TaskQueue[RecoveryTask],
        *,
        may_go_on: Callable[[], bool],
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._recoveries = recoveries
        self._webhooks = webhooks
        self._feed = feed
        self._recover = recover
        self._queue = queue
        self._may_go_on = may_go_on
        self._now = now

    def find(self, task: RecoveryTask) -> Portion[RecoveryRun] | None:
        """Return the portion; None when later ones are closed, or the recovery has ended."""
        run = self._recoveries(task.tenant_id).get(task.job_id)
        if run is None:
            raise LookupError("a portion of a recovery that is not there")
        if not run.is_under_way:
            return None
        return find_portion(run, task)

    def refuse(self) -> None:
        """Leave the portion to the watch."""

    def work(self, task: RecoveryTask, run: RecoveryRun, _tenant: Tenant) -> Recovered | None:
        """Make the missing deliveries of the next events. Returns None when the webhook is no longer active."""
        webhook = self._webhooks(task.tenant_id).get(run.webhook_id)
        if webhook is None or not webhook.is_active:
            failed = run.fail("webhook_disabled", _GONE, at=self._now())
            self._recoveries(task.tenant_id).save(run, failed)
            return None
        feed, position, deliveries = self._feed(task.tenant_id), run.position, 0
        # A head that is a moment late would end before `until`, as if the rest had expired.
        feed.head(consistent=True)
        while position < run.until:
            entries = feed.read(position, min(_TOGETHER, run.until - position))
            if not entries:  # all of them have expired meanwhile
                return Recovered(run.until, deliveries)
            notices = [_to_notice(task.tenant_id, entry) for entry in entries if entry.position <= run.until]
            deliveries += self._recover(run.webhook_id, notices) if notices else 0
            position = entries[-1].position
            if not self._may_go_on():
                break
        return Recovered(position, deliveries)

    def close(self, task: RecoveryTask, _run: RecoveryRun, result: Recovered) -> RecoveryRun | None:
        """Count the result, and complete the recovery after its last event."""
        for _ in RECORD.tries():
            current = self.find(task)
            if current is None or current.is_closed:
                return None
            closed = current.run.close(result, task_id=task.id, at=self._now())
            try:
                self._recoveries(task.tenant_id).save(current.run, closed)
            except ConcurrentChange:  # cancelled, or put off by the watch
                continue
            return closed
        raise ConcurrentChange()

    def queue_next(self, task: RecoveryTask, run: RecoveryRun) -> None:
        """Queue the next portion of a recovery that has not ended."""
        if run.is_under_way:
            self._queue.send([RecoveryTask(task.tenant_id, run.id, run.portions_done + 1)])


def _to_notice(tenant_id: str, entry: FeedEntry) -> Notice:
    """Return the announcement of an entry's event. Which fields changed is in the event only."""
    return Notice(
        id=entry.id,
        type=entry.type,
        tenant_id=tenant_id,
        at=entry.at,
        entity=entry.entity,
        entity_id=entry.entity_id,
        version=entry.version,
        origin=entry.origin,
        changed=None,
    )
