"""A handover of follow-ups that runs out of time continues where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.errors import Unavailable
from shared.domain.interactions.follow_up import FollowUp
from shared.services.interactions.assignments import Assignments

AT = "2026-05-01T09:30:00.000Z"


class Table:
    """The follow-ups of a tenant, and their assignees by id."""

    def __init__(self, count: int) -> None:
        self.assignees: dict[str, str | None] = {f"f{number}": "ann" for number in range(count)}

    def walk(self, *, value: str | None = None, **_: Any) -> Iterator[tuple[str, FollowUp]]:
        for one, assignee_id in list(self.assignees.items()):
            if assignee_id == value:
                fields = {
                    "id": one,
                    "contact_id": "c",
                    "title": "x",
                    "due_at": AT,
                    "assignee_id": assignee_id,
                }
                yield one, FollowUp(**fields, created_at=AT, created_by="u", updated_at=AT, updated_by="u")

    def reassign(self, follow_up_id: str, former_id: str, assignee_id: str | None) -> None:
        assert self.assignees[follow_up_id] == former_id
        self.assignees[follow_up_id] = assignee_id


@pytest.mark.parametrize("assignee_id", ["bob", None])
def test_a_handover_without_time_for_all_is_to_be_repeated(assignee_id: str | None) -> None:
    table = Table(3)
    left = iter([True, True])
    with pytest.raises(Unavailable):
        Assignments(table, table, has_time=lambda: next(left, False)).hand_over("ann", assignee_id)
    assert list(table.assignees.values()) == [assignee_id, assignee_id, "ann"]
    Assignments(table, table, has_time=lambda: True).hand_over("ann", assignee_id)
    assert set(table.assignees.values()) == {assignee_id}
