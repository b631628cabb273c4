"""The settings of a tenant over HTTP: who may change them, how, and their effects on contacts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.accounts.settings import SettingsPatch
from shared.domain.callers import PERMISSIONS, Caller
from shared.domain.ids import new_id
from shared.table.keys import duplicates as duplicate_keys
from shared.wiring import tenants
from shared.wiring.accounts import settings_service
from shared.wiring.base import store
from shared.wiring.tenants import tenant_memory
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills, call, injecting, lost_answer
from tests.support.gateway import Gateway, Response
from tests.support.tenant_guard import acting_for, as_operator
from tests.tenants import Tenancy, suspend

Worlds = Callable[[], AbstractContextManager[World]]
Made = dict[str, Any]

DEFAULTS = {
    "default_country": "US",
    "auto_clean_phone_numbers": True,
    "max_tags_per_contact": 10,
    "email_verification": False,
    "require_email": True,
    "unique_scope": "tenant",
    "visibility": "tenant",
    "timezone": "UTC",
    "duplicate_key": None,
    "rate_limit": {"requests_per_second": 100, "burst": 200},
    "tag_rules": [],
    "import_defaults": {
        "on_duplicate": "skip",
        "match_on": "email",
        "mapping": {},
        "encoding": None,
        "delimiter": None,
        "tags": [],
        "groups": [],
        "owner_id": None,
        "default_country": None,
    },
}
OTHERS = {
    "default_country": "DE",
    "auto_clean_phone_numbers": False,
    "max_tags_per_contact": 2,
    "email_verification": True,
    "require_email": False,
    "unique_scope": "customer",
    "visibility": "owner",
    "timezone": "Europe/Berlin",
    "duplicate_key": "member_number",
    "rate_limit": {"requests_per_second": 5, "burst": 7},
    "tag_rules": [
        {"on": {"interaction": "call", "booking": None}, "add": ["called"], "remove": ["to call"]},
        {"on": {"interaction": None, "booking": "cancelled"}, "add": [], "remove": ["coming"]},
    ],
    "import_defaults": {
        "on_duplicate": "merge",
        "match_on": "phone",
        "mapping": {"Kunde": "name", "Intern": None, "Mobil": "other_phones.mobile", "Nr.": "custom.number"},
        "encoding": "windows-1251",
        "delimiter": ";",
        "tags": ["from the folder", "2025"],
        "groups": [],
        "owner_id": "user-of-T1",
        "default_country": "DE",
    },
}

RULE = {"on": {"interaction": "call"}, "add": ["called"]}


def patch(world: World, given: Any, *, token: str | None = None, **headers: str) -> Response:
    return world.send("PATCH", "/settings", given, token=token, headers=headers)


def set_to(world: World, **given: Any) -> Made:
    answer = patch(world, given)
    assert answer.status == 200, answer.text
    shown: Made = answer.json
    return shown


def values(shown: Made) -> Made:
    return {name: shown[name] for name in DEFAULTS}


def contact(world: World, *, token: str | None = None, **given: Any) -> Response:
    body = {"first_name": "Ada", "email": f"{new_id()}@example.com", **given}
    return world.send("POST", "/contacts", body, token=token)


# The record


def test_a_new_tenant_has_the_defaults(world: World) -> None:
    """This includes a tenant whose item was written before settings had a version."""
    (item,) = world.content.of("T#T1#TENANT", "TENANT")
    assert not {"version", "updated_at"} & set(item)
    del item["last_event"]
    with as_operator():
        store().put(item)
    answer = world.send("GET", "/settings")
    assert values(answer.json) == DEFAULTS
    assert (answer.json["version"], answer.headers["ETag"]) == (1, '"1"')
    assert (answer.json["updated_at"], answer.json["updated_by"]) == (item["created_at"]["S"], None)


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_setting_is_changed_listed_in_an_event_and_reset_by_null(world: World, name: str) -> None:
    changed = patch(world, {name: OTHERS[name]})
    assert values(changed.json) == {**DEFAULTS, name: OTHERS[name]}
    assert (changed.json["version"], changed.json["updated_by"]) == (2, "user:admin-of-T1")
    assert changed.headers["ETag"] == '"2"'
    assert world.send("GET", "/settings").json == changed.json
    assert patch(world, {name: OTHERS[name]}).json == changed.json, "what changes nothing is no change"
    reset = patch(world, {name: None})
    assert values(reset.json) == DEFAULTS and reset.json["version"] == 3
    there, back = world.content.of("T#T1#TENANT", "EVENT#")
    old, new = DEFAULTS[name], OTHERS[name]
    told = {name: [old, new]}
    if isinstance(old, dict) and isinstance(new, dict):
        told = {f"{name}.{one}": [old[one], new[one]] for one in old if old[one] != new[one]}
    assert json.loads(there["changes"]["S"]) == told
    assert json.loads(back["changes"]["S"]) == {field: [new, old] for field, (old, new) in told.items()}
    assert (there["type"]["S"], there["entity"]["S"], there["entity_id"]["S"]) == (
        "tenant.updated",
        "tenant",
        "T1",
    )
    world.catch_up()
    assert [one["type"] for one in world.published()] == ["tenant.updated"] * 2


def test_a_patch_reaches_into_the_rate_limit(world: World) -> None:
    set_to(world, rate_limit={"burst": 20})
    assert set_to(world, rate_limit={"requests_per_second": 10})["rate_limit"] == {
        "requests_per_second": 10,
        "burst": 20,
    }
    assert set_to(world, rate_limit={"burst": None})["rate_limit"] == {
        "requests_per_second": 10,
        "burst": 200,
    }


def test_a_patch_reaches_into_the_defaults_of_imports(world: World) -> None:
    """A mapping is replaced as a whole, since null says of a column that it is not read."""
    set_to(
        world, import_defaults={"on_duplicate": "update", "mapping": {"A": "email", "B": None}, "tags": ["a"]}
    )
    shown = set_to(world, import_defaults={"mapping": {"C": None}, "tags": None})["import_defaults"]
    assert shown == {**DEFAULTS["import_defaults"], "on_duplicate": "update", "mapping": {"C": None}}
    assert (
        set_to(world, import_defaults={"mapping": None, "on_duplicate": None})["import_defaults"]
        == (DEFAULTS["import_defaults"])
    )


def test_defaults_of_imports_name_groups_that_exist(world: World) -> None:
    group = world.send("POST", "/groups", {"name": "Customers"}).json
    given = ["Customers", group["id"]]
    assert set_to(world, import_defaults={"groups": given})["import_defaults"]["groups"] == given


def test_defaults_of_imports_name_only_what_the_tenant_has(world: World, t10: Tenancy) -> None:
    """Every fault is named in one answer. A group of another tenant is none."""
    world.send("POST", "/groups", {"name": "Regulars"}, token=t10.admin)
    world.send("POST", "/groups", {"name": "Found", "kind": "dynamic", "filter": {"is_active": True}})
    answer = patch(
        world,
        {
            "import_defaults": {
                "owner_id": "user-of-T10",
                "groups": ["Regulars", "Found"],
                "tags": list("abcdefghijk"),
            }
        },
    )
    assert answer.status == 422, answer.text
    assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [
        ("import_defaults.owner_id", "unknown_owner"),
        ("import_defaults.tags", "too_many_tags"),
        ("import_defaults.groups.0", "unknown_group"),
        ("import_defaults.groups.1", "dynamic_group"),
    ]
    assert values(world.send("GET", "/settings").json) == DEFAULTS


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"import_defaults": {"dry_run": True}}, "import_defaults.dry_run"),
        ({"import_defaults": {"on_duplicate": "replace"}}, "import_defaults.on_duplicate"),
        ({"import_defaults": {"match_on": "name"}}, "import_defaults.match_on"),
        ({"import_defaults": {"encoding": "klingon"}}, "import_defaults.encoding"),
        ({"import_defaults": {"encoding": "rot13"}}, "import_defaults.encoding"),
        ({"import_defaults": {"delimiter": ";;"}}, "import_defaults.delimiter"),
        ({"import_defaults": {"delimiter": '"'}}, "import_defaults.delimiter"),
        ({"import_defaults": {"default_country": "de"}}, "import_defaults.default_country"),
        ({"import_defaults": {"mapping": {"Mail": "emial"}}}, "import_defaults.mapping.Mail"),
        ({"import_defaults": {"mapping": {"Mail": "custom.Bad"}}}, "import_defaults.mapping.Mail"),
        (
            {"import_defaults": {"mapping": {"x" * 900: None, **{f"{n}" * 400: None for n in range(20)}}}},
            "import_defaults",
        ),
        ({"default_country": "XX"}, "default_country"),
        ({"default_country": "us"}, "default_country"),
        ({"default_country": "USA"}, "default_country"),
        ({"default_country": ""}, "default_country"),
        ({"max_tags_per_contact": 0}, "max_tags_per_contact"),
        ({"max_tags_per_contact": 101}, "max_tags_per_contact"),
        ({"unique_scope": "world"}, "unique_scope"),
        ({"visibility": "nobody"}, "visibility"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "/etc/localtime"}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
        ({"timezone": "Europe/Berlin\x00"}, "timezone"),
        ({"timezone": "x" * 5000}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"duplicate_key": "Member"}, "duplicate_key"),
        ({"duplicate_key": "x" * 51}, "duplicate_key"),
        ({"rate_limit": {"requests_per_second": 0}}, "rate_limit.requests_per_second"),
        ({"rate_limit": {"requests_per_second": 201}}, "rate_limit.requests_per_second"),
        ({"rate_limit": {"burst": 1001}}, "rate_limit.burst"),
        ({"rate_limit": {"per_minute": 1}}, "rate_limit.per_minute"),
        ({"tag_rules": {}}, "tag_rules"),
        ({"tag_rules": [{}]}, "tag_rules.0.on"),
        ({"tag_rules": [RULE, {**RULE, "on": {}}]}, "tag_rules.1.on.booking"),
        (
            {"tag_rules": [{**RULE, "on": {"interaction": "call", "booking": "created"}}]},
            "tag_rules.0.on.booking",
        ),
        ({"tag_rules": [{**RULE, "on": {"interaction": "booking_created"}}]}, "tag_rules.0.on.interaction"),
        ({"tag_rules": [{**RULE, "add": ["a, b"]}]}, "tag_rules.0.add.0"),
        ({"tag_rules": [{**RULE, "add": []}]}, "tag_rules.0.remove"),
        ({"tag_rules": [{**RULE, "remove": ["Called"]}]}, "tag_rules.0.remove"),
        ({"tag_rules": [{**RULE, "add": [f"t{n}" for n in range(11)]}]}, "tag_rules.0.add"),
        ({"tag_rules": [RULE] * 51}, "tag_rules"),
        ({"tag_rules": [{**RULE, "add": [f"t{n}" for n in range(10)]}] * 21}, "tag_rules"),
        ({"suspended": True}, "suspended"),
        ({"version": 7}, "version"),
    ],
)
def test_a_refused_setting_is_named_and_nothing_is_written(world: World, given: Made, field: str) -> None:
    """check 53"""
    before = world.content.items
    answer = patch(world, given)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field), answer.text
    assert world.content.items == before


def test_all_faults_of_tag_rules_come_in_one_answer_with_the_nearest_known_names(world: World) -> None:
    rules = [
        {"on": {"interaction": "metting"}, "add": ["met"]},
        {"on": {"booking": "canceled"}, "add": [], "remove": []},
        {"on": {"booking": "lost"}, "adds": ["x"], "remove": ["y"]},
    ]
    answer = patch(world, {"tag_rules": rules, "timezone": "Nowhere"})
    assert answer.status == 422
    found = {one["field"]: (one["code"], one["message"]) for one in answer.json["errors"]}
    assert found.pop("timezone")[0] == "unknown_timezone"
    assert found == {
        "tag_rules.0.on.interaction": (
            "unknown_interaction_type", "This is not a type of interaction. Did you mean `meeting`?",
        ),
        "tag_rules.1.on.booking": (
            "unknown_booking_state", "This is not a state of bookings. Did you mean `cancelled`?",
        ),
        "tag_rules.1.remove": ("no_tags", "Name a tag in `add` or in `remove`."),
        "tag_rules.2.on.booking": (
            "unknown_booking_state",
            "This is not a state of bookings. Use one of created, rescheduled, completed, cancelled.",
        ),
        "tag_rules.2.adds": ("extra_forbidden", "There is no such name here. Did you mean `add`?"),
    }  # fmt: skip


def test_readers_of_contacts_see_the_settings_and_only_admins_change_them(world: World) -> None:
    """check 52"""
    for token, reads, changes in (
        (world.t1.admin, 200, 200),
        (world.t1.program, 200, 200),
        (world.t1.user, 200, 403),
        (world.t1.powerless, 403, 403),
    ):
        assert world.send("GET", "/settings", token=token).status == reads
        assert patch(world, {"timezone": "UTC"}, token=token).status == changes


def test_a_tenant_s_settings_are_its_own(world: World, t10: Tenancy) -> None:
    set_to(world, **OTHERS)
    assert values(world.send("GET", "/settings", token=t10.admin).json) == DEFAULTS
    assert contact(world, token=t10.admin, email=None).status == 422


def test_a_stale_condition_changes_nothing(world: World) -> None:
    assert patch(world, {"timezone": "Europe/Berlin"}, **{"If-Match": '"1"'}).status == 200
    assert patch(world, {"timezone": "Asia/Tokyo"}, **{"If-Match": '"1"'}).status == 412
    assert world.send("GET", "/settings").json["timezone"] == "Europe/Berlin"


def test_racing_changes_of_different_settings_are_all_kept(world: World, waits: list[float]) -> None:
    """check 25: of changes under the same If-Match, one succeeds."""
    given: list[Made] = [{"timezone": "Europe/Berlin"}, {"default_country": "DE"}, {"require_email": False}]

    def sent(one: Made, headers: dict[str, str]) -> Callable[[], Response]:
        return lambda: world.racing.request(
            "PATCH", "/settings", json=one, token=world.t1.admin, headers=headers
        )

    assert [one.status for one in world.racing.together([sent(one, {}) for one in given])] == [200] * 3
    shown = world.send("GET", "/settings").json
    assert shown["version"] == 4 and all(shown.items() >= one.items() for one in given)
    assert len(world.content.of("T#T1#TENANT", "EVENT#")) == 3
    further = [{"max_tags_per_contact": number} for number in (3, 4, 5)]
    answers = world.racing.together([sent(one, {"If-Match": '"4"'}) for one in further])
    assert Counter(one.status for one in answers) == {200: 1, 412: 2}


def test_a_change_does_not_undo_a_suspension_meanwhile(world: World) -> None:
    """The operator's word stays, whatever the tenant changes at the same moment."""
    with acting_for("T1"):
        service = settings_service(Caller("T1", "user", "u", "admin"))
        read = service._settings.get
        service._settings.get = lambda: (read(), suspend("T1"))[0]  # type: ignore[method-assign]
        service.change(SettingsPatch(timezone="Asia/Tokyo"), None)
    (item,) = world.content.of("T#T1#TENANT", "TENANT")
    assert item["suspended"]["BOOL"] is True and item["version"]["N"] == "3"


