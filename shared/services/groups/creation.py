"""Makes a group together with the contacts that are in it from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.callers import Caller
from shared.domain.errors import Invalid, NotFound
from shared.domain.groups.record import Group
from shared.domain.ids import Work
from shared.services.contacts.bulk import BulkContacts
from shared.services.groups.groups import GroupService


class GroupCreation:
    """Groups that are made with contacts in them, by one caller.

    Takes many transactions. `work` derives the ids of what they write, so that a call under an Idempotency-Key that was
    cut off goes on where it stopped. `contacts` carries out the same work.
    """

    def __init__(self, caller: Caller, groups: GroupService, contacts: BulkContacts, work: Work) -> None:
        self._caller = caller
        self._groups = groups
        self._contacts = contacts
        self._work = work

    def create(self, given: dict[str, Any], contact_ids: Sequence[str]) -> Group:
        """A new static group that the contacts are in.

        Raises Invalid for a dynamic group and for contacts that do not exist or are in too many groups,
        PermissionDenied for contacts the caller may not change, and as `GroupService.create` does; nothing is written
        then. A contact that is deleted meanwhile is not in the group.
        """
        self._caller.require("contacts:write")
        if given["kind"] == "dynamic":
            raise Invalid.field(
                "contact_ids", "dynamic_group", "The contacts of a dynamic group are those its filter finds."
            )
        group = self._groups.created_by(self._work) if self._work.is_retry else None
        if group is None:
            self._contacts.check_joining(contact_ids)
            group = self._groups.create(given, work=self._work)
        joined = 0
        for outcome in self._contacts.join_many(group.id, list(dict.fromkeys(contact_ids))):
            if outcome.refusal is None:
                joined += 1
            elif not isinstance(outcome.refusal, NotFound):
                raise outcome.refusal
        return group.with_count(joined)
