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
"""How many labels of each kind a tenant has at the most: they are read together and kept in memory."""
DEFAULT_COLOR = "#0066cc"
_MOMENT = 60_000

L = TypeVar("L", bound="Label")


class Label(Recorded):
    """What tags, types and groups have in common.

    Each shows how many live contacts have it, in the field `counted_in`: null where the caller may not know, or where
    nobody counts.
    """

    entity: ClassVar[LabelKind]
    counted_in: ClassVar[str] = "contact_count"
    is_shared: ClassVar[bool] = True
    """Whether it is a word of all users: then it takes the right to all contacts to change or delete it."""

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
        """A new label and its event, such as `tag.created`."""
        label = cls(id=label_id, **stamp.creation_fields(), **given)
        return label, label._build_creation_event(f"{label.entity}.created", stamp.caller)

    def change(self: L, given: dict[str, Any], *, stamp: Stamp) -> tuple[L, Event] | None:
        """The label with other fields, and its event; None when they change nothing."""
        changed = self._build_change(f"{self.entity}.updated", given, stamp)
        return changed if changed[1].changes else None

    def delete(self: L, *, stamp: Stamp) -> tuple[L, Event]:
        """The label as it was last, and the event of its going."""
        return self._build_removal(f"{self.entity}.deleted", {}, stamp)

    def with_count(self: L, contacts: int | None) -> L:
        """The label as it is shown, with how many contacts have it."""
        return self.model_copy(update={self.counted_in: contacts})

    def _audited_fields(self) -> dict[str, Any]:
        kept = self.model_dump(exclude={*BOOKKEEPING, self.counted_in})
        return {name: value for name, value in kept.items() if value not in ("", None)}


class Tag(Label):
    """A free word with a colour; made on first use."""

    entity = "tag"
    counted_in = "usage_count"

    color: str = DEFAULT_COLOR
    category: str = ""
    usage_count: int | None = 0


class ContactType(Label):
    """An entry of the tenant's small managed list of types."""

    entity = "type"

    description: str = ""
    contact_count: int | None = 0


@dataclass(frozen=True)
class Labels:
    """All labels of a tenant, as they were at one time."""

    by_id: Mapping[str, Label]

    @classmethod
    def of(cls, labels: Iterable[Label]) -> Labels:
        """The labels given, which differ in id, and within each kind in name."""
        return cls({label.id: label for label in labels})

    @cached_property
    def _by_name(self) -> dict[tuple[LabelKind, str], Label]:
        return {(label.entity, fold_name(label.name)): label for label in self.by_id.values()}

    def find(self, kind: LabelKind, name_or_id: str) -> Label | None:
        """The label of a kind with an id or a name (without regard to case), or None. No name stands in an id's way."""
        return self.with_id(kind, name_or_id) or self._by_name.get((kind, fold_name(name_or_id.strip())))

    def with_id(self, kind: LabelKind, label_id: str) -> Label | None:
        """The label of a kind with an id, or None."""
        label = self.by_id.get(label_id)
        return label if label is not None and label.entity == kind else None

    def names(self, ids: Iterable[str]) -> list[str]:
        """Return the names of ids in their order, without those of deleted labels."""
        return [self.by_id[label_id].name for label_id in ids if label_id in self.by_id]

    def existing(self, ids: Iterable[str]) -> list[str]:
        """Return the ids in their order, without those of deleted labels."""
        return [label_id for label_id in ids if label_id in self.by_id]

    def existing_or_recent(self, ids: Sequence[str]) -> list[str]:
        """The ids of labels that there still are, in their order, so that each stands where its name does in `names`.

        A contact read together with these may be a moment newer: behind them come ids made within the last minute
        that are not known here.
        """
        since = first_id_at(time.time_ns() // 1_000_000 - _MOMENT)
        known = [one for one in ids if one in self.by_id]
        return known + [one for one in ids if one not in self.by_id and one > since]

    def all_of(self, kind: type[L]) -> list[L]:
        """All labels of a kind in the order of their names."""
        found = [label for label in self.by_id.values() if isinstance(label, kind)]
        return sorted(found, key=lambda label: fold_name(label.name))


NO_LABELS = Labels({})
