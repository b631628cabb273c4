"""The events of entries, and the owners of the contacts they are about: a damaged item stops no reader."""

from __future__ import annotations

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.feed_views import ALL_ENTRIES
from shared.domain.ids import new_id_at
from shared.domain.stamp import Stamp
from shared.services.feed.reading import FeedReading
from shared.services.reading_budget import Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.repository import ContactTable
from shared.table.event_items import event_to_item
from shared.table.feed.contents import FeedContents
from shared.table.feed.items import pack
from shared.table.feed.outgoing import Outgoing
from shared.table.feed.reading import FeedTable
from shared.table.keys import feed as feed_keys
from shared.table.store import Store
from tests.support.memory_table import MemoryTable
from tests.unit.feed.fake_feed import NOW, ago, caller

OWNER = Caller("t", "user", "u1", "user")


@pytest.fixture
def table() -> MemoryTable:
    """A feed of three new contacts of one owner."""
    made, entries = MemoryTable(), []
    for position in (1, 2, 3):
        stamp = Stamp(new_id_at(position), ago(1), OWNER)
        contact, event = Contact.create(
            {"first_name": "Ada", "owner_id": "u1"}, contact_id=f"c{position}", stamp=stamp, source="api"
        )
        item = event_to_item("t", event)
        made.put(contact_items.contact_to_item("t", contact))
        made.put(item)
        entries.append(Outgoing.of_item(item).to_entry(position, ago(1)))
    made.put(
        {
            **feed_keys.head("t"),
            "last_position": {"N": "3"},
            "published_at": {"S": ago(1)},
            "first_unpaged": {"N": "1"},
            "packed": {"B": pack(entries)},
        }
    )
    return made


def damage(table: MemoryTable, sort_key: str, **instead: dict[str, str] | None) -> None:
    """Change attributes of the second contact's item, or of its event's, by the beginning of its sort key; None removes
    one.
    """
    (item,) = [
        one for one in table.all() if one["PK"]["S"].endswith("c2") and one["SK"]["S"].startswith(sort_key)
    ]
    table.put({name: value for name, value in {**item, **instead}.items() if value is not None})


def reading(table: MemoryTable, who: Caller) -> FeedReading:
    store = Store(table, "table")
    return FeedReading(
        who,
        FeedTable(store, "t"),
        FeedContents(store, "t"),
        ContactTable(store, "t").read_owners,
        lambda: None,
        Budget(),
        now=lambda: NOW,
    )


@pytest.mark.parametrize("attribute", ["changes", "version", "actor"])
def test_an_event_that_cannot_be_read_stops_no_reader(
    table: MemoryTable, attribute: str, caplog: pytest.LogCaptureFixture
) -> None:
    who = caller(contacts_read="all")
    damage(table, "EVENT#", **{attribute: None})
    found = reading(table, who).list(ALL_ENTRIES, after=0, limit=25).items
    assert [item.changes is not None for item in found] == [True, False, True]
    assert reading(table, who).read(found[1].id) == found[1]
    assert [record.message for record in caplog.records].count("not an event") == 2


def test_a_contact_that_cannot_be_read_is_nobodys_own_and_stops_no_reader(
    table: MemoryTable, caplog: pytest.LogCaptureFixture
) -> None:
    who = caller("user", contacts_read="own")
    assert len(reading(table, who).list(ALL_ENTRIES, after=0, limit=25).items) == 3
    damage(table, "CONTACT", version={"S": "x"}, organizer_ids={"S": "x"})
    page = reading(table, who).list(ALL_ENTRIES, after=0, limit=25)
    assert ([item.position for item in page.items], page.next_after) == ([1, 3], 3)
    assert "not a contact" in [record.message for record in caplog.records]
