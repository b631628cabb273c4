"""From the names of labels that callers give to the labels themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from shared.domain.callers import Caller
from shared.domain.contacts.fields import ContactFields, LabelledFields
from shared.domain.errors import ConcurrentChange, FieldError, Invalid, NameTaken
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
    """Finds labels by their names, for one caller and one call: what it has read, it does not read again."""

    def __init__(self, caller: Caller, labels: LabelRepository) -> None:
        self._caller = caller
        self._labels = labels
        self._known: Labels | None = None
        self._is_current = False

    def settle(self, fields: ContactFields) -> LabelledFields:
        """Return a contact's fields with the ids of the labels they name, and with the names as the labels spell them.
        A tag that does not exist is created.

        Raises Invalid for types and groups that do not exist and for dynamic groups, RuleBroken when the tenant has
        too many tags.
        """
        settled = cast("LabelledFields", dict(fields))
        refusals: list[Invalid] = []
        if "types" in fields:
            try:
                types = self._types(fields["types"])
            except Invalid as refusal:
                refusals.append(refusal)
            else:
                settled["type_ids"], settled["types"] = _distinct(types)
        if "groups" in fields:
            try:
                groups = self.static_groups(fields["groups"], "groups")
            except Invalid as refusal:
                refusals.append(refusal)
            else:
                settled["group_ids"], settled["groups"] = _distinct(groups)
        if refusals:
            errors = tuple(error for refusal in refusals for error in refusal.errors)
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=errors)
        if "tags" in fields:  # last, since tags are created
            settled["tag_ids"], settled["tags"] = _distinct(self.tags(fields["tags"]))
        return settled

    def tags(self, names: Iterable[str]) -> list[Label]:
        """The tags of names; one that does not exist is made."""
        return [self._tag(name) for name in names]

    def known(self, kind: LabelKind, names: Iterable[str]) -> list[Label]:
        """Those labels of names, or ids, that exist."""
        found = (self._find(kind, name) for name in names)
        return [label for label in found if label is not None]

    def static_groups(self, names: Sequence[str], field: str) -> list[Label]:
        """The static groups of names or ids. Raises Invalid for one that does not exist, and for a dynamic one."""
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

    def require_types(self, names: Sequence[str]) -> None:
        """Raises Invalid, naming each of the types that do not exist."""
        self._types(names)

    def _types(self, names: Sequence[str]) -> list[Label]:
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
            except NameTaken:  # made by somebody else just now
                self._known, self._is_current = None, False
            else:
                self._known = Labels.of([*self._found.by_id.values(), tag])
                return tag
        raise ConcurrentChange()

    def _find(self, kind: LabelKind, name: str) -> Label | None:
        """A label by its name. What a second ago was not there is looked for again."""
        label = self._found.find(kind, name)
        if label is None and not self._is_current:
            self._known, self._is_current = self._labels.current(), True
            label = self._found.find(kind, name)
        return label

    @property
    def _found(self) -> Labels:
        if self._known is None:
            self._known = self._labels.recent()
        return self._known


def _distinct(labels: Iterable[Label]) -> tuple[list[str], list[str]]:
    """Return the ids and the names of labels, each label once: a caller may give both its name and its id."""
    found = {label.id: label.name for label in labels}
    return list(found), list(found.values())
