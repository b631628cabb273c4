"""Items that are no events keep no other from being published."""

from __future__ import annotations

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.publishing.publisher import PublishResult, _read
from shared.table.event_items import event_to_item
from shared.table.item import Item

ADA = Caller("t1", "user", "u1", "admin")
AT = "2026-05-04T09:30:00.000Z"


def item() -> Item:
    stamp = Stamp(new_id(), AT, ADA)
    return event_to_item(
        "t1", Contact.create({"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api")[1]
    )


@pytest.mark.parametrize("changes", ["{", "[]", "1", '{"first_name": 1}', '{"first_name": [null]}'])
def test_an_event_that_cannot_be_read_keeps_no_other_from_being_published(changes: str) -> None:
    """check 18"""
    result = PublishResult()
    found = _read([item(), {**item(), "changes": {"S": changes}}, item()], result)
    assert (list(found), result.unreadable) == ([0, 2], {1})