def test_killed_anywhere_and_sent_again_a_change_is_made_once(worlds: Worlds) -> None:
    """check 13"""

    def state(world: World) -> Any:
        (item,) = world.content.of("T#T1#TENANT", "TENANT")
        return item["settings"], item["version"], len(world.content.of("T#T1#TENANT", "EVENT#"))

    tried = assert_same_after_kills(
        worlds,
        lambda world: patch(world, OTHERS),
        state,
        matching=lambda attempt: attempt.operation != "Scan",
        both_sides=True,
    )
    assert tried >= 6


def test_a_lost_answer_makes_one_change(world: World) -> None:
    """check 11"""
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"))):
        assert set_to(world, timezone="Asia/Tokyo")["version"] == 2
    assert len(world.content.of("T#T1#TENANT", "EVENT#")) == 1


# When it acts


def test_who_changes_a_setting_sees_it_act_at_once_and_others_within_two_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "TENANT_SECONDS", 2.0)
    moment = [1000.0]
    monkeypatch.setattr(tenants, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    assert contact(world, email=None).status == 422
    there = dict(tenant_memory().records)  # what another process knows
    set_to(world, require_email=False)
    assert contact(world, email=None).status == 201
    tenant_memory().records.update(there)
    assert contact(world, email=None).status == 422
    moment[0] += 2.01
    assert contact(world, email=None).status == 201


def test_a_process_forgets_the_tenant_even_when_its_write_fails(world: World) -> None:
    assert contact(world).status == 201
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), times=None)):
        assert patch(world, {"require_email": False}).status == 503
    assert contact(world, email=None).status == 201


