"""Imports that change contacts: their fields, their events and history, and what is left out; AWS in moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.ids import new_id
from shared.domain.import_options import ImportOptions
from shared.domain.tenant import TenantSettings
from tests.integration.customers.test_customers import customer_of
from tests.integration.exports.exports import Exports
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.meter import meter
from tests.support.tokens import TokenIssuer


def folder_with(stack: Stack, issuer: TokenIssuer, **options: Any) -> DropFolder:
    """Return the drop folder of a tenant whose imports have some options."""
    return DropFolder(World(stack, issuer, TenantSettings(import_defaults=ImportOptions(**options))))


def contact(folder: DropFolder, contact_id: str) -> dict[str, Any]:
    answer = folder.world.send("GET", f"/contacts/{contact_id}")
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def outcomes(folder: DropFolder, shown: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["outcome"], row["contact_id"], row["reason_code"]) for row in folder.results(shown)]


FILE = (
    "Email,Other Emails,First Name,Company,Tags,Status\n"
    "ada@example.com,,Augusta,Engines,new,\n"
    "second@example.com,ada@example.com,,,,opportunity\n"
    "grace@example.com,,Grace,Navy,,opportunity\n"
    "GRACE@example.com,,,,admiral,prospect\n"
    "same@example.com,,Same,,,\n"
)


@pytest.fixture
def known(aws_stack: Stack, token_issuer: TokenIssuer) -> tuple[DropFolder, str, str]:
    """A tenant whose imports update, with the ids of two contacts."""
    folder = folder_with(aws_stack, token_issuer, on_duplicate="update", tags=("imported",))
    ada = folder.world.create("ada@example.com", first_name="Ada", company="Old", tags=["vip"])
    same = folder.world.create("same@example.com", first_name="Same", tags=["imported"])
    return folder, ada["id"], same["id"]


def test_an_update_changes_each_contact_once_for_all_of_its_rows(known: tuple[DropFolder, str, str]) -> None:
    folder, ada, same = known
    shown = folder.run(FILE)
    grace = folder.results(shown)[2]["contact_id"]
    assert outcomes(folder, shown) == [
        ("updated", ada, ""),
        ("updated", ada, "status_kept"),
        ("created", grace, ""),
        ("updated", grace, "status_kept"),
        ("unchanged", same, ""),
    ]
    counts = {name: amount for name, amount in shown["counts"].items() if amount}
    assert counts == {"rows": 5, "created": 1, "updated": 3, "unchanged": 1, "warnings": 2}

    changed = contact(folder, ada)
    assert (changed["first_name"], changed["company"], changed["version"]) == ("Augusta", "Engines", 2)
    assert (changed["email"], changed["other_emails"]) == ("second@example.com", ["ada@example.com"])
    assert (changed["tags"], changed["relationship_status"]) == (["vip", "new", "imported"], "prospect")
    assert contact(folder, grace)["relationship_status"] == "opportunity"
    assert contact(folder, same)["version"] == 1
    folder.world.content.assert_whole()


def test_history_and_events_name_the_import_and_the_rows(known: tuple[DropFolder, str, str]) -> None:
    folder, ada, _ = known
    shown = folder.run(FILE)
    entry = folder.world.send("GET", f"/contacts/{ada}/history").json["items"][0]
    assert (entry["import_id"], entry["source"]) == (shown["id"], "import")
    assert entry["data"] == {"rows": {"1": "updated", "2": "updated"}}
    grace = folder.results(shown)[2]["contact_id"]
    (move,) = folder.world.send("GET", f"/contacts/{grace}/status-history").json["items"]
    assert (move["new_status"], move["import_id"]) == ("opportunity", shown["id"])
    (event,) = [
        json.loads(item["data"]["S"])
        for item in folder.world.content.events
        if item["entity_id"]["S"] == ada and item["type"]["S"] == "contact.updated"
    ]
    assert event == {"import_id": shown["id"], "rows": {"1": "updated", "2": "updated"}}


def test_the_same_file_again_changes_nothing(known: tuple[DropFolder, str, str]) -> None:
    folder, _, _ = known
    folder.run("email,first name,company\nada@example.com,Augusta,Engines\n", "first.csv")
    before = folder.world.content.live
    folder.run("email,first name,company\nada@example.com,Augusta,Engines\n", "again.csv")
    (shown,) = (one for one in folder.imports() if one["file_name"] == "again.csv")
    assert {name: amount for name, amount in shown["counts"].items() if amount} == {"rows": 1, "unchanged": 1}
    assert folder.world.content.live == before


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_an_export_imported_again_finds_every_contact(
    file_format: str, aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    """check 84: also contacts without an address. An id that names no contact of the tenant finds nothing."""
    options = ImportOptions(on_duplicate="update")
    world = World(aws_stack, token_issuer, TenantSettings(require_email=False, import_defaults=options))
    folder = DropFolder(world)
    for name in ("Ada", "Bob"):
        numbers = {"phone": "+14155552671", "whatsapp": "+14155552671"}
        made = world.send("POST", "/contacts", {"first_name": name, "about": "=1+1", **numbers})
        assert made.status == 201 and made.json["email"] is None
    world.create("grace@example.com", other_emails=["navy@example.com"])
    world.catch_up()
    file, before = Exports(world).made(format=file_format), world.content.live
    shown = folder.run(file, f"again.{file_format}")
    assert {name: amount for name, amount in shown["counts"].items() if amount} == {
        "rows": 3, "unchanged": 3,
    }  # fmt: skip
    assert world.content.live == before


def test_an_id_is_preferred_to_an_address(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    folder = folder_with(aws_stack, token_issuer, on_duplicate="update")
    ada, bob, gone = (folder.world.create(f"{name}@example.com")["id"] for name in ("ada", "bob", "gone"))
    assert folder.world.send("DELETE", f"/contacts/{gone}").status == 204
    shown = folder.run(
        "Id,Email,Tags\n"
        f"{ada},lovelace@example.com,\n"
        f"{ada},bob@example.com,vip\n"
        f"{gone},bob@example.com,vip\n"
        f"{gone},new@example.com,\n"
        f"{new_id()},,vip\n"
        f"{bob},,new\n"
    )
    found = outcomes(folder, shown)
    assert [(one[0], one[2]) for one in found] == [
        ("updated", ""), ("updated", "address_taken"), ("updated", ""), ("created", ""), ("failed", "required"),
        ("updated", ""),
    ]  # fmt: skip
    assert [one[1] for one in found][:3] == [ada, ada, bob]
    assert contact(folder, ada)["email"] == "lovelace@example.com"
    assert contact(folder, ada)["other_emails"] == ["ada@example.com"]
    assert contact(folder, bob)["tags"] == ["vip", "new"]


def test_rows_join_the_customer_whose_number_they_have(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    folder = folder_with(aws_stack, token_issuer, on_duplicate="merge", match_on="customer_number")
    world = folder.world
    full, empty = customer_of(world), customer_of(world)
    primary = world.create("primary@example.com", customer_id=full["id"], company="")
    world.catch_up()  # the index of customers' numbers follows
    shown = folder.run(
        "email,customer number,company\n"
        f"other@example.com,{full['number']},Engines\n"
        f"new@example.com,{empty['number'].lower()},\n"
        f"further@example.com,{empty['number']},\n"
        "none@example.com,CUST999999,\n"
    )
    assert [(row["outcome"], row["reason_code"]) for row in folder.results(shown)] == [
        ("merged", ""), ("created", ""), ("merged", ""), ("created", "unknown_customer"),
    ]  # fmt: skip
    changed = contact(folder, primary["id"])
    assert (changed["company"], changed["other_emails"]) == ("Engines", ["other@example.com"])
    made = folder.results(shown)[1]["contact_id"]
    joined = world.send("GET", f"/customers/{empty['id']}").json
    assert (joined["primary_contact"], joined["contact_count"]) == (made, 1)
    assert contact(folder, made)["other_emails"] == ["further@example.com"]
    world.content.assert_whole()


def test_rows_find_contacts_by_any_of_their_numbers(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    folder = folder_with(aws_stack, token_issuer, on_duplicate="update", match_on="phone")
    phones = [{"label": "home", "number": "+14155552672"}]
    ada = folder.world.create("ada@example.com", phone="+14155552671", other_phones=phones)
    taken = folder.world.create("taken@example.com")
    folder.world.catch_up()  # the index of numbers follows
    shown = folder.run(
        "email,phone,company\n"
        "ada@example.com,(415) 555-2672,Engines\n"
        "taken@example.com,+1 415 555 2671,\n"
        "taken@example.com,+1 415 555 2679,\n"
    )
    assert outcomes(folder, shown) == [
        ("updated", ada["id"], ""),
        ("updated", ada["id"], "address_taken"),
        ("failed", taken["id"], "duplicate"),
    ]
    assert contact(folder, ada["id"])["company"] == "Engines"


def test_the_first_tags_that_fit_are_kept(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    folder = folder_with(aws_stack, token_issuer, on_duplicate="merge", tags=("imported",))
    ada = folder.world.create("ada@example.com", tags=[f"tag{number}" for number in range(9)])
    shown = folder.run("email,tags\nada@example.com,one; two\n")
    (row,) = folder.results(shown)
    assert (row["outcome"], row["reason_code"]) == ("merged", "too_many_tags")
    assert row["message"].endswith("Left out: two, imported.")
    assert contact(folder, ada["id"])["tags"][-1] == "one"


def test_a_row_of_an_update_costs_five_write_units(known: tuple[DropFolder, str, str]) -> None:
    """The record 2, its event 2, the outbox 1, and for the chunk: that it is begun, closed and counted."""
    folder, _, _ = known
    for number in range(20):
        folder.world.create(f"person{number}@example.com")
    rows = "".join(f"person{number}@example.com,Engines\n" for number in range(20))
    folder.deliver(folder.put(f"email,company\n{rows}"))
    with meter() as measured:
        folder.work(limit=1)
    assert measured.by_operation["TransactWriteItems"].write <= 20 * 5 + 6


def test_merged_rows_are_counted(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    folder = folder_with(aws_stack, token_issuer, on_duplicate="merge")
    ada = folder.world.create("ada@example.com", first_name="Ada", company="Old")
    shown = folder.run("email,first name,company,job title\nada@example.com,Other,Other,Countess\n")
    assert {name: amount for name, amount in shown["counts"].items() if amount} == {"rows": 1, "merged": 1}
    changed = contact(folder, ada["id"])
    assert (changed["first_name"], changed["company"], changed["job_title"]) == ("Ada", "Old", "Countess")
