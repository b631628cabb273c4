"""Tags, types and groups: names lie with the label, ids with the contact, and the two never disagree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.record import Contact
from shared.domain.errors import Invalid
from shared.domain.ids import new_id
from shared.domain.labels.record import MAX_LABELS, NO_LABELS, ContactType, Tag
from shared.domain.stamp import Stamp
from shared.table.keys import labels as label_keys
from shared.table.labels import RECENT_SECONDS, LabelMemory, LabelTable
from shared.wiring.base import store
from shared.wiring.contacts import contact_reading, contact_service
from shared.wiring.groups import group_service
from shared.wiring.kept import reset_wiring
from shared.wiring.labels import label_service
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.faults import Killed, call, calls_of, injecting, kill_before, lost_answer, throttle
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


def make(world: World, kinds: str, name: str, **fields: Any) -> dict[str, Any]:
    answer = world.send("POST", f"/{kinds}", {"name": name, **fields})
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def tag_of(world: World, name: str) -> dict[str, Any]:
    (found,) = (one for one in world.send("GET", "/tags").json["items"] if one["name"] == name)
    return dict(found)


def shown(world: World, contact: dict[str, Any]) -> dict[str, Any]:
    answer = world.send("GET", f"/contacts/{contact['id']}")
    assert answer.status == 200, answer.text
    return dict(answer.json)


# Tags


def test_a_tag_is_made_on_first_use_and_counted(world: World) -> None:
    world.create(tags=["VIP", "new"])
    world.create(tags=["vip"])
    world.catch_up()
    counts = {one["name"]: one["usage_count"] for one in world.send("GET", "/tags").json["items"]}
    assert counts == {"new": 1, "VIP": 2}
    assert tag_of(world, "VIP")["color"] == "#0066cc"


def test_a_tag_s_first_spelling_is_shown_whichever_case_it_is_given_in(world: World) -> None:
    world.create(tags=["VIP"])
    assert world.create(tags=["vIp", "Ärzte"])["tags"] == ["VIP", "Ärzte"]
    assert world.create(tags=["ärzte"])["tags"] == ["Ärzte"]


def test_a_renamed_tag_is_seen_with_all_its_contacts_at_once_and_no_contact_is_written(world: World) -> None:
    contacts = [world.create(tags=["vip", "new"]) for _ in range(3)]
    world.catch_up()
    before = world.content.contacts
    tag = tag_of(world, "vip")
    answer = world.send("PATCH", f"/tags/{tag['id']}", {"name": "Gold", "color": "#FFAA00"})
    assert (answer.json["name"], answer.json["color"], answer.json["usage_count"]) == ("Gold", "#ffaa00", 3)
    assert [shown(world, one)["tags"] for one in contacts] == [["Gold", "new"]] * 3
    assert [one["tags"] for one in world.listed(tags="gold")] == [["Gold", "new"]] * 3
    assert world.listed(tags="vip") == []
    assert world.content.contacts == before
    assert world.send("GET", f"/contacts/{contacts[0]['id']}").headers["ETag"] == '"1"'


def test_another_process_shows_a_new_name_at_once_by_id(world: World) -> None:
    """Labels in memory are used only under the stamp that was read with the contact."""
    contact = world.create(tags=["vip"])
    here, there = (LabelTable(store(), "T1", LabelMemory()) for _ in range(2))  # two processes' memories
    with acting_for("T1"):
        tag = here.current().find("tag", "vip")
        assert tag and there.current().find("tag", "vip")
        changed = tag.change({"name": "gold"}, stamp=Stamp("e", tag.updated_at, CALLER))
        assert changed
        here.replace(tag, *changed)
        assert there.current().names([tag.id]) == ["gold"]
    assert shown(world, contact)["tags"] == ["gold"]


def test_labels_shown_by_lists_are_a_second_old_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    # The value as it was imported, before the fixture that makes labels recent for longer.
    monkeypatch.setattr("shared.table.labels.RECENT_SECONDS", RECENT_SECONDS)
    now = [100.0]
    memory = LabelMemory(clock=lambda: now[0])
    memory.keep("T1", 3, NO_LABELS)
    assert memory.recent("T1") is NO_LABELS
    now[0] += 1.01
    assert memory.recent("T1") is None
    assert memory.find("T1", 4) is None
    assert memory.find("T1", 3) is NO_LABELS
    assert memory.recent("T1") is NO_LABELS


def test_names_are_unique_without_regard_to_case(world: World) -> None:
    first, second = make(world, "tags", "Straße"), make(world, "tags", "other")
    for answer in (
        world.send("POST", "/tags", {"name": "STRASSE"}),
        world.send("PATCH", f"/tags/{second['id']}", {"name": "strasse"}),
    ):
        assert answer.status == 409 and answer.json["code"] == "name_taken"
        assert first["id"] in answer.json["errors"][0]["message"]
    # A label may take another spelling of its own name, and its old name is free once it has another.
    assert world.send("PATCH", f"/tags/{first['id']}", {"name": "STRASSE"}).json["name"] == "STRASSE"
    assert world.send("PATCH", f"/tags/{first['id']}", {"name": "Road"}).status == 200
    assert make(world, "tags", "strasse")["id"] != first["id"]
    # Kinds do not stand in one another's way.
    assert make(world, "types", "road") and make(world, "groups", "road")


def test_completion_gives_the_tags_that_begin_so(world: World) -> None:
    for name in ("Vip", "VIENNA", "éclair", "new", "vi#1", "50%"):
        make(world, "tags", name)

    def named(prefix: str) -> list[str]:
        return [one["name"] for one in world.send("GET", "/tags", query={"prefix": prefix}).json["items"]]

    assert named("vi") == ["vi#1", "VIENNA", "Vip"]
    assert named("ÉC") == ["éclair"]
    assert named("VI#") == ["vi#1"]
    assert named("5") == ["50%"]
    assert named("x") == []


@pytest.mark.parametrize(
    ("prefix", "completed"),
    [
        ("cafe", ["Café", "café au lait"]),
        ("CAFÉ", ["Café", "café au lait"]),
        ("cafe\u0301", ["Café", "café au lait"]),
        ("ｃａｆ", ["Café", "café au lait"]),
        ("caf\u200be", ["Café", "café au lait"]),
        ("  café  AU ", ["café au lait"]),
        ("mul", ["Müller"]),
        ("mue", ["Müller"]),
        ("र", ["रोमा"]),
        ("रा", []),
        ("lait", []),
    ],
)
def test_completion_ignores_accents_and_case_as_search_does(
    world: World, prefix: str, completed: list[str]
) -> None:
    for name in ("Café", "café au lait", "Müller", "रोमा"):
        make(world, "tags", name)
    answer = world.send("GET", "/tags", query={"prefix": prefix})
    assert [one["name"] for one in answer.json["items"]] == completed
    assert answer.json["total"] == len(completed)


def test_labels_are_paged_in_the_order_of_their_names(world: World) -> None:
    names = [f"tag {number:02d}" for number in range(7)]
    for name in random.Random(3).sample(names, 7):
        make(world, "tags", name)
    found, cursor = [], {}
    for length in (3, 3, 1):
        page = world.send("GET", "/tags", query={"limit": "3", **cursor}).json
        assert (len(page["items"]), page["total"]) == (length, 7)
        found += [one["name"] for one in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert found == names and cursor == {"cursor": None}
    first = world.send("GET", "/tags", query={"limit": "3"}).json["next_cursor"]
    assert world.send("GET", "/types", query={"cursor": first}).status == 400


def test_a_deleted_tag_is_gone_from_its_contacts_and_its_name_begins_anew(world: World) -> None:
    contact = world.create(tags=["vip", "new"])
    old = tag_of(world, "vip")
    assert world.send("DELETE", f"/tags/{old['id']}").status == 204
    assert shown(world, contact)["tags"] == ["new"]
    world.catch_up()
    assert world.listed(tags="vip") == []
    assert "vip" not in world.send("GET", "/contacts/stats").json["by_tag"]
    assert make(world, "tags", "vip")["id"] != old["id"]
    assert shown(world, contact)["tags"] == ["new"]
    # A later write of the contact lets go of what is left.
    assert world.send("PATCH", f"/contacts/{contact['id']}", {"tags": ["new", "vip"]}).json["tags"] == [
        "new",
        "vip",
    ]
    (item,) = world.content.contacts
    assert old["id"] not in str(item["tag_ids"])


def test_a_contact_s_tags_change_is_told_by_names(world: World) -> None:
    contact = world.create(tags=["vip"])
    world.send("PATCH", f"/contacts/{contact['id']}", {"tags": ["new"]})
    changes = [event["changes"]["S"] for event in world.content.events if "contact" in event["entity"]["S"]]
    assert '"tags":[["vip"],["new"]]' in changes[-1] or '"tags":[["vip"],["new"]]' in changes[0]
    assert "tag_ids" not in "".join(changes)


def test_racing_first_uses_of_a_tag_make_one(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(
                lambda number: world.racing.request(
                    "POST",
                    "/contacts",
                    json={
                        "first_name": "A",
                        "email": f"a{number}@example.com",
                        "tags": ["first", f"t{number % 2}"],
                    },
                    token=world.t1.admin,
                ),
                range(16),
            )
        )
    assert [answer.status for answer in made] == [201] * 16
    items = world.send("GET", "/tags").json["items"]
    assert sorted(one["name"] for one in items) == ["first", "t0", "t1"]
    world.catch_up()
    assert tag_of(world, "first")["usage_count"] == 16


def test_a_contact_never_has_eleven_tags_however_many_add_at_once(world: World) -> None:
    """check 32"""
    contact = world.create(tags=[f"t{number}" for number in range(9)])

    def add(number: int) -> int:
        while True:
            now = world.racing.request("GET", f"/contacts/{contact['id']}", token=world.t1.admin)
            answer = world.racing.request(
                "PATCH",
                f"/contacts/{contact['id']}",
                json={"tags": [*now.json["tags"], f"extra{number}"]},
                headers={"If-Match": now.headers["ETag"]},
                token=world.t1.admin,
            )
            if answer.status != 412:
                return answer.status

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(add, range(12)))
    assert sorted(statuses) == [200] + [422] * 11
    assert len(shown(world, contact)["tags"]) == 10


def test_lists_over_their_limits_are_kept_or_shortened_and_do_not_grow(world: World) -> None:
    names = [f"tag {number}" for number in range(6)]
    contact = world.create(tags=names[:5])
    path = f"/contacts/{contact['id']}"
    assert world.send("PATCH", "/settings", {"max_tags_per_contact": 3}).status == 200
    whole = {"first_name": "Ada", "email": contact["email"]}
    for method, given in (("PATCH", {}), ("PUT", whole)):
        refused = world.send(method, path, {**given, "tags": names})
        assert (refused.status, refused.json["errors"][0]["code"]) == (422, "too_many_tags")
    assert world.send("PATCH", path, {"tags": names[:5], "company": "Acme"}).status == 200
    # A list that the contact may have is no fault beside another one.
    refused = world.send("PATCH", path, {"tags": names[:5], "company": 1})
    assert [one["field"] for one in refused.json["errors"]] == ["company"]
    answer = world.send("PUT", path, {**whole, "tags": names[1:5]})
    assert (answer.status, answer.json["tags"]) == (200, names[1:5])
    refused = world.send("PATCH", path, {"other_emails": [f"e{number}@example.com" for number in range(21)]})
    assert [(one["field"], one["code"]) for one in refused.json["errors"]] == [("other_emails", "too_long")]
    assert refused.status == 422
    assert (
        world.send("POST", "/contacts", {**whole, "email": "b@example.com", "tags": names[:4]}).status == 422
    )


def test_a_tenant_has_so_many_tags_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAX_LABELS, "tag", 2)  # type: ignore[index]
    make(world, "tags", "a")
    tag = make(world, "tags", "b")
    refused = world.send("POST", "/tags", {"name": "c"})
    assert (refused.status, refused.json["code"]) == (400, "too_many_tags")
    body = {"first_name": "A", "email": "a@example.com", "tags": ["d"]}
    assert world.send("POST", "/contacts", body).json["code"] == "too_many_tags"
    assert world.content.contacts == []
    assert world.send("DELETE", f"/tags/{tag['id']}").status == 204
    assert world.send("POST", "/contacts", body).status == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a,b"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\u200b\u3164"}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": "a", "color": "red"}, "color"),
        ({"name": "a", "color": "#0066c"}, "color"),
        ({"name": "a", "color": "#0066cc\n"}, "color"),
        ({"name": "a", "usage_count": 5}, "usage_count"),
        ({"name": "a", "category": "x" * 201}, "category"),
    ],
)
def test_a_bad_tag_is_refused_by_its_field(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.send("POST", "/tags", body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)


def test_null_gives_a_field_its_default_but_a_name_must_stay(world: World) -> None:
    tag = make(world, "tags", "a", color="#ff0000", category="x")
    path = f"/tags/{tag['id']}"
    changed = world.send("PATCH", path, {"color": None, "category": None}).json
    assert (changed["color"], changed["category"], changed["version"]) == ("#0066cc", "", 2)
    assert world.send("PATCH", path, {"name": None}).json["errors"][0]["field"] == "name"
    assert world.send("PATCH", path, {}).json["version"] == 2


def test_users_change_and_delete_the_groups_they_made_and_no_tags(world: World) -> None:
    """check 52: all users share tags, whichever user created them."""
    mine = world.send("POST", "/groups", {"name": "mine"}, token=world.t1.user).json["id"]
    theirs = make(world, "groups", "theirs")["id"]
    tag = world.send("POST", "/tags", {"name": "mine"}, token=world.t1.user).json["id"]
    assert world.send("PATCH", f"/groups/{mine}", {"name": "my"}, token=world.t1.user).status == 200
    assert world.send("DELETE", f"/groups/{mine}", token=world.t1.user).status == 204
    for path in (f"/groups/{theirs}", f"/tags/{tag}"):
        for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
            answer = world.send(method, path, body, token=world.t1.user)
            assert (answer.status, answer.json["code"]) == (403, "permission_denied")
    assert world.send("PATCH", f"/tags/{tag}", {"name": "x"}).status == 200


def test_each_change_of_a_label_is_told_once(world: World) -> None:
    """check 91"""
    tag = make(world, "tags", "a")
    world.send("PATCH", f"/tags/{tag['id']}", {"name": "b"})
    world.send("PATCH", f"/tags/{tag['id']}", {"name": "b"})
    world.send("DELETE", f"/tags/{tag['id']}")
    told = world.content.of(r"T#T1#LABEL#", "EVENT#")
    events = sorted(told, key=lambda event: event["version"]["N"])
    assert [(one["type"]["S"], one["version"]["N"]) for one in events] == [
        ("tag.created", "1"),
        ("tag.updated", "2"),
        ("tag.deleted", "3"),
    ]
    assert '"name":["a","b"]' in events[1]["changes"]["S"]


def test_a_label_that_is_newer_than_the_labels_known_is_kept_by_a_write_in_between() -> None:
    """The contact is read a moment after the stamp: its newest tag is not known yet, and must not be lost."""
    gone, fresh = "01900000-0000-7000-8000-000000000001", new_id()
    contact = Contact.create(
        {"first_name": "A", "tag_ids": [gone, fresh], "tags": ["gone", "fresh"]},
        contact_id=new_id(),
        stamp=Stamp(new_id(), "2026-01-01T00:00:00.000Z", CALLER),
        source="api",
    )[0].with_label_names(NO_LABELS)
    assert (contact.tags, contact.tag_ids) == ([], [fresh])


# Types


def test_a_contact_takes_types_that_exist_and_no_others(world: World) -> None:
    make(world, "types", "Supplier")
    contact = world.create(types=["supplier"])
    assert contact["types"] == ["Supplier"]
    refused = world.send(
        "POST", "/contacts", {"first_name": "A", "email": "b@example.com", "types": ["Nobody"]}
    )
    assert refused.status == 422
    assert (refused.json["errors"][0]["field"], refused.json["errors"][0]["code"]) == (
        "types.0",
        "unknown_type",
    )
    world.catch_up()
    assert [one["id"] for one in world.listed(type="SUPPLIER")] == [contact["id"]]
    assert world.listed(type="nobody") == []


def test_a_type_made_a_moment_ago_elsewhere_is_known(world: World) -> None:
    world.create(tags=["x"])  # the labels are read, and remembered for a second
    elsewhere = LabelTable(store(), "T1", LabelMemory())
    with acting_for("T1"):
        elsewhere.add(
            *ContactType.create(
                {"name": "Supplier"},
                label_id="01990000-0000-7000-8000-000000000001",
                stamp=Stamp("e1", "2026-01-01T00:00:00.000Z", CALLER),
            )
        )
    assert world.create(types=["supplier"])["types"] == ["Supplier"]


# Groups


def test_a_contact_joins_and_leaves_a_static_group(world: World) -> None:
    group = make(world, "groups", "Spring", description="Letters")
    contact = world.create()
    path = f"/contacts/{contact['id']}/groups/{group['id']}"
    assert world.send("PUT", path).json["groups"] == ["Spring"]
    assert world.send("PUT", path).json["version"] == 2, "joining again changes nothing"
    world.catch_up()
    assert world.send("GET", f"/groups/{group['id']}").json["contact_count"] == 1
    members = world.send("GET", f"/groups/{group['id']}/contacts").json
    assert ([one["id"] for one in members["items"]], members["total"]) == ([contact["id"]], 1)
    assert [one["id"] for one in world.listed(group="spring")] == [contact["id"]]
    assert world.send("DELETE", path).json["groups"] == []
    assert world.send("DELETE", path).status == 200
    world.catch_up()
    assert world.send("GET", f"/groups/{group['id']}").json["contact_count"] == 0


def test_groups_of_one_tenant_and_contacts_of_another_do_not_meet(world: World) -> None:
    """check 48"""
    other = world.tenant("T10")
    group = make(world, "groups", "ours")["id"]
    contact = world.create()["id"]
    theirs = world.send("POST", "/groups", {"name": "theirs"}, token=other.admin).json["id"]
    foreign = world.create("x@example.com", token=other.admin)["id"]
    for path in (f"/contacts/{contact}/groups/{theirs}", f"/contacts/{foreign}/groups/{group}"):
        for method in ("PUT", "DELETE"):
            assert world.send(method, path).status == 404


def test_a_contact_is_in_a_hundred_groups_at_the_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.domain.contacts.record.MAX_GROUPS", 2)
    contact = world.create()["id"]
    groups = [make(world, "groups", name)["id"] for name in "abc"]
    answers = [world.send("PUT", f"/contacts/{contact}/groups/{group}") for group in groups]
    assert [answer.status for answer in answers] == [200, 200, 422]
    assert answers[2].json["errors"][0]["field"] == "groups"


def test_the_count_of_a_group_is_that_of_its_members_after_a_race_of_joins_and_leaves(world: World) -> None:
    """check 31"""
    group = make(world, "groups", "raced")["id"]
    contacts = [world.create()["id"] for _ in range(6)]
    chosen = random.Random(5)
    moves = [(chosen.choice(["PUT", "DELETE"]), chosen.choice(contacts)) for _ in range(60)]

    def move(one: tuple[str, str]) -> int:
        method, contact = one
        return world.racing.request(
            method, f"/contacts/{contact}/groups/{group}", token=world.t1.admin
        ).status

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(move, moves)) <= {200, 409}
    world.catch_up()
    members = {one for one in contacts if shown(world, {"id": one})["groups"]}
    assert world.send("GET", f"/groups/{group}").json["contact_count"] == len(members)
    assert {one["id"] for one in world.listed(group="raced")} == members


def test_a_dynamic_group_is_what_its_filter_finds(world: World) -> None:
    ada = world.create(tags=["vip"], company="Engines")
    world.create(tags=["vip"])
    world.create(company="Engines")
    group = make(world, "groups", "Best", kind="dynamic", filter={"tags": "VIP", "search": "engines"})
    assert group["filter"] == {"tags": "vip", "search": "engines"}
    assert group["contact_count"] is None
    world.catch_up()
    found = world.send("GET", f"/groups/{group['id']}/contacts", query={"include_total": "true"}).json
    assert ([one["id"] for one in found["items"]], found["total"]) == ([ada["id"]], 1)
    assert [one["id"] for one in world.listed(group="best")] == [ada["id"]]
    assert [one["id"] for one in world.listed(group="best", tags="vip", is_active="true")] == [ada["id"]]
    assert world.listed(group="best", search="xyz") == []
    assert world.listed(group="best", is_active="false") == []
    assert shown(world, ada)["groups"] == []
    path = f"/contacts/{ada['id']}/groups/{group['id']}"
    assert world.send("PUT", path).json["code"] == "dynamic_group"


def test_a_dynamic_group_means_the_same_when_a_tag_it_names_is_renamed(world: World) -> None:
    ada = world.create(tags=["vip"])
    group = make(world, "groups", "Best", kind="dynamic", filter={"tags": "vip"})
    world.send("PATCH", f"/tags/{tag_of(world, 'vip')['id']}", {"name": "Gold"})
    world.catch_up()
    assert world.send("GET", f"/groups/{group['id']}").json["filter"] == {"tags": "Gold"}
    assert [one["id"] for one in world.listed(group="Best")] == [ada["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "dynamic"}, "filter"),
        ({"kind": "dynamic", "filter": {}}, "filter"),
        ({"kind": "dynamic", "filter": None}, "filter"),
        ({"kind": "static", "filter": {"is_active": True}}, "filter"),
        ({"kind": "dynamic", "filter": {"nonsense": 1}}, "filter.nonsense"),
        ({"kind": "dynamic", "filter": {"tags": "unknown"}}, "filter.tags"),
        ({"kind": "dynamic", "filter": {"group": "Dyn"}}, "filter.group"),
        ({"kind": "dynamic", "filter": {"email": "nonsense"}}, "email"),
        ({"kind": "dynamic", "filter": {"created_from": "2026-01-01T00:00:00"}}, "filter.created_from"),
        ({"kind": "other"}, "kind"),
    ],
)
def test_a_bad_group_is_refused_by_its_field(world: World, body: dict[str, Any], field: str) -> None:
    make(world, "groups", "Dyn", kind="dynamic", filter={"is_active": True})
    answer = world.send("POST", "/groups", {"name": "x", **body})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field), answer.text


def test_a_group_keeps_its_kind_and_its_filter_is_changed_whole(world: World) -> None:
    group = make(world, "groups", "Dyn", kind="dynamic", filter={"is_active": True, "search": "a"})
    static = make(world, "groups", "Static")
    path = f"/groups/{group['id']}"
    assert world.send("PATCH", path, {"kind": "static"}).json["errors"][0]["field"] == "kind"
    assert world.send("PATCH", path, {"filter": {"is_active": False}}).json["filter"] == {"is_active": False}
    assert world.send("PATCH", path, {"filter": None}).status == 422
    assert world.send("PATCH", f"/groups/{static['id']}", {"filter": {"is_active": True}}).status == 422
    assert world.send("PATCH", f"/groups/{static['id']}", {"filter": None}).status == 200


def test_a_filter_never_comes_to_mean_everybody(world: World) -> None:
    world.create(tags=["vip"])
    world.create()
    for bad in ({"tags": " , "}, {"type": " "}, {"search": "\u200b"}):
        assert world.send("POST", "/groups", {"name": "x", "kind": "dynamic", "filter": bad}).status == 422, (
            bad
        )
    group = make(world, "groups", "Best", kind="dynamic", filter={"tags": "vip"})
    tag = tag_of(world, "vip")
    assert world.send("DELETE", f"/tags/{tag['id']}").status == 204
    world.catch_up()
    shown = world.send("GET", f"/groups/{group['id']}").json
    assert shown["filter"] == {"tags": tag["id"]}, "what a deleted tag leaves is told, and can be given back"
    assert world.listed(group="best") == []
    again = world.send("PATCH", f"/groups/{group['id']}", {"filter": shown["filter"]})
    assert (again.status, again.json["errors"][0]["code"]) == (422, "unknown_tag")


def test_a_tag_named_as_another_s_id_does_not_stand_in_its_way(world: World) -> None:
    ada = world.create(tags=["vip"])
    group = make(world, "groups", "Best", kind="dynamic", filter={"tags": "vip"})
    make(world, "tags", tag_of(world, "vip")["id"])
    world.catch_up()
    assert [one["id"] for one in world.send("GET", f"/groups/{group['id']}/contacts").json["items"]] == [
        ada["id"]
    ]


def test_a_dynamic_group_named_as_the_id_it_keeps_finds_nobody(world: World) -> None:
    """A deleted group leaves its id in a filter, and no group is looked up by that as a name."""
    world.create()
    static = make(world, "groups", "Static")
    mine = make(world, "groups", "Mine", kind="dynamic", filter={"group": "Static"})
    assert world.send("DELETE", f"/groups/{static['id']}").status == 204
    assert world.send("PATCH", f"/groups/{mine['id']}", {"name": static["id"]}).status == 200
    world.catch_up()
    assert world.send("GET", f"/groups/{mine['id']}/contacts").json["items"] == []
    for named in (static["id"], mine["id"]):
        assert world.listed(group=named) == []
        answer = world.send("POST", "/contacts/bulk-delete", {"filter": {"group": named}})
        assert (answer.status, answer.json["items"]) == (207, [])
    assert len(world.listed()) == 1


@pytest.mark.parametrize(("kinds", "condition"), [("tags", "tags"), ("types", "type"), ("groups", "group")])
def test_nobody_gets_into_a_dynamic_group_by_the_name_of_a_label_that_is_gone(
    world: World, kinds: str, condition: str
) -> None:
    gone = make(world, kinds, "Gone")
    group = make(world, "groups", "Theirs", kind="dynamic", filter={condition: "Gone"})
    assert world.send("DELETE", f"/{kinds}/{gone['id']}").status == 204
    alike = make(world, kinds, gone["id"])
    if kinds == "groups":
        contact = world.create()
        assert world.send("PUT", f"/contacts/{contact['id']}/groups/{alike['id']}").status < 300
    else:
        contact = world.create(**{kinds: [gone["id"]]})
    world.catch_up()
    assert [one["id"] for one in world.listed(**{condition: gone["id"]})] == [contact["id"]]
    assert world.send("GET", f"/groups/{group['id']}/contacts").json["items"] == []
    assert world.listed(group="theirs") == []


def test_a_dynamic_group_means_the_same_when_the_default_country_is_another(world: World) -> None:
    ada = world.create("ada@example.com", phone="+14155552671")
    world.create(phone="+442079460958")
    conditions = {"phone": "(415) 555-2671", "email": "<Ada@Example.com>"}
    group = make(world, "groups", "Reached", kind="dynamic", filter=conditions)
    assert group["filter"] == {"phone": "+14155552671", "email": "ada@example.com"}
    path = f"/groups/{group['id']}"
    assert world.send("PATCH", "/settings", {"default_country": "GB"}).status == 200
    world.catch_up()
    assert [one["id"] for one in world.send("GET", f"{path}/contacts").json["items"]] == [ada["id"]]
    assert [one["id"] for one in world.listed(group="reached")] == [ada["id"]]
    changed = world.send("PATCH", path, {"filter": {"phone": "020 7946 0958"}})
    assert changed.json["filter"] == {"phone": "+442079460958"}


def test_a_number_kept_as_it_was_typed_that_is_none_any_more_finds_nobody(world: World) -> None:
    """Filters kept before numbers were normalized: a list returns no error about a number its caller did not send."""
    world.create(phone="+14155552671")
    group = make(world, "groups", "Old", kind="dynamic", filter={"phone": "+14155552671"})
    with acting_for("T1"):
        table = LabelTable(store(), "T1", LabelMemory())
        known = table.current().by_id[group["id"]]
        changed = known.change(
            {"filter": {"phone": "(415) 555-2671"}}, stamp=Stamp(new_id(), known.updated_at, CALLER)
        )
        assert changed
        table.replace(known, *changed)
    world.catch_up()
    assert len(world.listed(group="old")) == 1
    assert world.send("PATCH", "/settings", {"default_country": "DE"}).status == 200
    assert world.listed(group="old") == []
    assert world.send("GET", f"/groups/{group['id']}/contacts").json["items"] == []
    assert world.send("GET", "/contacts", query={"group": "old", "phone": "nonsense"}).status == 422


def test_labels_read_in_several_calls_are_those_of_one_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label renamed from after a reader's position to before it is in neither part and must not count as deleted."""
    monkeypatch.setattr("shared.table.labels._PAGE", 2)
    for name in ("b", "c", "d", "zebra"):
        make(world, "tags", name)
    zebra = tag_of(world, "zebra")["id"]
    with acting_for("T1"):
        here, there = (LabelTable(store(), "T1", LabelMemory()) for _ in range(2))
        known = there.current().by_id[zebra]
        changed = known.change({"name": "a"}, stamp=Stamp("e", known.updated_at, CALLER))
        assert changed
        query, pages = store().query, []

        def rename_behind_the_first_page(*asked: Any, **how: Any) -> Any:
            page = query(*asked, **how)
            pages.append(page)
            if len(pages) == 1:
                there.replace(known, *changed)
            return page

        monkeypatch.setattr(here._store, "query", rename_behind_the_first_page)
        assert here.current().by_id[zebra].name == "a"
    assert len(pages) > 3


