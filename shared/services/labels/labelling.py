"""Labels by the names that callers give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, FieldError, Invalid, NameTaken, NotFound, RuleBroken
from shared.domain.events import Event
from shared.domain.groups.record import Group
from shared.domain.ids import new_id
from shared.domain.labels.record import Label, LabelKind, Labels, Tag
from shared.domain.stamp import Stamp
from shared.services.backoff import RECORD


class LabelRepository(Protocol):
    """The labels of one tenant; see `shared.table.labels.LabelTable`."""

    def current(self) -> Labels: ...

    def recent(self) -> Labels: ...

    def add(self, label: Label, event: Event) -> None: ...

    def replace(self, before: Label, after: Label, event: Event) -> None: ...

    def remove(self, before: Label, event: Event) -> None: ...


class Labelling:
    """Finds labels by their names for one call of one caller, and keeps the labels it has read."""

    def __init__(self, caller: Caller, labels: LabelRepository) -> None:
        self._caller = caller
        self._labels = labels
        self._known: Labels | None = None
        self._is_current = False

    def tags(self, names: Iterable[str]) -> list[Label]:
        """Return the tags of names; a tag that does not exist is created."""
        return [self._tag(name) for name in names]

    def known(self, kind: LabelKind, names: Iterable[str]) -> list[Label]:
        """Return the labels of names or ids, without those that do not exist."""
        found = (self._find(kind, name) for name in names)
        return [label for label in found if label is not None]

    def static_groups(self, names: Sequence[str], field: str) -> list[Label]:
        """Return the static groups of names or ids. Raises Invalid for unknown groups and for dynamic ones."""
        found: list[Label] = []
        errors: list[FieldError] = []
        for position, name in enumerate(names):
            group = self._find("group", name)
            if not isinstance(group, Group):
                errors.append(FieldError(f"{field}.{position}", "unknown_group", "There is no such group."))
            elif group.kind != "static":
                message = "This group is dynamic: its filter says which contacts are in it."
                errors.append(FieldError(f"{field}.{position}", "dynamic_group", message))
            else:
                found.append(group)
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
        return found

    def types(self, names: Sequence[str]) -> list[Label]:
        """Return the types of names or ids. Raises Invalid, naming each type that does not exist."""
        found: dict[str, Label] = {}
        errors: list[FieldError] = []
        for position, name in enumerate(names):
            label = self._find("type", name)
            if label is None:
                errors.append(FieldError(f"types.{position}", "unknown_type", "There is no such type."))
            else:
                found[label.id] = label
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
        return list(found.values())

    def _tag(self, name: str) -> Label:
        for _ in RECORD.tries():
            known = self._find("tag", name)
            if known is not None:
                return known
            tag, event = Tag.create({"name": name}, label_id=new_id(), stamp=Stamp.now(self._caller))
            try:
                self._labels.add(tag, event)
            except NameTaken:  # another request has just created it
                self._known, self._is_current = None, False
            else:
                self._known = Labels.of([*self.labels.by_id.values(), tag])
                return tag
        raise ConcurrentChange()

    def _find(self, kind: LabelKind, name: str) -> Label | None:
        """Return the label of a name. One that is missing from labels in memory is looked up in the table."""
        label = self.labels.find(kind, name)
        if label is None and not self._is_current:
            self._known, self._is_current = self._labels.current(), True
            label = self.labels.find(kind, name)
        return label

    @property
    def labels(self) -> Labels:
        """The tenant's labels, as this call has last read them."""
        if self._known is None:
            self._known = self._labels.recent()
        return self._known


def find_static_group(caller: Caller, labels: LabelRepository, group_id: str) -> Group:
    """Return a group that contacts can be put in and taken out of.

    Raises PermissionDenied to a caller who may not read and write contacts, NotFound for a group that does not exist,
    and RuleBroken for a dynamic one.
    """
    caller.require("contacts:write")
    caller.require("contacts:read")
    group = labels.current().by_id.get(group_id)
    if not isinstance(group, Group):
        raise NotFound("Group")
    if group.kind != "static":
        raise RuleBroken(
            "This group is dynamic: its filter says which contacts are in it.", code="dynamic_group"
        )
    return group
