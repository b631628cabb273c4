"""Imports between whose chunks much time passes: the tenant changes its settings, or is suspended for longer than the
parts of a file are kept."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.services.imports import chains, grouping
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.test_imports import people
from tests.integration.world import World


@pytest.fixture
def inbox(world: World, monkeypatch: pytest.MonkeyPatch) -> DropFolder:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    monkeypatch.setattr(chains, "MOST_QUEUED", 2)
    return DropFolder(world)


def remove_parts(inbox: DropFolder, *, outputs_only: bool = False) -> None:
    """Do what the lifecycle rule does."""
    keys = [key for key in inbox.keys("parts/") if not outputs_only or "-" in key.rpartition("/")[2]]
    assert keys
    for key in keys:
        inbox.s3.delete_object(Bucket=inbox.bucket, Key=key)


def remove_file(inbox: DropFolder) -> None:
    inbox.s3.delete_object(Bucket=inbox.bucket, Key="tenants/T1/inbox/people.csv")


def outcomes(inbox: DropFolder) -> Counter[tuple[str, str]]:
    rows = inbox.results(inbox.latest())
    assert [int(one["row_number"]) for one in rows] == list(range(1, len(rows) + 1))
    return Counter((one["outcome"], one["reason_code"]) for one in rows)


@pytest.mark.parametrize(
    ("first", "then", "text"),
    [
        ({"require_email": False}, {"require_email": True}, "Email,First Name\n" + ",Ann\n" * 12),
        (
            {"max_tags_per_contact": 3},
            {"max_tags_per_contact": 1},
            "Email,Tags\n" + "".join(f'p{n}@example.com,"a,b,c"\n' for n in range(12)),
        ),
        (
            {"auto_clean_phone_numbers": True, "default_country": "DE"},
            {"auto_clean_phone_numbers": False, "default_country": "US"},
            "Email,Phone\n" + "".join(f"p{n}@example.com,(030) 20796{n:04}\n" for n in range(12)),
        ),
        (
            {"unique_scope": "tenant"},
            {"unique_scope": "customer"},
            "Email,Phone\n" + "".join(f"p{n}@example.com,+12025550101\n" for n in range(12)),
        ),
    ],
)
def test_check_13_rows_of_one_file_are_treated_alike_whatever_the_tenant_changes_meanwhile(
    inbox: DropFolder, first: dict[str, Any], then: dict[str, Any], text: str
) -> None:
    world = inbox.world
    assert world.send("PATCH", "/settings", first).status == 200
    inbox.deliver(inbox.put(text))
    inbox.work(limit=2)
    assert world.send("PATCH", "/settings", then).status == 200
    inbox.work()
    assert outcomes(inbox) == {("created", ""): 12}
    shown = [
        world.send("GET", f"/contacts/{row['contact_id']}").json for row in inbox.results(inbox.latest())
    ]
    assert len({(len(one["tags"]), (one["phone"] or "")[:3]) for one in shown}) == 1


def test_values_stay_unique_when_the_scope_changes_meanwhile(inbox: DropFolder) -> None:
    """check 13: rows are planned under the first scope, and written under the present one."""
    world = inbox.world
    assert world.send("PATCH", "/settings", {"unique_scope": "customer"}).status == 200
    inbox.deliver(inbox.put(people(12)))
    inbox.work(limit=2)
    assert world.send("PATCH", "/settings", {"unique_scope": "tenant"}).status == 200
    inbox.work()
    assert outcomes(inbox) == {("created", ""): 12}
    world.content.assert_whole()


def test_inputs_that_are_gone_are_written_again(inbox: DropFolder) -> None:
    """check 8"""
    inbox.deliver(inbox.put(people(30)))
    inbox.work(limit=3)
    remove_parts(inbox)
    inbox.work()
    shown = inbox.latest()
    assert (shown["state"], shown["counts"]["created"]) == ("completed", 30)
    assert len(inbox.world.content.live) == 30
    assert outcomes(inbox) == {("created", ""): 21, ("unknown", "result_gone"): 9}
    assert all(one["Email"] for one in inbox.results(shown))
    assert inbox.keys("parts/") == []
    assert not inbox.put_back


def test_an_import_fails_when_its_file_is_gone_too(inbox: DropFolder) -> None:
    """check 8"""
    inbox.deliver(inbox.put(people(30)))
    inbox.work(limit=3)
    remove_parts(inbox)
    remove_file(inbox)
    inbox.work()
    shown = inbox.latest()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "replaced")
    inbox.finish(shown["id"])
    assert outcomes(inbox) == {("unknown", "result_gone"): 30}
    shown = inbox.latest()
    assert shown["counts"]["created"] == 9
    assert inbox.world.send("POST", f"/imports/{shown['id']}/undo").status == 202
    inbox.work()
    assert inbox.latest()["state"] == "undone"
    assert not inbox.world.content.live


def test_a_cancelled_import_ends_when_outputs_are_gone(inbox: DropFolder) -> None:
    """check 8"""
    inbox.deliver(inbox.put(people(30)))
    inbox.work(limit=3)
    remove_parts(inbox, outputs_only=True)
    shown = inbox.latest()
    assert inbox.world.send("POST", f"/imports/{shown['id']}/cancel").status == 200
    inbox.work()
    inbox.finish(shown["id"])
    assert outcomes(inbox) == {("unknown", "result_gone"): 9, ("not_run", ""): 21}
    assert inbox.world.send("POST", f"/imports/{shown['id']}/undo").status == 202
