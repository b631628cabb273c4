"""Work that is done twice writes its events again, perhaps long after they were published: the feed has each once."""

from __future__ import annotations

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.table import event_items
from shared.table.contacts.repository import ContactTable
from shared.table.keys import events as event_keys
from shared.table.transactions import Transaction
from tests.properties.feed.publications import NOW, Publications, event_item

MOMENT = timestamps.to_milliseconds(NOW)
CONTACT_ID, EVENT_ID = derived_id(MOMENT, "contact"), derived_id(MOMENT, "event")


@pytest.mark.parametrize("after", [1, 900], ids=["published in time", "published late"])
def test_an_event_that_is_written_again_after_its_publication_is_in_the_feed_once(
    after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Publications([])

    def at(seconds: float) -> str:
        moment = timestamps.plus(NOW, seconds)
        monkeypatch.setattr(timestamps, "now", lambda: moment)
        return moment

    def create() -> None:
        stamp = Stamp.now(Caller("t", "user", "u1", "admin"), event_id=EVENT_ID)
        given = {"first_name": "Ada"}
        created = Contact.create(given, contact_id=CONTACT_ID, stamp=stamp, source="api")
        ContactTable(world.store, "t").create(created)

    at(0)
    create()
    (written,) = (item for item in world.table.all() if item["SK"]["S"].startswith(event_keys.EVENT))
    world.items[EVENT_ID] = written
    at(after)
    process = world.process()
    process.publish(EVENT_ID)
    # Others follow, so that the entry is no longer in the head.
    moment = at(after + 40)
    more = [event_item(f"other{number}", 1, moment) for number in range(60)]
    for item in more:
        world.table.put(item)
        world.items[event_keys.id_of(item)] = item
    process.publish(*map(event_keys.id_of, more))
    world.process().sweep(at(after + 250))
    at(after + 300)
    create()
    report = world.process().sweep(at(after + 460))
    assert (report.published, report.failed) == (0, 0)
    assert len(world.entries()) == 61


def test_an_event_that_is_written_again_keeps_its_place_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Publications([])
    caller = Caller("t", "user", "u1", "admin")
    stamp = Stamp.now(caller, event_id=EVENT_ID)
    _, event = Contact.create({"first_name": "Ada"}, contact_id=CONTACT_ID, stamp=stamp, source="api")
    _, other = Contact.create(
        {"first_name": "Ada", "group_ids": [CONTACT_ID], "groups": ["Family"]},
        contact_id=CONTACT_ID,
        stamp=stamp,
        source="api",
    )
    items = []
    for one, moment in ((other, NOW), (event, timestamps.plus(NOW, 300))):
        monkeypatch.setattr(timestamps, "now", lambda moment=moment: moment)
        items.append(event_items.event_to_item("t", one))
        transaction = Transaction()
        event_items.add_event(transaction, "t", one)
        world.store.commit(transaction)
    place = {name: items[0][name] for name in ("WPK", "WSK")}
    assert items[1].keys() < items[0].keys()
    assert world.store.get({name: items[0][name] for name in ("PK", "SK")}) == items[1] | place
