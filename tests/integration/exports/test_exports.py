"""Exports: what is in their files, who may make and fetch them, and how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.ids import new_id
from tests.contract.answers import faults_of
from tests.integration.exports.exports import EXPORTS, Exports, rows_of
from tests.integration.world import World
from tests.support.tenant_guard import as_operator
from tests.tenants import program

ADA: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "=Lovelace",
    "email": "ada@example.com",
    "other_emails": ["ada@home.example.com"],
    "phone": "+12025550143",
    "other_phones": [{"label": "mobile", "number": "+12025550144"}],
    "company": "Engines; Analytical",
    "about": 'First line\n"second", third',
    "tags": ["vip", "a;b"],
    "custom_fields": {"colour": "green", "visits": 3, "member": True},
}


def make_ada(world: World) -> dict[str, Any]:
    made = world.create(**ADA)
    world.catch_up()
    return made


def test_a_csv_has_a_row_for_each_contact_and_all_that_is_known_of_it(world: World) -> None:
    """check 84: cells that a spreadsheet would run as formulas are marked."""
    made = make_ada(world)
    world.create("bob@example.com", first_name="Bob")
    world.catch_up()
    file = Exports(world).made()
    assert file.startswith(b"\xef\xbb\xbfFirst Name,Last Name,Email,Phone,Company,Job Title,Notes,Tags,")
    ada, bob = rows_of(file)
    assert bob["First Name"] == "Bob" and bob["custom.colour"] == ""
    assert {name: text for name, text in ada.items() if text} == {
        "First Name": "Ada",
        "Last Name": "'=Lovelace",
        "Email": "ada@example.com",
        "Other Emails": "ada@home.example.com",
        "Phone": "'+12025550143",
        "Other Phones": "mobile: +12025550144",
        "Company": "Engines; Analytical",
        "Notes": 'First line\n"second", third',
        "Tags": 'vip, "a;b"',
        "Total Bookings": "0",
        "Owner": "admin@t1.example.com",
        "Status": "prospect",
        "Lifecycle Stage": "awareness",
        "Primary Contact": "false",
        "Active": "true",
        "Email Verified": "false",
        "Preferred Channel": "none",
        "Interactions": "0",
        "Source": "api",
        "Id": made["id"],
        "Version": "1",
        "Created At": made["created_at"],
        "Created By": made["created_by"],
        "Updated At": made["updated_at"],
        "Updated By": made["updated_by"],
        "custom.colour": "green",
        "custom.member": "true",
        "custom.visits": "3",
    }


def test_a_line_of_json_is_the_contact_as_the_api_returns_it(world: World) -> None:
    make_ada(world)
    world.create()
    world.catch_up()
    lines = Exports(world).made(format="jsonl", sort="-created_at").decode().splitlines()
    assert [json.loads(line) for line in lines] == world.listed()


def test_chosen_fields_are_exported_in_their_order(world: World) -> None:
    make_ada(world)
    exports = Exports(world)
    fields = ["email", "custom.colour", "first_name", "custom_fields"]
    (row,) = exports.rows(fields=fields)
    assert list(row) == [
        "Email",
        "custom.colour",
        "First Name",
        "custom.member",
        "custom.visits",
        "Other Custom Fields",
    ]
    line = json.loads(exports.made(format="jsonl", fields=fields[:3]))
    assert line == {"email": "ada@example.com", "custom_fields": {"colour": "green"}, "first_name": "Ada"}


def test_an_unknown_field_is_refused_with_the_nearest_known_one(world: World) -> None:
    answer = Exports(world).ask({"format": "csv", "fields": ["email", "emial", "email"]})
    assert answer.status == 422
    assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [
        ("fields.1", "unknown_field"),
        ("fields.2", "repeated"),
    ]
    assert "`email`" in answer.json["errors"][0]["message"]


def test_another_delimiter_separates_the_cells(world: World) -> None:
    make_ada(world)
    file = Exports(world).made(delimiter=";", fields=["email", "company"]).decode("utf-8-sig")
    assert file == 'Email;Company\r\nada@example.com;"Engines; Analytical"\r\n'


def test_a_filter_a_group_and_ids_select_the_contacts(world: World) -> None:
    group = world.send("POST", "/groups", {"name": "Spring"}).json
    one = world.create("one@example.com", groups=["Spring"], tags=["x"])
    two = world.create("two@example.com", groups=["Spring"])
    three = world.create("three@example.com", tags=["x"])
    gone = world.create("gone@example.com", tags=["x"])
    world.send("DELETE", f"/contacts/{gone['id']}")
    world.catch_up()
    exports = Exports(world)
    assert exports.emails(filter={"tags": "x"}) == ["one@example.com", "three@example.com"]
    assert exports.emails(group=group["id"]) == ["one@example.com", "two@example.com"]
    assert exports.emails(group="Spring", filter={"tags": "x"}) == ["one@example.com"]
    assert exports.emails(filter={"search": "three"}) == ["three@example.com"]
    assert exports.emails(filter={"email": "two@example.com"}) == ["two@example.com"]
    ids = [three["id"], gone["id"], one["id"], new_id(), "nonsense", three["id"]]
    assert exports.emails(ids=ids) == ["three@example.com", "one@example.com"]
    assert exports.emails(ids=ids, sort="created_at") == ["one@example.com", "three@example.com"]
    assert exports.emails(filter={"tags": "nobody has it"}) == []
    assert two["id"] not in ids


def test_all_contacts_can_be_exported_in_each_order(world: World) -> None:
    for number, name in enumerate(("Zoe", "Ada", "Mia")):
        world.create(f"p{number}@example.com", first_name=name, last_name="A")
    world.catch_up()
    exports = Exports(world)
    assert exports.emails() == ["p0@example.com", "p1@example.com", "p2@example.com"]
    assert exports.emails(sort="-created_at") == ["p2@example.com", "p1@example.com", "p0@example.com"]
    assert exports.emails(sort="name") == ["p1@example.com", "p2@example.com", "p0@example.com"]
    assert exports.emails(sort="-total_bookings") == ["p2@example.com", "p1@example.com", "p0@example.com"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [new_id()], "filter": {"tags": "x"}}, "ids"),
        ({"group": "a", "filter": {"group": "b"}}, "group"),
        ({"filter": {"search": "\u200b"}}, "search"),
        ({"ids": []}, "ids"),
        ({"fields": []}, "fields"),
        ({"delimiter": "x"}, "delimiter"),
        ({"format": "pdf"}, "format"),
    ],
)
def test_what_contradicts_itself_or_is_unknown_is_refused(
    world: World, body: dict[str, Any], field: str
) -> None:
    answer = Exports(world).ask({"format": "csv", **body})
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == field
    assert faults_of("POST", EXPORTS, answer) == []


def test_a_dry_run_shows_the_number_of_contacts_and_the_first_ten(world: World) -> None:
    for number in range(12):
        world.create(f"p{number:02d}@example.com", custom_fields={"n": number})
    world.catch_up()
    exports = Exports(world)
    for body, expected in (
        ({}, {"Email": "p00@example.com", "custom.n": "0"}),
        ({"format": "xlsx"}, {"Email": "p00@example.com", "custom.n": "0"}),
        ({"format": "jsonl"}, {"email": "p00@example.com", "custom_fields": {"n": 0}}),
    ):
        answer = exports.ask({"format": "csv", "dry_run": True, "fields": ["email", "custom.n"], **body})
        assert answer.status == 200, answer.text
        assert faults_of("POST", EXPORTS, answer) == []
        assert (answer.json["total"], len(answer.json["rows"])) == (12, 10)
        assert answer.json["columns"] == list(expected) and answer.json["rows"][0] == expected
    cards = exports.ask({"format": "vcf", "dry_run": True, "filter": {"email": "p03@example.com"}}).json
    assert cards["total"] == 1 and cards["rows"][0]["vcard"].startswith("BEGIN:VCARD\r\n")
    assert world.send("GET", EXPORTS).json["items"] == [] and exports.jobs.waiting() == []


def test_a_dry_run_shows_texts_with_every_kind_of_line_break(world: World) -> None:
    about = "one\ntwo\u2028three\u2029four"
    world.create("lines@example.com", about=about)
    world.catch_up()
    for fields in (None, ["about"]):
        answer = Exports(world).ask(
            {"format": "jsonl", "dry_run": True, **({"fields": fields} if fields else {})}
        )
        assert answer.status == 200, answer.text
        assert [row["about"] for row in answer.json["rows"]] == [about]


def test_an_export_shows_its_progress_and_its_end(world: World) -> None:
    make_ada(world)
    exports = Exports(world)
    answer = exports.ask({"format": "jsonl"})
    assert faults_of("POST", EXPORTS, answer) == []
    export_id = answer.json["id"]
    assert answer.headers["Location"] == f"/v1{EXPORTS}/{export_id}"
    queued = exports.shown(export_id)
    assert (queued["state"], queued["matched"], queued["counts"]) == ("queued", 1, {"rows": 0, "bytes": 0})
    early = world.send("GET", f"{EXPORTS}/{export_id}/file")
    assert (early.status, early.json["code"]) == (409, "not_ready")
    exports.jobs.work()
    done = exports.shown(export_id)
    size = len(exports.fetch(export_id))
    assert (done["state"], done["counts"]) == ("completed", {"rows": 1, "bytes": size})
    assert done["progress"]["rows_done"] == 1 and done["progress"]["seconds_left"] == 0.0
    assert done["file_name"] == f"contacts-{done['created_at'][:10]}.jsonl"
    assert done["expires_at"] == timestamps.plus(done["completed_at"], 7 * 86_400)
    with as_operator():
        head = exports.s3.head_object(Bucket=exports.bucket, Key=exports.kept(export_id).object_key)
    assert head["ContentType"] == "application/jsonl" and done["file_name"] in head["ContentDisposition"]
    world.catch_up()
    assert [one["type"] for one in world.published() if one["entity"] == "export"] == ["export.completed"]


def test_the_file_of_an_export_is_gone_after_seven_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ada(world)
    exports = Exports(world)
    export_id = exports.begin()
    exports.jobs.work()
    later = timestamps.plus(exports.shown(export_id)["completed_at"], 7 * 86_400)
    monkeypatch.setattr("shared.domain.timestamps.now", lambda: later)
    answer = world.send("GET", f"{EXPORTS}/{export_id}/file")
    assert answer.status == 404


def test_a_cancelled_export_stops_and_has_no_file(world: World) -> None:
    make_ada(world)
    exports = Exports(world)
    export_id = exports.begin()
    stopped = world.send("POST", f"{EXPORTS}/{export_id}/cancel")
    assert (stopped.status, stopped.json["state"]) == (200, "cancelled")
    exports.jobs.work()
    assert exports.shown(export_id) == stopped.json
    none = world.send("GET", f"{EXPORTS}/{export_id}/file")
    assert (none.status, none.json["code"]) == (409, "no_file")
    again = world.send("POST", f"{EXPORTS}/{export_id}/cancel")
    assert (again.status, again.json) == (200, stopped.json)


def test_callers_export_what_they_see_and_see_their_own_exports(world: World) -> None:
    """check 52"""
    world.create("users@example.com", token=world.t1.user)
    world.create("admins@example.com")
    world.catch_up()
    owner = program("T1", "contacts:read:own,exports:run:all")
    bounded = program("T1", "contacts:read:all,exports:run:own")
    for token, wanted in ((world.t1.user, 2), (owner, 0), (bounded, 0)):
        exports = Exports(world, token=token)
        assert len(exports.emails()) == wanted
        assert exports.ask({"format": "csv", "dry_run": True}).json["total"] == wanted
        everybody = [one["id"] for one in world.listed()]
        assert len(exports.emails(ids=everybody)) == wanted
    hidden = Exports(world).begin()
    for path in (f"{EXPORTS}/{hidden}", f"{EXPORTS}/{hidden}/file"):
        assert world.send("GET", path, token=world.t1.user).status == 404
    assert world.send("POST", f"{EXPORTS}/{hidden}/cancel", token=world.t1.user).status == 404
    assert hidden in [one["id"] for one in world.send("GET", EXPORTS).json["items"]]
    assert hidden not in [one["id"] for one in world.send("GET", EXPORTS, token=owner).json["items"]]


def test_a_caller_who_lost_rights_cannot_fetch_what_they_exported_before(world: World) -> None:
    """check 59"""
    make_ada(world)
    client_id = new_id()
    exports = Exports(world, token=program("T1", "contacts:read:all,exports:run:all", client_id=client_id))
    export_id = exports.begin()
    exports.jobs.work()
    exports.fetch(export_id)
    assert exports.kept(export_id).caller.actor == f"client:{client_id}"
    lesser = program("T1", "contacts:read:own,exports:run:all", client_id=client_id)
    refused = world.send("GET", f"{EXPORTS}/{export_id}/file", token=lesser)
    assert refused.status == 403 and "contacts:read:all" in refused.json["detail"]


def test_contacts_created_later_are_not_exported(world: World) -> None:
    make_ada(world)
    exports = Exports(world)
    export_id = exports.begin(fields=["email"])
    world.create("later@example.com")
    world.catch_up()
    exports.jobs.work()
    assert [row["Email"] for row in rows_of(exports.fetch(export_id))] == ["ada@example.com"]
