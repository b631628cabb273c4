"""Labels, which classify contacts: tags, types, and what groups share with them.

A contact stores the ids of its labels, and only the label stores its name. So a new name or colour is one write,
however many contacts have the label, and all of them show it at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.events import Event
from shared.domain.ids import first_id_at
from shared.domain.records import BOOKKEEPING, Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import fold_name
from shared.domain.timestamps import Timestamp

LabelKind = Literal["tag", "type", "group"]

MAX_LABELS: Mapping[LabelKind, int] = {"tag": 1_000, "type": 200, "group": 1_000}
"""How many labels of each kind a tenant has at most: they are read together and kept in memory."""
DEFAULT_COLOR = "#0066cc"
_RECENT = 60_000
"""Milliseconds within which a label counts as recently created."""

L = TypeVar("L", bound="Label")


class Label(Recorded):
    """The base of tags, types and groups.

    The field `counted_in` shows how many live contacts have the label: null if the caller may not know it, or if they
    are not counted.
    """

    entity: ClassVar[LabelKind]
    counted_in: ClassVar[str] = "contact_count"
    is_shared: ClassVar[bool] = True
    """Whether all users share it: then changing or deleting it requires the right to all contacts."""

    id: str
    name: str
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(cls: type[L], given: dict[str, Any], *, label_id: str, stamp: Stamp) -> tuple[L, Event]:
        """Return a new label and its event, such as `tag.created`."""
        label = cls(id=label_id, **stamp.creation_fields(), **given)
        return label, label._build_creation_event(f"{label.entity}.created", stamp.caller)

    def change(self: L, given: dict[str, Any], *, stamp: Stamp) -> tuple[L, Event] | None:
        """Return the label with some fields changed, and its event; None when nothing changes."""
        changed = self._build_change(f"{self.entity}.updated", given, stamp)
        return changed if changed[1].changes else None

    def delete(self: L, *, stamp: Stamp) -> tuple[L, Event]:
        """Return the last version of the label, and the event of its deletion."""
        return self._build_removal(f"{self.entity}.deleted", {}, stamp)

    def with_count(self: L, contacts: int | None) -> L:
        """Return the label with the number of contacts that have it, for display."""
        return self.model_copy(update={self.counted_in: contacts})

    def _audited_fields(self) -> dict[str, Any]:
        kept = self.model_dump(exclude={*BOOKKEEPING, self.counted_in})
        return {name: value for name, value in kept.items() if value not in ("", None)}


class Tag(Label):
    """A word with a colour; created on first use."""

    entity = "tag"
    counted_in = "usage_count"

    color: str = DEFAULT_COLOR
    category: str = ""
    usage_count: int | None = 0


class ContactType(Label):
    """An entry of the tenant's list of types, which has to exist before contacts can have it."""

    entity = "type"

    description: str = ""
    contact_count: int | None = 0


@dataclass(frozen=True)
class Labels:
    """All labels of a tenant at one moment."""

    by_id: Mapping[str, Label]

    @classmethod
    def of(cls, labels: Iterable[Label]) -> Labels:
        """Return a collection of labels with distinct ids and, within each kind, distinct names."""
        return cls({label.id: label for label in labels})

    @cached_property
    def _by_name(self) -> dict[tuple[LabelKind, str], Label]:
        return {(label.entity, fold_name(label.name)): label for label in self.by_id.values()}

    def find(self, kind: LabelKind, name_or_id: str) -> Label | None:
        """Return the label of a kind with an id or a name, or None. Case is ignored; ids take precedence over names."""
        return self.with_id(kind, name_or_id) or self._by_name.get((kind, fold_name(name_or_id.strip())))

    def with_id(self, kind: LabelKind, label_id: str) -> Label | None:
        """Return the label of a kind with an id, or None."""
        label = self.by_id.get(label_id)
        return label if label is not None and label.entity == kind else None

    def names(self, ids: Iterable[str]) -> list[str]:
        """Return the names of ids in their order, without those of deleted labels."""
        return [self.by_id[label_id].name for label_id in ids if label_id in self.by_id]

    def existing(self, ids: Iterable[str]) -> list[str]:
        """Return the ids in their order, without those of deleted labels."""
        return [label_id for label_id in ids if label_id in self.by_id]

    def existing_or_recent(self, ids: Sequence[str]) -> list[str]:
        """Return the ids of existing labels in their order, which is the order of their `names`, and then the ids of
        labels that are unknown but were created within the last minute: the contact may be newer than this collection.
        """
        since = first_id_at(time.time_ns() // 1_000_000 - _RECENT)
        known = self.existing(ids)
        return known + [label_id for label_id in ids if label_id not in self.by_id and label_id > since]

    def all_of(self, kind: type[L]) -> list[L]:
        """Return all labels of a kind in the order of their names."""
        found = [label for label in self.by_id.values() if isinstance(label, kind)]
        return sorted(found, key=lambda label: fold_name(label.name))


NO_LABELS = Labels({})
