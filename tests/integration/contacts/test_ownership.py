"""The owners of contacts that bookings and imports make, and the organizers of their bookings."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import pytest

from shared.domain.callers import system_caller
from shared.domain.contacts.booked import MAX_ORGANIZERS, BookingFigures, Invitee
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.timestamps import now
from shared.table.accounts.operator_users import OperatorUserTable
from shared.wiring.base import store
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World, booking
from tests.support.tenant_guard import as_operator

ADMIN, USER, OTHER = "admin-of-T1", "user-of-T1", "other-of-T1"
PEOPLE = "email\nada@example.com\n"


def contact_of(world: World, email: str) -> dict[str, Any]:
    """A contact as an admin sees it, found by its address."""
    world.catch_up()
    (found,) = world.listed(email=email)
    return found


def book(world: World, email: str = "ann@example.com", **detail: Any) -> dict[str, Any]:
    detail = {"organizer_id": None, **detail}
    world.post_booking(booking(invitee_email=email, **detail))
    world.bookings.pump()
    assert world.dead_bookings() == []
    return contact_of(world, email)


def change_user(world: World, user_id: str, **fields: Any) -> Any:
    return world.send("PATCH", f"/users/{user_id}", fields)


def set_default(world: World, user_id: str | None) -> Any:
    return world.send("PATCH", "/settings", {"default_owner_id": user_id})


# ------------------------------------------------------------------------------ scheduling ids and the default owner


def test_an_admin_gives_a_user_a_scheduling_id_and_takes_it_away(world: World) -> None:
    answer = change_user(world, USER, scheduling_id="org-17")
    assert (answer.status, answer.json["scheduling_id"]) == (200, "org-17")
    assert world.send("GET", f"/users/{USER}").json["scheduling_id"] == "org-17"
    assert change_user(world, USER, scheduling_id="org-17").json["version"] == answer.json["version"]
    assert change_user(world, USER, scheduling_id=None).json["scheduling_id"] is None
    assert change_user(world, OTHER, scheduling_id="org-17").status == 200


def test_a_user_gives_themselves_none(world: World) -> None:
    answer = world.send("PATCH", f"/users/{USER}", {"scheduling_id": "x"}, token=world.t1.user)
    assert answer.status == 403


@pytest.mark.parametrize("value", ["", " ", "a b", "ö", "x" * 129, 7])
def test_what_is_no_scheduling_id_is_refused(world: World, value: object) -> None:
    answer = change_user(world, USER, scheduling_id=value)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["scheduling_id"]


def test_a_scheduling_id_belongs_to_one_user_of_a_tenant(world: World) -> None:
    change_user(world, USER, scheduling_id="org-17")
    answer = change_user(world, OTHER, scheduling_id="org-17")
    assert (answer.status, answer.json["code"]) == (409, "duplicate")
    (fault,) = answer.json["errors"]
    assert (fault["field"], fault["user_id"]) == ("scheduling_id", USER)
    elsewhere = world.tenant("T2")
    other = world.send("PATCH", "/users/user-of-T2", {"scheduling_id": "org-17"}, token=elsewhere.admin)
    assert other.status == 200


def test_of_users_who_are_given_one_scheduling_id_at_once_one_has_it(world: World) -> None:
    gateway = world.racing
    answers = gateway.together(
        [
            lambda user_id=user_id: gateway.request(
                "PATCH", f"/users/{user_id}", json={"scheduling_id": "org-17"}, token=world.t1.admin
            )
            for user_id in (ADMIN, USER, OTHER)
        ]
    )
    assert sorted(answer.status for answer in answers) == [200, 409, 409]
    users = world.send("GET", "/users").json["items"]
    assert [one["scheduling_id"] for one in users].count("org-17") == 1


def test_a_removed_user_s_scheduling_id_is_free(world: World) -> None:
    change_user(world, USER, scheduling_id="org-17")
    world.send("DELETE", f"/users/{USER}")
    assert change_user(world, OTHER, scheduling_id="org-17").status == 200
    with as_operator():
        OperatorUserTable(store(), "T1").remove_by_id(
            OTHER, Stamp.now(system_caller("T1", "operator", "system"))
        )
    assert change_user(world, ADMIN, scheduling_id="org-17").status == 200


def test_the_default_owner_is_an_active_user(world: World) -> None:
    assert set_default(world, USER).json["default_owner_id"] == USER
    assert world.send("GET", "/settings").json["default_owner_id"] == USER
    change_user(world, OTHER, is_active=False)
    for nobody in (OTHER, new_id(), "user-of-T2", "x" * 255):
        answer = set_default(world, nobody)
        assert answer.status == 422
        assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [
            ("default_owner_id", "unknown_owner")
        ]
    assert set_default(world, None).json["default_owner_id"] is None


# ------------------------------------------------------------------------------ bookings


@pytest.mark.parametrize(
    "detail",
    [
        {"organizer_id": USER},
        {"organizer_id": "org-17"},
        {"organizer_email": "user@t1.example.com"},
        {"organizer_email": " User@T1.Example.com "},
        {"organizer_id": "unknown", "organizer_email": "user@t1.example.com"},
        {"organizer_id": "org-17", "organizer_email": "other@t1.example.com"},
        {"organizer_id": USER, "organizer_email": "not an address"},
    ],
    ids=str,
)
def test_a_booking_s_contact_belongs_to_its_organizer(world: World, detail: dict[str, str]) -> None:
    change_user(world, USER, scheduling_id="org-17")
    set_default(world, ADMIN)
    contact = book(world, **detail)
    assert (contact["owner_id"], contact["organizer_ids"]) == (USER, [USER])


def test_an_id_of_a_user_comes_before_the_same_word_as_a_scheduling_id(world: World) -> None:
    change_user(world, OTHER, scheduling_id=USER)
    assert book(world, organizer_id=USER)["owner_id"] == USER


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"organizer_id": "unknown"},
        {"organizer_id": "user-of-T2"},
        {"organizer_email": "nobody@example.com"},
        {"organizer_email": "invited@example.com"},
        {"organizer_email": "not an address"},
    ],
    ids=str,
)
@pytest.mark.parametrize("default", [None, OTHER])
def test_a_booking_without_an_organizer_who_is_a_user_belongs_to_the_default_owner_else_to_nobody(
    world: World, detail: dict[str, str], default: str | None
) -> None:
    world.tenant("T2")
    world.send("POST", "/users/invitations", {"email": "invited@example.com", "role": "user"})
    if default:
        set_default(world, default)
    contact = book(world, **detail)
    assert (contact["owner_id"], contact["organizer_ids"]) == (default, [])


def test_a_disabled_organizer_sees_the_contact_and_the_default_owner_owns_it(world: World) -> None:
    set_default(world, OTHER)
    change_user(world, USER, is_active=False)
    contact = book(world, organizer_id=USER)
    assert (contact["owner_id"], contact["organizer_ids"]) == (OTHER, [USER])
    change_user(world, OTHER, is_active=False)
    assert book(world, "bob@example.com")["owner_id"] is None


def test_an_owner_stays_and_each_organizer_is_kept_once(world: World) -> None:
    book(world, organizer_id=OTHER)
    contact = book(world, organizer_id=USER, occurred_at="2031-03-02T09:00:00Z")
    assert (contact["owner_id"], contact["organizer_ids"]) == (OTHER, sorted([OTHER, USER]))
    assert book(world, organizer_id=USER)["organizer_ids"] == sorted([OTHER, USER])
    nobody_s = world.create("carl@example.com", owner_id=None)
    assert nobody_s["owner_id"] is None
    assert book(world, "carl@example.com", organizer_id=USER)["owner_id"] == USER


def test_bookings_in_any_order_leave_the_same_organizers(world: World) -> None:
    users = (ADMIN, USER, OTHER)
    found = []
    for number, order in enumerate(itertools.permutations(users)):
        for user_id in order:
            contact = book(world, f"p{number}@example.com", organizer_id=user_id)
        found.append(contact["organizer_ids"])
    assert found == [sorted(users)] * len(found)


def test_a_contact_names_no_more_than_a_hundred_organizers() -> None:
    caller = system_caller("T1", "booking", "booking")
    contact, _ = Contact.create(
        {"first_name": "Ann"},
        contact_id=new_id(),
        stamp=Stamp.now(caller),
        source="booking",
    )
    for number in range(MAX_ORGANIZERS + 5):
        contact, _ = contact.record_booking_event(
            type="booking_created",
            booking_id=f"b{number}",
            invitee=Invitee(interaction_id=new_id(), organizer_id=f"u{number}"),
            figures=BookingFigures({"created": number + 1}, now()),
            stamp=Stamp.now(caller),
        )
    assert len(contact.organizer_ids) == MAX_ORGANIZERS
    assert contact.total_bookings == MAX_ORGANIZERS + 5


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_check_53_organizers_are_kept_by_the_system_alone(world: World, method: str) -> None:
    path = "/contacts" if method == "POST" else f"/contacts/{world.create()['id']}"
    body = {"first_name": "A", "email": "new@example.com", "organizer_ids": [USER]}
    answer = world.send(method, path, body)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["organizer_ids"]


# ------------------------------------------------------------------------------ what imports make


def imported(world: World, body: str = PEOPLE, *, options: object = None, token: str | None = None) -> str:
    """An upload that has been imported, by its id."""
    inbox = DropFolder(world)
    given = {"file_name": "people.csv"} | ({"options": options} if options is not None else {})
    asked = world.send("POST", "/imports", given, token=token)
    assert asked.status == 201, asked.text
    inbox.deliver(inbox.put(body, key=asked.json["upload"]["fields"]["key"]))
    assert world.send("POST", f"/imports/{asked.json['id']}/start", token=token).status == 202
    inbox.work()
    import_id: str = asked.json["id"]
    return import_id


def dropped(world: World, body: str = PEOPLE) -> DropFolder:
    inbox = DropFolder(world)
    inbox.deliver(inbox.put(body))
    inbox.work()
    return inbox


def test_the_contacts_of_an_upload_belong_to_the_owner_it_names(world: World) -> None:
    set_default(world, OTHER)
    import_id = imported(world, options={"owner_id": USER})
    assert world.send("GET", f"/imports/{import_id}").json["options"]["owner_id"] == USER
    assert contact_of(world, "ada@example.com")["owner_id"] == USER


@pytest.mark.parametrize("owner_id", ["", "nobody", "user-of-T2", 7, ["x"]])
def test_an_upload_names_an_active_user(world: World, owner_id: object) -> None:
    world.tenant("T2")
    answer = world.send("POST", "/imports", {"file_name": "x.csv", "options": {"owner_id": owner_id}})
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["options.owner_id"]


def test_an_upload_that_names_no_owner_belongs_to_the_default_owner_else_to_who_asked_for_it(
    world: World,
) -> None:
    imported(world)
    assert contact_of(world, "ada@example.com")["owner_id"] == ADMIN
    set_default(world, OTHER)
    imported(world, "email\nbob@example.com\n", options={})
    assert contact_of(world, "bob@example.com")["owner_id"] == OTHER
    set_default(world, None)
    imported(world, "email\ncarl@example.com\n", token=world.t1.program)
    assert contact_of(world, "carl@example.com")["owner_id"] is None


def test_a_dropped_file_s_contacts_belong_to_the_default_owner_else_to_nobody(world: World) -> None:
    dropped(world)
    assert contact_of(world, "ada@example.com")["owner_id"] is None
    set_default(world, OTHER)
    dropped(world, "email\nbob@example.com\n")
    assert contact_of(world, "bob@example.com")["owner_id"] == OTHER


def test_an_owner_who_was_disabled_before_the_rows_are_written_gets_nothing(world: World) -> None:
    inbox = DropFolder(world)
    asked = world.send("POST", "/imports", {"file_name": "x.csv", "options": {"owner_id": USER}}).json
    inbox.deliver(inbox.put(PEOPLE, key=asked["upload"]["fields"]["key"]))
    change_user(world, USER, is_active=False)
    world.send("POST", f"/imports/{asked['id']}/start")
    inbox.work()
    assert contact_of(world, "ada@example.com")["owner_id"] == ADMIN


@pytest.mark.parametrize("header", ["owner", "Owner", "Owner Email", "Contact owner"])
def test_a_column_names_each_row_s_owner_by_address(world: World, header: str) -> None:
    change_user(world, OTHER, is_active=False)
    rows = [
        ("a@example.com", "user@t1.example.com", USER, ""),
        ("b@example.com", "User@T1.example.com", USER, ""),
        ("c@example.com", "", ADMIN, ""),
        ("d@example.com", "nobody@example.com", ADMIN, "unknown_owner"),
        ("e@example.com", "other@t1.example.com", ADMIN, "unknown_owner"),
        ("f@example.com", "Grace Hopper", ADMIN, "unknown_owner"),
    ]
    body = f"email,{header}\n" + "".join(f"{email},{owner}\n" for email, owner, _, _ in rows)
    set_default(world, ADMIN)
    inbox = dropped(world, body)
    for email, _, owner_id, _ in rows:
        assert contact_of(world, email)["owner_id"] == owner_id, email
    (run,) = world.send("GET", "/imports").json["items"]
    assert (run["counts"]["created"], run["counts"]["failed"]) == (len(rows), 0)
    results = results_of(inbox)
    assert [(one["email"], one["outcome"], one["reason_code"]) for one in results] == [
        (email, "created", code) for email, _, _, code in rows
    ]
    assert results[3]["message"] == "owner: No active user has this e-mail address."
    assert results[3][header] == "nobody@example.com"


def results_of(inbox: DropFolder) -> list[dict[str, str]]:
    (key,) = [
        one["Key"]
        for one in inbox.s3.list_objects_v2(Bucket=inbox.bucket, Prefix="tenants/T1/results/")["Contents"]
    ]
    text = inbox.s3.get_object(Bucket=inbox.bucket, Key=key)["Body"].read().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