# What each does


def test_a_key_of_the_tenant_s_choice_is_applied_to_all_contacts(world: World) -> None:
    for _ in range(2):
        contact(world, custom_fields={"member_number": "M-1234"})
    world.catch_up()
    marker = ("T#T1#SHARED", "0#key#member_number=m1234#")
    assert not world.content.of(*marker)
    set_to(world, duplicate_key="member_number")
    sweep_two_minutes_later(world)
    assert world.content.of(*marker)
    set_to(world, duplicate_key=None)
    sweep_two_minutes_later(world)
    assert not world.content.of(*marker)
    assert not world.content.of("T#T1#MATCH#key")


def sweep_two_minutes_later(world: World) -> None:
    """Run the sweep as if the pass over match keys had been asked for two minutes ago."""
    (item,) = world.content.of("T#T1#MATCHING", "PENDING")
    then = timestamps.plus(timestamps.now(), -120)
    with as_operator():
        store().put({**item, "requested_at": {"S": then}, **duplicate_keys.due_entry(then, "T1")})
    tenant_memory().forget("T1")
    world.sweep()


def test_the_default_country_is_assumed_for_numbers_without_a_plus(world: World) -> None:
    assert contact(world, phone="030 901820").status == 422
    set_to(world, default_country="DE")
    assert contact(world, phone="030 901820").json["phone"] == "+4930901820"


