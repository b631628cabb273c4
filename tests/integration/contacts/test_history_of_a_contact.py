"""The history of a contact: all changes with their doors, earlier versions, and reverts."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.ids import new_id
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import Jobs
from tests.integration.world import World, booking
from tests.support.budgets import repetitions
from tests.tenants import program

NAMES_SHOWN = ("customer_name", "customer_username", "owner_name")
LABELS = {"tags": "/tags", "types": "/types", "groups": "/groups"}


def history(world: World, contact_id: str, limit: int = 100, **how: Any) -> list[dict[str, Any]]:
    """Return a contact's history, walked to its end."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        query = {"limit": limit, **cursor}
        answer = world.send("GET", f"/contacts/{contact_id}/history", query=query, **how)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def read(world: World, contact_id: str, version: int | None = None, **how: Any) -> dict[str, Any]:
    query = {} if version is None else {"version": version}
    answer = world.send("GET", f"/contacts/{contact_id}", query=query, **how)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def patch(world: World, contact_id: str, **fields: Any) -> dict[str, Any]:
    answer = world.send("PATCH", f"/contacts/{contact_id}", fields)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def revert(world: World, contact_id: str, version: int, **how: Any) -> dict[str, Any]:
    answer = world.send("POST", f"/contacts/{contact_id}/revert", {"version": version}, **how)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def make(world: World, path: str, **fields: Any) -> str:
    answer = world.send("POST", path, fields)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


