"""Files that are no tables, or are made to do harm: each has a clear result, and nothing else is affected."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

import pytest

from shared.domain.tenant import TenantSettings
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer
from tests.support.workbooks import HOSTILE, archive, workbook

GOOD = "Email,First Name\ngood@example.com,Good\n"

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an archive of a CSV file": (lambda: archive({"people.csv": GOOD}), "zip"),
    "a compressed CSV file": (lambda: gzip.compress(GOOD.encode()), "gzip"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "excel"),
    "a document": (lambda: b"%PDF-1.7\n" + bytes(2_000), "pdf"),
    "an image": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(2_000), "image"),
    "a web page": (lambda: b"<!DOCTYPE html><p>Email</p>", "html"),
    "random bytes": (lambda: random.Random(1).randbytes(5_000), "not_csv"),
    "nothing": (lambda: b"", "empty"),
    "blanks": (lambda: b"\xef\xbb\xbf\r\n ; ;\r\n\x1a", "empty"),
    "NULs": (lambda: bytes(5_000), "empty"),
    "no header": (lambda: b"ann@example.com,Ann\nbob@example.com,Bob\n", "no_email_column"),
    "no column of addresses": (lambda: b"First Name,Last Name\nAda,Lovelace\n", "no_email_column"),
    "an unclosed quote in the header": (lambda: b'"Email,First Name\nann@example.com,Ann\n', "not_csv"),
    "5,000 columns": (lambda: b"Email" + b",x" * 5_000 + b"\nann@example.com\n", "too_many_columns"),
    "a header of 100 KB": (lambda: b"Email," + b"x" * 100_000 + b"\nann@example.com\n", "header_too_long"),
    **{name: HOSTILE[name] for name in ("billion laughs", "a zip bomb", "a macro workbook", "changed bytes")},
}


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


def test_check_83_every_hostile_file_has_a_clear_result_and_affects_no_other(inbox: DropFolder) -> None:
    bodies = [make() for make, _ in REFUSED.values()]
    for number, body in enumerate(bodies):
        inbox.deliver(inbox.put(body, f"{number}.csv"))
    inbox.run(GOOD, "good.csv")
    found = {one["file_name"]: one for one in inbox.imports()}
    assert (found["good.csv"]["state"], found["good.csv"]["counts"]["created"]) == ("completed", 1)
    for number, (name, (_, code)) in enumerate(REFUSED.items()):
        one = found[f"{number}.csv"]
        assert (one["state"], one["error"]["code"]) == ("failed", code), name
        assert one["error"]["message"].endswith("."), name
        assert one["counts"]["rows"] == 0, name
        assert inbox.object(f"tenants/T1/inbox/{number}.csv") == bodies[number], name
    assert [contact["email"]["S"] for contact in inbox.world.content.live] == ["good@example.com"]


def test_the_first_sheet_of_a_workbook_is_imported(inbox: DropFolder) -> None:
    rows = [
        ["Contacts as of today"],
        [],
        ["Email", "First Name", "Phone", "Notes", "Since"],
        ["ann@example.com", "Ann", 4155552671.0, "two\nlines", 3],
        ["no address", "Bob", "", "", 1.5],
        [],
        ["cid@example.com", "Cid", "", "", True],
    ]
    shown = inbox.run(workbook(rows), "people.xlsx")
    assert (shown["state"], shown["counts"]["created"], shown["counts"]["failed"]) == ("completed", 2, 1)
    contacts = {contact["email"]["S"]: contact for contact in inbox.world.content.live}
    assert contacts["ann@example.com"]["phone"]["S"] == "+14155552671"
    assert contacts["ann@example.com"]["about"]["S"] == "two\nlines"
    results = inbox.results(shown)
    assert [(row["First Name"], row["Since"], row["outcome"]) for row in results] == [
        ("Ann", "3", "created"),
        ("Bob", "1.5", "failed"),
        ("Cid", "TRUE", "created"),
    ]
    assert results[1]["message"].startswith("Line 5: ")


def test_a_workbook_is_known_by_its_content_whatever_its_name(inbox: DropFolder) -> None:
    shown = inbox.run(workbook([["Email"], ["ann@example.com"]]), "people.csv")
    assert (shown["state"], shown["counts"]["created"]) == ("completed", 1)


def test_check_82_an_unclosed_quote_and_5_000_cells_cost_their_own_rows(inbox: DropFolder) -> None:
    lines = [
        "sep=;",
        "Email;First Name",
        '"ann@example.com" ; "Ann"',
        'bob@example.com;"Bob',
        "cid@example.com" + ";x" * 5_000,
        "dan@example.com;Dan",
        "eve@example.com;" + "x" * 1_048_576,
        'fay@example.com;"Fay"',
    ]
    shown = inbox.run("\r\n".join(lines) + "\r\n\x1a", "people.csv")
    results = inbox.results(shown)
    assert [(row["outcome"], row["reason_code"], row["message"][:6]) for row in results] == [
        ("created", "", ""),
        ("failed", "quotes", "Line 4"),
        ("failed", "too_many_cells", "Line 5"),
        ("created", "", ""),
        ("failed", "row_too_long", "Line 7"),
        ("created", "", ""),
    ]
    assert sum(shown["counts"][outcome] for outcome in ("created", "failed")) == shown["counts"]["rows"] == 6


def test_a_file_without_addresses_is_imported_where_contacts_need_none(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    inbox = DropFolder(World(aws_stack, token_issuer, TenantSettings(require_email=False)))
    shown = inbox.run("First Name,Phone\nAnn,4155552671\n", "people.csv")
    assert (shown["state"], shown["counts"]["created"]) == ("completed", 1)