def test_numbers_that_are_not_cleaned_must_be_e164(world: World) -> None:
    set_to(world, auto_clean_phone_numbers=False)
    refused = contact(world, phone="(415) 555-2671")
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "phone_not_e164")
    assert contact(world, phone="+14155552671").status == 201


def test_as_many_tags_as_the_setting_says_and_those_there_are_stay(world: World) -> None:
    full = contact(world, tags=["a", "b", "c"]).json
    set_to(world, max_tags_per_contact=2)
    assert contact(world, tags=["a", "b", "c"]).status == 422
    assert contact(world, tags=["a", "b"]).status == 201
    path = f"/contacts/{full['id']}"
    assert world.send("PATCH", path, {"company": "x"}).json["tags"] == ["a", "b", "c"]
    assert world.send("PATCH", path, {"tags": ["a", "b", "d"]}).status == 422
    set_to(world, max_tags_per_contact=100)
    assert contact(world, tags=[f"t{number}" for number in range(100)]).status == 201


def test_a_contact_needs_an_address_unless_the_setting_says_otherwise(world: World) -> None:
    assert contact(world, email=None).json["errors"][0]["field"] == "email"
    set_to(world, require_email=False)
    assert contact(world, email=None).status == 201
    set_to(world, require_email=None)
    assert contact(world, email=None).status == 422


