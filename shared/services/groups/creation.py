"""Creates a group together with the contacts that are in it from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.callers import Caller
from shared.domain.errors import DomainError, Invalid, NotFound
from shared.domain.groups.record import Group
from shared.domain.ids import Work
from shared.services.groups.groups import GroupService
from shared.services.groups.members import GroupMembers


class GroupCreation:
    """Static groups that one caller creates with contacts in them.

    A creation takes many transactions. `work` derives the ids of all that they write, so that a call under an
    Idempotency-Key (`resumable`) that was interrupted goes on where it stopped. `members` carries out the same work.
    Without a key, the group of an interrupted call is deleted again, so that its name is free for the next call.
    """

    def __init__(
        self, caller: Caller, groups: GroupService, members: GroupMembers, work: Work, *, resumable: bool
    ) -> None:
        self._caller = caller
        self._groups = groups
        self._members = members
        self._work = work
        self._resumable = resumable

    def create(self, given: dict[str, Any], contact_ids: Sequence[str]) -> Group:
        """Create a static group with contacts in it, and return it. A contact that is deleted meanwhile is left out.

        Raises Invalid for a dynamic group and for contacts that do not exist or are in too many groups,
        PermissionDenied for contacts the caller may not change, and as `GroupService.create` does. Nothing is written
        then. Raises Unavailable and ConcurrentChange when the call can be repeated.
        """
        self._caller.require("contacts:write")
        if given["kind"] == "dynamic":
            raise Invalid.field(
                "contact_ids", "dynamic_group", "The contacts of a dynamic group are those its filter finds."
            )
        group = self._groups.created_by(self._work) if self._work.is_retry else None
        if group is None:
            self._members.require_addable(contact_ids)
            group = self._groups.create(given, work=self._work)
        try:
            return group.with_count(self._add(group, contact_ids))
        except DomainError:
            if not self._resumable:
                self._groups.undo(group)
            raise

    def _add(self, group: Group, contact_ids: Sequence[str]) -> int:
        """Put contacts in a group, and return their number."""
        count = 0
        for result in self._members.add(group.id, list(dict.fromkeys(contact_ids))):
            if result.refusal is None:
                count += 1
            elif not isinstance(result.refusal, NotFound):
                raise result.refusal
        return count