class Life:
    """A contact to which random things happen through all doors, and what it was after each of them."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.labels = {
            field: [make(world, path, name=f"{field}{n}") for n in range(3)] for field, path in LABELS.items()
        }
        rule = {"on": {"interaction": "call"}, "add": ["ruled"], "remove": self.labels["tags"][:1]}
        assert world.send("PATCH", "/settings", {"tag_rules": [rule]}).status == 200
        self.customers = [make(world, "/customers", first_name=f"C{n}") for n in range(2)]
        for customer in self.customers:
            world.create(customer_id=customer)
        self.email = f"{new_id()}@example.com"
        self.id: str = world.create(self.email, tags=["tags0"], types=["types0"], custom_fields={"a": 1})[
            "id"
        ]
        self.interactions: list[str] = []
        self.seen: dict[int, dict[str, Any]] = {}
        self.look()

    def look(self) -> None:
        now = read(self.world, self.id)
        for field, path in LABELS.items():
            ids = {
                one["name"]: one["id"]
                for one in self.world.send("GET", path, query={"limit": 100}).json["items"]
            }
            now[field] = [ids[name] for name in now[field]]
        self.seen[now["version"]] = now

    def send(self, method: str, path: str = "", json: Any = None) -> Any:
        answer = self.world.send(method, f"/contacts/{self.id}{path}", json)
        assert answer.status in (200, 201, 204, 409, 404, 400), answer.text
        return answer.json if answer.status in (200, 201) else None

    def some(self, names: list[str]) -> list[str]:
        return self.chance.sample(names, self.chance.randrange(len(names) + 1))

    def change_fields(self) -> None:
        number = self.chance.randrange(3)
        fields: dict[str, Any] = {
            "first_name": f"F{number}",
            "last_name": f"L{number}" if number else None,
            "phone": ["(415) 555-2671", "+14155552672", None][number],
            "whatsapp": [None, "+14155552673", "(415) 555-2674"][number],
            "other_emails": [f"{number}-{self.email}"][:number],
            "other_phones": [{"label": "x", "number": "(202) 555-0143"}][:number],
            "company": ["", "A", "B"][number],
            "about": ["", "x\ny", "é"][number],
            "is_active": bool(number),
            "email_verified": bool(number),
            "communication": {"preferred": ["none", "email", "sms"][number]},
            "custom_fields": {"a": [None, 0, False][number], "b": ["x", 1.5, None][number]},
            "customer_id": [None, *self.customers][number],
            "owner_id": [None, "user-of-T1", "other-user-of-T1"][number],
        }
        del fields["owner_id"]
        chosen = self.chance.sample(sorted(fields), self.chance.randrange(1, 4))
        self.send("PATCH", "", {name: fields[name] for name in chosen})

    def set_labels(self) -> None:
        field = self.chance.choice(list(LABELS))
        self.send("PATCH", "", {field: self.some(self.labels[field])})

    def rename_label(self) -> None:
        field = self.chance.choice(list(LABELS))
        path = f"{LABELS[field]}/{self.chance.choice(self.labels[field])}"
        assert self.world.send("PATCH", path, {"name": new_id()}).status == 200

    def delete_label(self) -> None:
        field = self.chance.choice(list(LABELS))
        if len(self.labels[field]) > 1:
            gone = self.labels[field].pop()
            assert self.world.send("DELETE", f"{LABELS[field]}/{gone}").status == 204

    def join(self) -> None:
        method = self.chance.choice(["PUT", "DELETE"])
        self.send(method, f"/groups/{self.chance.choice(self.labels['groups'])}")

    def toggle(self) -> None:
        self.send("POST", "/toggle-status")

    def consent(self) -> None:
        channel, opted_out = self.chance.choice(["email", "sms"]), self.chance.random() < 0.5
        self.send("POST", "/consent", {"channel": channel, "opted_out": opted_out, "source": "a call"})

    def become_primary(self) -> None:
        self.send("POST", "/set-primary")

    def call(self) -> None:
        day = self.chance.randrange(1, 9)
        given = {"type": "call", "description": "x", "occurred_at": f"2026-01-0{day}T00:00:00Z"}
        self.interactions.append(self.send("POST", "/interactions", given)["id"])

    def change_call(self) -> None:
        if self.interactions:
            path = f"/interactions/{self.chance.choice(self.interactions)}"
            if self.chance.random() < 0.5:
                self.send("PATCH", path, {"occurred_at": "2025-12-01T00:00:00Z"})
            else:
                self.send("DELETE", path)

    def write_note(self) -> None:
        note = self.send("POST", "/notes", {"body": "x"})["id"]
        if self.chance.random() < 0.5:
            self.send("PUT", f"/notes/{note}", {"body": "y", "is_pinned": True})
        if self.chance.random() < 0.5:
            self.send("DELETE", f"/notes/{note}")

    def move(self) -> None:
        status = self.chance.choice(["qualified_lead", "lost_lead", "prospect", "inactive"])
        self.send("PUT", "/status", {"relationship_status": status, "reason": "x"})

    def follow_up(self) -> None:
        given = {"title": "x", "due_at": "2090-01-01T00:00:00Z"}
        made = self.send("POST", "/follow-ups", given)
        if self.chance.random() < 0.5:
            answer = self.world.send("POST", f"/follow-ups/{made['id']}/complete", {"outcome": "x"})
            assert answer.status == 200, answer.text

    def book(self) -> None:
        kind = self.chance.choice(["BookingCreated", "BookingCancelled"])
        number = self.chance.randrange(3)
        self.world.post_booking(
            booking(
                kind,
                invitee_email=self.email,
                booking_id=f"{self.email}-{number}",
                version=self.chance.randrange(9),
            )
        )
        self.world.bookings.pump()

    def delete_and_restore(self) -> None:
        self.send("DELETE")
        self.send("POST", "/restore")

    def change_in_bulk(self) -> None:
        body = {
            "contact_ids": [self.id],
            "add_tags": self.some(self.labels["tags"]),
            "set": {"department": new_id()},
        }
        assert self.world.send("POST", "/contacts/bulk-update", body).status == 207

    def go_back(self) -> None:
        self.send("POST", "/revert", {"version": self.chance.choice(list(self.seen))})

    def live(self, steps: int) -> None:
        acts: list[Callable[[], None]] = [
            self.change_fields, self.change_fields, self.change_fields, self.set_labels, self.set_labels,
            self.rename_label, self.delete_label, self.join, self.toggle, self.consent, self.become_primary,
            self.call, self.change_call, self.write_note, self.move, self.follow_up,
            self.book, self.delete_and_restore, self.change_in_bulk, self.go_back,
        ]  # fmt: skip
        for _ in range(steps):
            self.chance.choice(acts)()
            self.look()

    def with_present_names(self, then: dict[str, Any]) -> dict[str, Any]:
        """Return what a version should show now: the present names of labels that still exist."""
        shown = {name: value for name, value in then.items() if name not in NAMES_SHOWN}
        for field, path in LABELS.items():
            names = {
                one["id"]: one["name"]
                for one in self.world.send("GET", path, query={"limit": 100}).json["items"]
            }
            shown[field] = [names[label_id] for label_id in then[field] if label_id in names]
        return shown

    def without_deleted(self, shown: dict[str, Any]) -> dict[str, Any]:
        """Return a contact without the labels that no longer exist, and without the names of other records."""
        kept = {name: value for name, value in shown.items() if name not in NAMES_SHOWN}
        for field, path in LABELS.items():
            names = {one["name"] for one in self.world.send("GET", path, query={"limit": 100}).json["items"]}
            kept[field] = [name for name in shown[field] if name in names]
        return kept


@pytest.mark.parametrize("seed", range(repetitions(3)))
def test_every_version_can_be_read_as_it_was_and_every_change_is_in_the_history(
    world: World, seed: int
) -> None:
    """check 91, for histories: random changes through all doors, labels renamed and deleted among them."""
    life = Life(world, random.Random(seed))
    life.live(40)
    last = max(life.seen)
    different = {}
    for version, then in life.seen.items():
        expected = life.with_present_names(then)
        found = life.without_deleted(read(world, life.id, version))
        if found != expected:
            different[version] = {
                name: (found[name], expected[name]) for name in expected if found[name] != expected[name]
            }
    assert different == {}
    entries = history(world, life.id, limit=7)
    assert [entry["version"] for entry in entries] == list(range(last, 0, -1))
    for entry in entries:
        then, before = life.seen.get(entry["version"]), life.seen.get(entry["version"] - 1)
        for name, change in entry["changes"].items():
            if name not in LABELS and "." not in name:
                assert (
                    then is None or then[name] == change["new"] or (not then[name] and change["new"] is None)
                )
                assert (
                    before is None
                    or before[name] == change["old"]
                    or (not before[name] and change["old"] is None)
                )


def test_entries_say_who_made_the_change_and_by_which_door(world: World) -> None:
    """check 91, for histories: a user, an API client, a booking, and a bulk job."""
    contact = world.create("ada@example.com")
    client = program("T1", "contacts:read:all,contacts:write:all")
    answer = world.send("PATCH", f"/contacts/{contact['id']}", {"company": "A"}, token=client)
    assert answer.status == 200
    world.post_booking(booking(invitee_email="ada@example.com", booking_id="b-1"))
    world.bookings.pump()
    booked, changed, created = history(world, contact["id"])
    assert (created["type"], created["source"], created["version"]) == ("contact.created", "api", 1)
    assert created["actor"].startswith("user:") and created["actor_name"]
    assert changed["changes"] == {"company": {"old": None, "new": "A"}}
    assert changed["actor"].startswith("client:")
    assert (booked["source"], booked["booking_id"], booked["actor_name"]) == ("booking", "b-1", None)
    assert booked["data"]["interaction_type"] == "booking_created"
    assert all(one["job_id"] is None and one["import_id"] is None for one in (booked, changed, created))


def test_a_contact_that_a_booking_made_says_so_from_its_first_version_on(world: World) -> None:
    world.post_booking(booking(invitee_email="new@example.com", booking_id="b-1"))
    world.bookings.pump()
    (item,) = world.content.contacts
    assert [one["booking_id"] for one in history(world, item["id"]["S"])] == ["b-1", "b-1"]


def test_a_contact_of_an_import_names_the_import(world: World) -> None:
    inbox = DropFolder(world)
    inbox.deliver(inbox.put("email,first name\na@example.com,A\n"))
    inbox.work()
    (shown,) = inbox.imports()
    (item,) = world.content.contacts
    (created,) = history(world, item["id"]["S"])
    assert (created["source"], created["import_id"]) == ("import", shown["id"])
    assert created["actor_name"] is None


def test_changes_of_a_bulk_job_have_its_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contact = world.create()
    world.catch_up()
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 0)
    body = {"filter": {"is_active": True}, "set": {"company": "A"}}
    answer = world.send("POST", "/contacts/bulk-update", body)
    assert answer.status == 202, answer.text
    patch(world, contact["id"], company="B")  # before the job comes to it, but after the job's id was made
    Jobs(world).work()
    newest, between, created = history(world, contact["id"], limit=1)
    assert (newest["job_id"], newest["changes"]["company"]) == (answer.json["id"], {"old": "B", "new": "A"})
    assert between["job_id"] is None and created["job_id"] is None
    assert read(world, contact["id"], 2)["company"] == "B"


def test_a_history_follows_the_visibility_of_its_contact(world: World) -> None:
    mine = world.create(token=world.t1.user)
    own = program("T1", "contacts:read:own")
    for path in ("", "/history"):
        query = {"version": 1} if not path else {}
        assert world.send("GET", f"/contacts/{mine['id']}{path}", query=query, token=own).status == 404
    world.send("DELETE", f"/contacts/{mine['id']}")
    assert world.send("GET", f"/contacts/{mine['id']}/history").status == 404


@pytest.mark.parametrize("version", [3, 2**53 - 1])
def test_a_version_that_does_not_exist_is_not_found(world: World, version: int) -> None:
    contact = world.create()
    patch(world, contact["id"], company="A")
    path = f"/contacts/{contact['id']}"
    assert world.send("GET", path, query={"version": version}).status == 404
    assert world.send("POST", f"{path}/revert", {"version": version}).status == 404
    assert world.send("GET", path, query={"version": 0}).status == 422


def test_versions_before_the_last_500_are_refused_with_how_far_back_they_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.contacts.changes.MAX_VERSIONS_BACK", 2)
    contact = world.create()
    for number in range(3):
        patch(world, contact["id"], company=str(number))
    answer = world.send("GET", f"/contacts/{contact['id']}", query={"version": 1})
    assert (answer.status, answer.json["code"]) == (400, "version_too_old")
    assert "version 2 and later" in answer.json["detail"]
    assert read(world, contact["id"], 2)["company"] == "0"


# Reverts


def test_a_revert_is_a_new_change_to_the_values_of_a_version(world: World) -> None:
    contact = world.create("ada@example.com", phone="(415) 555-2671", tags=["a"], custom_fields={"x": 1})
    world.send("PATCH", "/settings", {"max_tags_per_contact": 1})
    changed = patch(
        world,
        contact["id"],
        email="other@example.com",
        phone=None,
        tags=["b"],
        company="A",
        custom_fields={"x": None, "y": 2},
    )
    answer = revert(world, contact["id"], 1)
    now = answer["contact"]
    assert now["version"] == changed["version"] + 1
    kept = {"version", "updated_at"}
    assert {k: v for k, v in now.items() if k not in kept} == {
        k: v for k, v in contact.items() if k not in kept
    }
    assert sorted(answer["reverted"]) == ["company", "custom_fields", "email", "phone", "tags"]
    assert answer["not_reverted"] == []
    assert history(world, contact["id"])[0]["changes"]["email"] == {
        "old": "other@example.com",
        "new": "ada@example.com",
    }
    again = revert(world, contact["id"], 1)
    assert (again["contact"]["version"], again["reverted"]) == (now["version"], [])


def test_consents_owner_primary_and_status_stay_and_are_listed(world: World) -> None:
    customer = make(world, "/customers", first_name="C")
    first = world.create(customer_id=customer)
    contact = world.create(customer_id=customer, company="A")
    path = f"/contacts/{contact['id']}"
    patch(world, contact["id"], company="B", owner_id=None)
    consent = {"channel": "email", "opted_out": True, "source": "a call"}
    assert world.send("POST", f"{path}/consent", consent).status == 200
    assert world.send("POST", f"{path}/set-primary").status == 200
    answer = revert(world, contact["id"], 1)
    now = answer["contact"]
    assert now["communication"]["opt_outs"]["email"]["opted_out"] is True
    assert now["owner_id"] is None and now["is_primary"] is True
    assert read(world, first["id"])["is_primary"] is False
    assert now["company"] == "A" and answer["reverted"] == ["company"]
    assert answer["not_reverted"] == [
        {"field": "owner_id", "reason": "kept", "value": contact["owner_id"]},
        {"field": "is_primary", "reason": "kept", "value": False},
        {"field": "communication.opt_outs", "reason": "kept", "value": {}},
    ]


def test_whether_a_contact_is_primary_follows_from_the_customer_that_a_revert_sets(world: World) -> None:
    first, second = (make(world, "/customers", first_name=f"C{n}") for n in range(2))
    contact = world.create(customer_id=first)["id"]
    world.create(customer_id=first)
    assert read(world, contact)["is_primary"] is True
    assert patch(world, contact, customer_id=second)["is_primary"] is True
    world.create(customer_id=second)
    # The first customer has another primary contact by now, which stays.
    headers = {"Idempotency-Key": "k"}
    answer = revert(world, contact, 1, headers=headers)
    assert answer["contact"]["is_primary"] is read(world, contact)["is_primary"] is False
    assert answer["reverted"] == ["customer_id"]
    assert answer["not_reverted"] == [{"field": "is_primary", "reason": "kept", "value": True}]
    assert revert(world, contact, 1, headers=headers) == answer
    # Without a customer there is none, and with an empty one the contact is the only one.
    other = world.create()["id"]
    third = make(world, "/customers", first_name="C3")
    assert patch(world, other, customer_id=third)["is_primary"] is True
    for version, is_primary in ((1, False), (2, True)):
        answer = revert(world, other, version)
        assert answer["contact"]["is_primary"] is is_primary
        assert (answer["reverted"], answer["not_reverted"]) == (["customer_id", "is_primary"], [])


@pytest.mark.parametrize(("then", "now"), [(1, True), (0, False), (True, 1)])
def test_values_that_python_takes_for_equal_are_reverted(world: World, then: Any, now: Any) -> None:
    contact = world.create(custom_fields={"x": then})
    patch(world, contact["id"], custom_fields={"x": now})
    answer = revert(world, contact["id"], 1)
    assert answer["reverted"] == ["custom_fields"]
    assert answer["contact"]["custom_fields"]["x"] is then


def test_labels_and_customers_that_are_gone_are_left_out_and_listed(world: World) -> None:
    kinds = {field: make(world, path, name=f"gone {field}") for field, path in LABELS.items()}
    customer = make(world, "/customers", first_name="C")
    contact = world.create(
        tags=["gone tags", "stays"], types=["gone types"], groups=["gone groups"], customer_id=customer
    )
    patch(world, contact["id"], tags=[], types=[], groups=[], customer_id=None)
    stays = next(one for one in world.send("GET", "/tags").json["items"] if one["name"] == "stays")
    assert world.send("PATCH", f"/tags/{stays['id']}", {"name": "renamed"}).status == 200
    for field, label in kinds.items():
        assert world.send("DELETE", f"{LABELS[field]}/{label}").status == 204
    assert world.send("DELETE", f"/customers/{customer}").status == 204
    assert read(world, contact["id"], 1)["tags"] == ["gone tags", "renamed"]
    answer = revert(world, contact["id"], 1)
    assert answer["contact"]["tags"] == ["renamed"] and answer["contact"]["customer_id"] is None
    assert answer["reverted"] == ["tags"]
    left_out = {(one["field"], one["reason"], one["value"]) for one in answer["not_reverted"]}
    assert left_out == {
        ("tags", "deleted_label", "gone tags"),
        ("types", "deleted_label", "gone types"),
        ("groups", "deleted_label", "gone groups"),
        ("customer_id", "unknown_customer", customer),
        ("is_primary", "kept", True),
    }
    assert [one["name"] for one in world.send("GET", "/tags").json["items"]] == ["renamed"]


def test_a_revert_is_refused_as_a_patch_with_the_same_values_would_be(world: World) -> None:
    contact = world.create("ada@example.com", tags=["a", "b"])
    patch(world, contact["id"], email="other@example.com", tags=[])
    holder = world.create("ada@example.com")
    path = f"/contacts/{contact['id']}/revert"
    answer = world.send("POST", path, {"version": 1})
    assert (answer.status, answer.json["errors"][0]["contact_id"]) == (409, holder["id"])
    world.send("DELETE", f"/contacts/{holder['id']}")
    world.send("PATCH", "/settings", {"max_tags_per_contact": 1})
    answer = world.send("POST", path, {"version": 1})
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "too_many_tags")
    assert read(world, contact["id"])["version"] == 2


def test_an_address_that_was_verified_is_verified_again(world: World) -> None:
    contact = world.create("ada@example.com")
    patch(world, contact["id"], email_verified=True)
    patch(world, contact["id"], email="other@example.com")
    patch(world, contact["id"], email_verified=True)
    answer = revert(world, contact["id"], 2)
    assert (answer["contact"]["email"], answer["contact"]["email_verified"]) == ("ada@example.com", True)
    assert (answer["reverted"], answer["not_reverted"]) == (["email"], [])


def test_a_caller_who_may_not_verify_addresses_reverts_the_rest(world: World) -> None:
    contact = world.create("ada@example.com", token=world.t1.user)
    patch(world, contact["id"], email_verified=True)
    patch(world, contact["id"], email="other@example.com")
    world.send("PATCH", "/settings", {"email_verification": True})
    answer = revert(world, contact["id"], 2, token=world.t1.user)
    assert (answer["contact"]["email"], answer["contact"]["email_verified"]) == ("ada@example.com", False)
    assert answer["not_reverted"] == [
        {"field": "email_verified", "reason": "permission_denied", "value": True}
    ]


def test_a_revert_takes_if_match_and_an_idempotency_key(world: World) -> None:
    """check 33, for reverts: the second call gets the answer of the first."""
    contact = world.create(company="A")
    patch(world, contact["id"], company="B")
    path, body = f"/contacts/{contact['id']}/revert", {"version": 1}
    assert world.send("POST", path, body, headers={"If-Match": '"1"'}).status == 412
    headers = {"If-Match": '"2"', "Idempotency-Key": "k"}
    first = world.send("POST", path, body, headers=headers)
    assert (first.status, first.headers["ETag"]) == (200, '"3"')
    again = world.send("POST", path, body, headers=headers)
    assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")
    assert first.json["contact"]["owner_name"] is not None
    assert len(history(world, contact["id"])) == 3