def test_visibility_hides_the_others_contacts_from_regular_users_within_a_minute(world: World) -> None:
    """check 52, check 57"""
    moment = [0.0]
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: moment[0])
    own, other = (contact(world, token=token).json for token in (world.t1.user, world.t1.other_user))

    def seen() -> list[int]:
        paths = [f"/contacts/{one['id']}" for one in (own, other)]
        return [gateway.request("GET", path, token=world.t1.user).status for path in paths]

    assert seen() == [200, 200]
    set_to(world, visibility="owner")
    moment[0] = 60.1
    assert seen() == [200, 404]
    me = gateway.request("GET", "/me", token=world.t1.user).json
    assert me["permissions"]["contacts:read"] == "own"
    assert gateway.request("GET", f"/contacts/{own['id']}", token=world.t1.admin).status == 200
    set_to(world, visibility="tenant")
    moment[0] = 121.0
    assert seen() == [200, 200]


def test_what_is_unique_changes_only_while_there_are_no_contacts(world: World) -> None:
    made = contact(world).json
    world.catch_up()
    before = world.send("GET", "/settings").json
    refused = patch(world, {"unique_scope": "customer", "timezone": "Asia/Tokyo"})
    assert (refused.status, refused.json["code"]) == (409, "tenant_has_contacts")
    assert world.send("GET", "/settings").json == before
    assert patch(world, {"unique_scope": "tenant", "timezone": "Asia/Tokyo"}).status == 200
    assert world.send("DELETE", f"/contacts/{made['id']}").status == 204
    world.catch_up()
    assert set_to(world, unique_scope="customer")["unique_scope"] == "customer"


def test_a_contact_deleted_before_is_restored_under_the_new_scope(world: World) -> None:
    gone = contact(world, phone="+14155552671").json
    world.send("DELETE", f"/contacts/{gone['id']}")
    world.catch_up()
    set_to(world, unique_scope="customer")
    assert world.send("POST", f"/contacts/{gone['id']}/restore").status == 200
    assert {lock["SK"]["S"] for lock in world.content.locks} == {"LOCK#!"}
    world.content.assert_whole()
    customers = [world.send("POST", "/customers", {"first_name": "C"}).json["id"] for _ in "12"]
    for customer in customers:
        assert contact(world, email=gone["email"], customer_id=customer).status == 201
    world.content.assert_whole()


