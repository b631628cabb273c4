"""Wrong figures of a contact and of those merged into it are corrected, each on its own record."""

from __future__ import annotations

import json

import pytest

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.domain.stamp import Stamp
from shared.services.recount.figures import FigureCheck
from shared.table.recount.contacts import RecountedContacts
from shared.table.store import Store
from tests.unit.merges.room import ADMIN, TENANT, Room, id_of


def merged_room() -> Room:
    """Two contacts with a booking each, one merged into the other."""
    room = Room()
    for number, name in enumerate(("ada", "bob")):
        room.create(name, f"{name}@example.com")
        room.book(f"{name}@example.com", booking=f"b-{number}", event=f"e-{number}")
    room.merge("ada", "bob")
    return room


def check_of(room: Room, *, is_dry: bool) -> FigureCheck:
    store = Store(room.table, "table", sleep=lambda seconds: None)
    return FigureCheck(RecountedContacts(store, TENANT), timestamps.now(), is_dry=is_dry)


def falsify(room: Room, name: str) -> None:
    """Write another number of interactions into a contact's record."""
    [item] = [one for one in room.content.contacts if one["id"]["S"] == id_of(name)]
    counts = {"S": json.dumps({"call": 7})}
    room.table.put({**item, "interaction_count": {"N": "7"}, "interaction_counts": counts})


@pytest.mark.parametrize("wrong", [("ada",), ("bob",), ("ada", "bob")])
def test_the_figures_of_survivors_and_of_merged_contacts_are_corrected(wrong: tuple[str, ...]) -> None:
    room = merged_room()
    before = {name: room.contact(name) for name in ("ada", "bob")}
    for name in wrong:
        falsify(room, name)
    names = ["interaction_count", "interaction_counts"] * len(wrong)
    assert check_of(room, is_dry=True).correct(id_of("ada"), Stamp.now(ADMIN)) == names
    assert check_of(room, is_dry=False).correct(id_of("ada"), Stamp.now(ADMIN)) == names
    assert check_of(room, is_dry=True).correct(id_of("ada"), Stamp.now(ADMIN)) == []
    room.content.assert_whole()
    # The survivor's correction is a change with an event; a merged contact has none until it is back.
    assert room.contact("ada").version == before["ada"].version + ("ada" in wrong)
    assert room.contact("bob") == before["bob"]


def test_a_merged_contact_is_not_corrected_if_its_survivor_changes_meanwhile() -> None:
    room = merged_room()
    falsify(room, "bob")
    check, stamp = check_of(room, is_dry=False), Stamp.now(ADMIN)
    count = check.count

    def overtaken(*given: object) -> object:
        counted = count(*given)  # type: ignore[arg-type]
        room.book("ada@example.com", booking="b-2", event="e-2")
        return counted

    check.count = overtaken  # type: ignore[assignment, method-assign]
    with pytest.raises(ConcurrentChange):
        check.correct(id_of("ada"), stamp)
    assert room.contact("bob").interaction_count == 7


def test_a_merged_contact_is_not_corrected_by_itself() -> None:
    room = merged_room()
    falsify(room, "bob")
    assert check_of(room, is_dry=False).correct(id_of("bob"), Stamp.now(ADMIN)) == []
    assert room.contact("bob").interaction_count == 7
