"""check 99: a projector that another one overtakes leaves no discrepancy, through the API and in every list."""

from __future__ import annotations

from typing import Any

import pytest

from shared.projections.comparison import find_discrepancies
from shared.projections.engine import Projection
from shared.projections.kinds.contacts import CONTACT_KIND
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import postings as posting_keys
from shared.table.postings import PostingList
from shared.wiring.base import store
from shared.wiring.projections import projection, swept_projection
from tests.integration.contacts.test_contact_record import purge
from tests.integration.world import World
from tests.support.faults import Killed, call, injecting, kill_after
from tests.support.tenant_guard import acting_for, as_operator

AT_FIRST = {"last_name": "Alpha", "tags": ["vip"], "phone": "+14155552671", "email": "ann@example.com"}
THEN = {"last_name": "Beta", "tags": [], "phone": None, "email": "secret.past@example.com"}
AT_LAST = {"last_name": "Gamma", "tags": [], "phone": None, "email": "new@example.com"}
WRITES = call("dynamodb", "BatchWriteItem")


def image_of(contact_id: str) -> Item:
    with acting_for("T1"):
        image = store().get(contact_keys.contact("T1", contact_id))
    assert image is not None
    return image


def disagreements(world: World) -> tuple[Any, Any]:
    """Return the differences between the projections of T1 and its records."""
    with as_operator():
        return find_discrepancies(
            "T1", [item for item in world.content.items if item["PK"]["S"].startswith("T#T1#")]
        )


def overtaken(world: World, monkeypatch: pytest.MonkeyPatch, *, at_last: dict[str, Any]) -> str:
    """Return a contact that one projector projects in its second state, while another projects that and the last state.

    The first has read the state, and writes when the other one has ended.
    """
    made = world.create(**AT_FIRST)
    world.catch_up()
    images = []
    for fields in (THEN, at_last):
        assert world.send("PATCH", f"/contacts/{made['id']}", fields).status == 200
        images.append(image_of(made["id"]))
    look, looked = Projection._read_states, []

    def overtaken_once(self: Projection, works: Any) -> None:
        look(self, works)
        if not looked:
            looked.append(True)
            for image in images:
                projection().project([image])

    monkeypatch.setattr(Projection, "_read_states", overtaken_once)
    with acting_for("T1"):
        projection().project(images[:1])
    return str(made["id"])


def test_a_contact_whose_values_come_back_is_in_all_its_lists(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = overtaken(world, monkeypatch, at_last=AT_FIRST)
    for query in (
        {"sort": "name"},
        {"tags": "vip"},
        {"search": "alpha"},
        {"search": "ann@example.com"},
        {"search": "5552671"},
    ):
        assert [one["id"] for one in world.listed(**query)] == [made], query
    assert disagreements(world) == ({}, [])


def test_a_contact_is_in_no_list_by_what_it_was_in_between(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken(world, monkeypatch, at_last=AT_LAST)
    assert disagreements(world) == ({}, [])


def test_a_batch_that_is_handed_over_again_mends_what_its_projector_was_killed_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        injecting(kill_after(WRITES, at=3)),
        pytest.raises(Killed),
    ):  # the other projector writes twice before
        overtaken(world, monkeypatch, at_last=AT_FIRST)
    assert disagreements(world) != ({}, [])
    world.catch_up()
    assert disagreements(world) == ({}, [])


@pytest.mark.parametrize("order", ["name", "updated_at"])
def test_the_sweep_finds_a_contact_that_a_list_shows_and_an_order_does_not(world: World, order: str) -> None:
    made = world.create(**AT_FIRST)
    world.send("PATCH", f"/contacts/{made['id']}", AT_LAST)
    world.catch_up()
    with acting_for("T1"):
        [place] = store().query(list_keys.partition("T1", order), limit=10)
        store().write_many(delete=[{name: place[name] for name in ("PK", "SK")}])
        contact = contact_keys.contact("T1", made["id"])
        assert projection().find_outdated([contact]) == [contact]
        projection().reproject(contact)
        assert projection().find_outdated([contact]) == []
    assert disagreements(world) == ({}, [])


def test_the_sweep_finds_a_contact_that_is_missing_from_a_filter(world: World) -> None:
    made, other = world.create(tags=["vip"]), world.create(tags=["vip"])
    for one in (made, other):
        world.send("PATCH", f"/contacts/{one['id']}", {"company": "Engines"})
    world.catch_up()
    tag = image_of(made["id"])["tag_ids"]["L"][0]["S"]
    record = contact_keys.contact("T1", made["id"])
    with acting_for("T1"):
        partition = posting_keys.partition("T1", "tag", tag)
        PostingList(store(), partition).change(remove=[made["id"]])
        assert projection().find_outdated([record, contact_keys.contact("T1", other["id"])]) == [record]
        projection().reproject(record)
    assert disagreements(world) == ({}, [])


def test_a_sweep_that_is_killed_is_taken_up_by_the_next_one(world: World) -> None:
    """The state that it was projecting has passed by then, and no other projector knows it."""
    made = world.create(**AT_FIRST)
    record, path = contact_keys.contact("T1", made["id"]), f"/contacts/{made['id']}"
    world.catch_up()
    world.send("PATCH", path, THEN)
    fault = kill_after(WRITES, at=3)  # its record, the state, and the rows of that state
    with acting_for("T1", prefixes=["S#SWEEP"]), injecting(fault), pytest.raises(Killed):
        swept_projection().reproject(record)
    world.send("PATCH", path, AT_LAST)
    with acting_for("T1"):
        projection().project([image_of(made["id"])])
    assert disagreements(world) != ({}, [])
    world.sweep()
    assert disagreements(world) == ({}, [])
    with as_operator():
        assert swept_projection().resume() == 0


def test_a_change_that_was_given_up_leaves_nothing_when_the_next_one_comes(world: World) -> None:
    made = world.create(**AT_FIRST)
    world.catch_up()
    world.send("PATCH", f"/contacts/{made['id']}", THEN)
    given_up = image_of(made["id"])
    with (
        acting_for("T1"),
        injecting(kill_after(WRITES, at=1)),
        pytest.raises(Killed),
    ):
        projection().project([given_up])
    world.send("PATCH", f"/contacts/{made['id']}", AT_LAST)
    with acting_for("T1"):
        projection().project([image_of(made["id"])], replaced=[given_up])
    assert disagreements(world) == ({}, [])


def test_a_purge_removes_what_stands_anywhere_under_a_value_that_the_contact_ever_had(world: World) -> None:
    """Whatever went wrong before: here the rows of a state were never removed."""
    made = world.create(**AT_FIRST)
    world.catch_up()
    past = image_of(made["id"])
    for fields in (THEN, AT_LAST):
        assert world.send("PATCH", f"/contacts/{made['id']}", fields).status == 200
    live = world.create(email="other@example.com", last_name="Alpha", phone="+14155552671")
    assert world.send("DELETE", f"/contacts/{made['id']}").status == 204
    world.catch_up()
    before = world.content.items
    with acting_for("T1"):
        left = list(CONTACT_KIND.project("T1", past).rows)
        store().write_many(put=left)
    assert len(world.content.items) == len(before) + len(left)
    assert purge(leftover_rows=True).purged == 1
    world.catch_up()
    assert disagreements(world) == ({}, [])
    assert [one["id"] for one in world.listed(search="alpha")] == [live["id"]]