def test_a_contact_on_its_way_while_the_scope_changes_keeps_its_locks_in_order(world: World) -> None:
    """The counter has not seen it: what the docstring of `change` says then holds."""
    early = contact(world).json
    assert set_to(world, unique_scope="customer")["unique_scope"] == "customer"
    late = contact(world, email=early["email"])
    assert late.status == 201
    world.content.assert_whole()
    path = f"/contacts/{early['id']}"
    assert world.send("PATCH", path, {"email": "other@example.com"}).status == 200
    assert world.send("DELETE", path).status == 204
    world.content.assert_whole()
    assert world.send("POST", f"{path}/restore").status == 200
    world.content.assert_whole()
    taken = world.send("PATCH", path, {"email": early["email"]})
    assert (taken.status, taken.json["errors"][0]["contact_id"]) == (409, late.json["id"])


# Verified addresses


def verified(
    world: World, made: Made, said: Any = True, *, token: str | None = None, **further: Any
) -> Response:
    body = {"email_verified": said, **further}
    return world.send("PATCH", f"/contacts/{made['id']}", body, token=token)


def test_with_verification_only_level_all_may_mark_an_address_as_verified(world: World) -> None:
    own = contact(world, token=world.t1.user).json
    assert verified(world, own, token=world.t1.user).json["email_verified"] is True
    set_to(world, email_verification=True)
    assert verified(world, own, False, token=world.t1.user).json["email_verified"] is False
    refused = verified(world, own, token=world.t1.user)
    assert (refused.status, refused.json["detail"]) == (
        403,
        "Insufficient permissions: contacts:write:all required",
    )
    assert verified(world, own, token=world.t1.admin).json["email_verified"] is True
    told = world.content.of(f"T#T1#C#{own['id']}", "EVENT#")[-1]
    assert json.loads(told["changes"]["S"]) == {"email_verified": [None, True]}


def test_another_address_is_not_verified(world: World) -> None:
    made = contact(world, other_emails=["second@example.com"]).json
    path = f"/contacts/{made['id']}"
    assert verified(world, made).status == 200
    for body in ({"company": "x"}, {"email": made["email"].upper()}, {"other_emails": []}):
        assert world.send("PATCH", path, body).json["email_verified"] is True, body
    assert world.send("PATCH", path, {"email": "new@example.com"}).json["email_verified"] is False
    assert verified(world, made, email="newer@example.com").json["email_verified"] is True
    whole = {"first_name": "A", "email": "newer@example.com"}
    assert world.send("PUT", path, whole).json["email_verified"] is True
    assert world.send("PUT", path, {**whole, "email": "x@example.com"}).json["email_verified"] is False


def test_no_address_is_no_verified_one(world: World) -> None:
    set_to(world, require_email=False)
    made = contact(world).json
    assert verified(world, made).status == 200
    assert verified(world, made, None).json["email_verified"] is False
    assert verified(world, made).status == 200
    assert world.send("PATCH", f"/contacts/{made['id']}", {"email": None}).json["email_verified"] is False
    refused = verified(world, made)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "email_verified")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_no_contact_is_created_with_a_verified_address(world: World, method: str) -> None:
    """check 53"""
    made = contact(world).json
    path = "/contacts" if method == "POST" else f"/contacts/{made['id']}"
    body = {"first_name": "A", "email": "a@example.com", "email_verified": True}
    answer = world.send(method, path, body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "email_verified")


# Callers


@pytest.mark.parametrize("role", ["admin", "user"])
def test_a_user_can_read_their_identity(world: World, role: str) -> None:
    me = world.send("GET", "/me", token=getattr(world.t1, role)).json
    caller = Caller("T1", "user", me["id"], role)  # type: ignore[arg-type]
    assert me == {
        "kind": "user",
        "id": f"{role}-of-T1",
        "username": f"{role}@t1.example.com",
        "role": role,
        "permissions": {word: level for word in PERMISSIONS if (level := caller.level(word))},
        "tenant": {"id": "T1", "name": "Tenant T1"},
    }