# Faults

CALLER = Caller("T1", "user", "u1", "admin")


@pytest.fixture
def tenant(world: World) -> Iterator[World]:
    with acting_for("T1"):
        yield world


def changes() -> None:
    """All that is done to a label, each step sent again when it does not succeed at first."""
    tags = label_service(CALLER, Tag)
    if not tags.list(prefix=None, limit=5, cursor=None).items:
        tags.create({"name": "a"})
    (tag,) = tags.list(prefix=None, limit=5, cursor=None).items
    tags.change(tag.id, {"name": "b", "color": "#000000"}, None)


def state() -> list[tuple[str, str]]:
    labels = LabelTable(store(), "T1", LabelMemory()).current()
    stamp = store().get(label_keys.stamp("T1"))
    assert stamp and stamp["tags"]["N"] == "1"
    return [(label.name, getattr(label, "color", "")) for label in labels.by_id.values()]


def test_killed_before_any_call_and_done_again_a_label_is_there_once(tenant: World) -> None:
    """check 13"""
    count = len(calls_of(changes))
    assert state() == [("b", "#000000")]
    for at in range(1, count + 1):
        for item in store().query(label_keys.partition("T1"), limit=10):
            store().write_many(delete=[{"PK": item["PK"], "SK": item["SK"]}])
        reset_wiring()
        with injecting(kill_before(at=at)), pytest.raises(Killed):
            changes()
        reset_wiring()
        changes()
        assert state() == [("b", "#000000")], at


