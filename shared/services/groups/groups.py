"""The use cases of groups, beyond those that all labels share: filters, and the filter that finds the members."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.groups.members import members_of
from shared.domain.groups.record import Group
from shared.domain.ids import Work
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.groups.filters import require_filter, to_shown, to_stored
from shared.services.idempotency import Announce, no_key
from shared.services.labels.labelling import LabelRepository
from shared.services.labels.labels import Counters, LabelService
from shared.services.optimistic import IfMatch
from shared.services.paging import Cursors


class GroupService(LabelService[Group]):
    """The groups of a tenant, as one caller may use them."""

    def __init__(
        self,
        caller: Caller,
        labels: LabelRepository,
        counters: Counters,
        cursors: Cursors,
        settings: Callable[[], TenantSettings],
        *,
        announce: Announce = no_key,
    ) -> None:

        def announce_shown(group: BaseModel) -> None:
            announce(self._show(group) if isinstance(group, Group) else group)

        super().__init__(caller, Group, labels, counters, cursors, announce=announce_shown)
        self._settings = settings

    def create(self, given: dict[str, Any], *, work: Work | None = None) -> Group:
        """Create a group. Raises Invalid for a filter that is refused, and for one that is missing or not allowed."""
        self._caller.require("contacts:write")
        require_filter(given["kind"], given.get("filter"))
        if given.get("filter") is None:
            return super().create(given, work=work)
        given = {**given, "filter": self._to_stored(given["filter"])}
        # Looked up before the write, after which the call must no longer fail.
        filter_ = to_shown(given["filter"], self._labels.recent())
        return super().create(given, work=work).with_shown_filter(filter_)

    def undo(self, group: Group) -> None:
        """Delete a group that was just created, unless it was changed meanwhile or the table is unavailable."""
        _, event = group.delete(stamp=Stamp.now(self._caller))
        with contextlib.suppress(Unavailable, ConcurrentChange):
            self._labels.remove(group, event)

    def created_by(self, work: Work) -> Group | None:
        """Return the group that an earlier attempt at `work` has created, or None."""
        created = self._labels.current().by_id.get(work.derived_id("label"))
        return created if isinstance(created, Group) else None

    def change(self, label_id: str, given: dict[str, Any], if_match: IfMatch | None) -> Group:
        """Change the given fields of a group; its kind stays. Raises as `create` does."""
        self._caller.require("contacts:write")
        if "filter" in given:
            require_filter(self._read(label_id).kind, given["filter"])
            given = {**given, "filter": self._to_stored(given["filter"]) if given["filter"] else None}
        return super().change(label_id, given, if_match)

    def filter_of(self, group_id: str) -> ContactFilter:
        """Return the filter that finds a group's contacts, for a static and for a dynamic group. Raises NotFound."""
        return members_of(self._read(group_id), self._settings, self._labels.recent)

    def _count(self, labels: Sequence[Group]) -> Sequence[Group]:
        return [self._show(one) for one in super()._count(labels)]

    def _to_stored(self, conditions: dict[str, Any]) -> dict[str, Any]:
        return to_stored(conditions, self._settings(), self._labels.current())

    def _show(self, group: Group) -> Group:
        """Return a dynamic group with the label names of its filter; its contacts are not counted."""
        if group.filter is None:
            return group
        return group.with_shown_filter(to_shown(group.filter, self._labels.recent()))
