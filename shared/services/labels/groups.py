"""What callers do with groups, beyond what they do with all labels: filters, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import Invalid
from shared.domain.ids import Work
from shared.domain.labels.record import Group, Label, LabelKind, Labels
from shared.domain.tenant import TenantSettings
from shared.services.contacts.search import require_searchable
from shared.services.idempotency import Announce, no_key
from shared.services.labels.labelling import LabelRepository
from shared.services.labels.labels import Counters, LabelService
from shared.services.optimistic import IfMatch
from shared.services.paging import Cursors

_NAMED: tuple[tuple[str, LabelKind], ...] = (("tags", "tag"), ("type", "type"), ("group", "group"))


class GroupService(LabelService[Group]):
    """The groups, as one caller may use them.

    A dynamic group's filter is kept with ids of the labels it names, and shown with their names: so it goes on to mean
    the same when one is renamed. Addresses and numbers are kept, and shown, as contacts have them.
    """

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

        def announce_as_shown(group: BaseModel) -> None:
            announce(self._as_shown(group) if isinstance(group, Group) else group)

        super().__init__(caller, Group, labels, counters, cursors, announce=announce_as_shown)
        self._settings = settings

    def create(self, given: dict[str, Any], *, work: Work | None = None) -> Group:
        """A new group. Raises Invalid for a filter that cannot be, or that is missing or too much."""
        self._caller.require("contacts:write")
        if given["kind"] == "dynamic" and not given.get("filter"):
            raise Invalid.field(
                "filter", "required", "A dynamic group has a filter of at least one condition."
            )
        if given["kind"] == "static" and given.get("filter") is not None:
            raise Invalid.field("filter", "not_allowed", "A static group has no filter: contacts join it.")
        if given.get("filter") is not None:
            given = {**given, "filter": self._kept(given["filter"])}
        return self._as_shown(super().create(given, work=work))

    def made_by(self, work: Work) -> Group | None:
        """The group that earlier attempts at `work` have made, or None."""
        made = self._labels.current().by_id.get(work.derived_id("label"))
        return made if isinstance(made, Group) else None

    def change(self, label_id: str, given: dict[str, Any], if_match: IfMatch | None) -> Group:
        """The group with the given fields changed; its kind stays."""
        self._caller.require("contacts:write")
        if "filter" in given:
            group = self._read(label_id)
            if group.kind == "static" and given["filter"] is not None:
                raise Invalid.field(
                    "filter", "not_allowed", "A static group has no filter: contacts join it."
                )
            if group.kind == "dynamic" and not given["filter"]:
                raise Invalid.field(
                    "filter", "required", "A dynamic group has a filter of at least one condition."
                )
            given = {**given, "filter": self._kept(given["filter"]) if given["filter"] else None}
        return super().change(label_id, given, if_match)

    def filter_of(self, group_id: str) -> ContactFilter:
        """The filter that finds a group's contacts, be it static or dynamic. Raises NotFound."""
        group = self._read(group_id)
        if group.filter is None:
            return ContactFilter(group=group.id)
        return ContactFilter.of_kept(group.filter, self._settings(), self._labels.recent())

    def _counted(self, labels: Sequence[Group]) -> Sequence[Group]:
        return [self._as_shown(one) for one in super()._counted(labels)]

    def _kept(self, conditions: dict[str, Any]) -> dict[str, Any]:
        labels = self._labels.current()
        wanted = ContactFilter.of(conditions, self._settings(), labels)
        require_searchable(wanted)
        # As they are meant now: a number typed without its country means another under another `default_country`.
        normalized = {"email": wanted.email, "phone": wanted.phone}
        kept = conditions | {name: normalized[name] for name in normalized if conditions.get(name)}
        for name, kind in _NAMED:
            if name in kept:
                names = kept[name].split(",") if name == "tags" else [kept[name]]
                found = [_label(labels, name, kind, one.strip()) for one in names if one.strip()]
                if not found:
                    raise Invalid.field(f"filter.{name}", "required", f"Name at least one {kind}.")
                if any(isinstance(one, Group) and one.kind == "dynamic" for one in found):
                    raise Invalid.field(
                        "filter.group", "dynamic_group", "A filter takes static groups, not dynamic ones."
                    )
                kept[name] = ",".join(one.id for one in found)
        return kept

    def _as_shown(self, group: Group) -> Group:
        """A dynamic group with the names of the labels in its filter. Nobody counts whom it finds."""
        if group.filter is None:
            return group
        labels = self._labels.recent()
        shown = {
            name: ",".join(_name_of(labels, one) for one in value.split(","))
            if name in dict(_NAMED)
            else value
            for name, value in group.filter.items()
        }
        return group.model_copy(update={"filter": shown, "contact_count": None})


def _label(labels: Labels, name: str, kind: LabelKind, sought: str) -> Label:
    label = labels.find(kind, sought)
    if label is None:
        raise Invalid.field(f"filter.{name}", f"unknown_{kind}", f"There is no {kind} {sought!r}.")
    return label


def _name_of(labels: Labels, label_id: str) -> str:
    """A label's name; the id of one that is gone, which no contact has."""
    label = labels.by_id.get(label_id)
    return label.name if label else label_id
