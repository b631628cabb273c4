"""The group: a named list of contacts."""

from __future__ import annotations

from typing import Any, Literal

from shared.domain.labels.record import DEFAULT_COLOR, Label

GroupKind = Literal["static", "dynamic"]


class Group(Label):
    """A named list of contacts: a static group has those that joined it, a dynamic group those its filter finds.

    `filter`: a dynamic group's conditions on contacts, by the names that callers use, with the ids of labels.
    """

    entity = "group"
    is_shared = False

    description: str = ""
    color: str = DEFAULT_COLOR
    kind: GroupKind = "static"
    filter: dict[str, Any] | None = None
    contact_count: int | None = 0

    def with_shown_filter(self, conditions: dict[str, Any]) -> Group:
        """Return a dynamic group with the label names of its filter, for display. Its contacts are not counted."""
        return self.model_copy(update={"filter": conditions, "contact_count": None})
