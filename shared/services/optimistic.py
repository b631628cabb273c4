"""Optimistic concurrency: read a record, decide, and write it on condition that its version has not moved.

A writer that another one overtook gets ConcurrentChange from the repository and starts over with a new read, as often
as a policy of `shared.services.backoff` allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import ConcurrentChange, VersionMismatch
from shared.domain.events import Event
from shared.domain.records import Recorded
from shared.services.backoff import RECORD, RetryPolicy

IfMatch = Callable[[int], bool]
"""Whether the caller's `If-Match` holds for a record's version."""

T = TypeVar("T")
R = TypeVar("R", bound=Recorded)


def retry_on_conflict(
    attempt: Callable[[], T], *, sleep: Callable[[float], None], policy: RetryPolicy = RECORD
) -> T:
    """Return the result of the first `attempt` that does not raise ConcurrentChange.

    `attempt` reads, decides and writes. Raises ConcurrentChange when every attempt of the policy did.
    """
    for _ in policy.tries(sleep):
        try:
            return attempt()
        except ConcurrentChange:
            continue
    raise ConcurrentChange()


def change_record(
    read: Callable[[], R],
    if_match: IfMatch | None,
    decide: Callable[[R], tuple[R, Event] | None],
    save: Callable[[R, R, Event], None],
    *,
    sleep: Callable[[float], None],
    policy: RetryPolicy = RECORD,
) -> R:
    """Return a record after a change to it.

    `read` returns the record if the caller may change it, and raises otherwise; `decide` returns its successor and the
    event, or None when nothing changes; `save` writes both on condition of the version that was read.

    Raises VersionMismatch, and ConcurrentChange when other writers were faster in every attempt of the policy.
    """

    def attempt() -> R:
        before = read()
        require_match(if_match, before.version)
        decision = decide(before)
        if decision is None:
            return before
        after, event = decision
        save(before, after, event)
        return after

    return retry_on_conflict(attempt, sleep=sleep, policy=policy)


def require_match(if_match: IfMatch | None, version: int) -> None:
    """Raise VersionMismatch when an `If-Match` was given that does not hold for a record's version."""
    if if_match is not None and not if_match(version):
        raise VersionMismatch()
