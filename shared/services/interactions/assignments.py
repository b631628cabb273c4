"""The open follow-ups of a removed user, which another user gets, or no one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.domain.errors import Unavailable
from shared.services.interactions.tenant_follow_ups import FollowUpRows

_PORTION = 100
"""Follow-ups that are read at once at first."""


class FollowUps(Protocol):
    """Single follow-ups; see `shared.services.interactions.follow_ups.FollowUpService`."""

    def reassign(self, follow_up_id: str, former_id: str, assignee_id: str | None) -> None: ...


class Assignments:
    """The assignments of a tenant's open follow-ups, as one caller may change them. `has_time`: whether to go on."""

    def __init__(self, opened: FollowUpRows, follow_ups: FollowUps, *, has_time: Callable[[], bool]) -> None:
        self._opened = opened
        self._follow_ups = follow_ups
        self._has_time = has_time

    def hand_over(self, former_id: str, assignee_id: str | None) -> None:
        """Assign the open follow-ups of one user to another, or to no one. Those of deleted contacts stay as they are.

        Those that have another assignee already are passed over, so repeating it continues. Raises Unavailable when
        there is no time for all.
        """
        walk = self._opened.walk(
            first=None, last=None, after=None, descending=False, portion=_PORTION, value=former_id
        )
        for _, follow_up in walk:
            if not self._has_time():
                raise Unavailable()
            self._follow_ups.reassign(follow_up.id, former_id, assignee_id)