def test_lost_answers_and_throttles_leave_one_label_and_no_refusal_of_our_own(tenant: World) -> None:
    """check 10, check 11"""
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"))):
        label_service(CALLER, Tag).create({"name": "a"})
    with injecting(throttle(times=3)):
        changes()
    assert state() == [("b", "#000000")]


def test_a_contact_that_is_refused_for_its_type_makes_no_contact(tenant: World) -> None:
    with pytest.raises(Invalid):
        contact_service(CALLER).create(ContactInput(first_name="A", email="a@example.com", types=["x"]))
    assert tenant.content.contacts == []


def test_a_group_that_is_deleted_takes_its_members_out(tenant: World) -> None:
    group = group_service(CALLER).create({"name": "g", "kind": "static"})
    contacts = contact_service(CALLER)
    made = contacts.create(ContactInput(first_name="A", email="a@example.com"))
    contacts.join(made.id, group.id, None)
    group_service(CALLER).delete(group.id, None)
    assert contact_reading(CALLER).read(made.id).groups == []
    assert contacts.patch(made.id, ContactPatch(company="x"), None).groups == []


def test_tags_that_look_alike_are_one(world: World) -> None:
    first = world.create("one@example.com", tags=["vip"])
    second = world.create("two@example.com", tags=["VIP\u200b", "\u2060vip"])
    assert first["tags"] == second["tags"] == ["vip"]
    assert [tag["name"] for tag in world.send("GET", "/tags").json["items"]] == ["vip"]
    assert world.send("POST", "/tags", {"name": "v\u200dip"}).status == 409
