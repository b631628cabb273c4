"""Files as programs export them become the contacts that their owners have in mind: files of every kind, to the end."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.domain.tenant import TenantSettings
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer

Row = dict[str, Any]


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


def imported(inbox: DropFolder, text: str | bytes, **expected: int) -> list[Row]:
    """Import a file. Returns its contacts as the API shows them, in the order of the rows, each with its row of the
    results as `result`. The counts must be those expected, and zero for the others."""
    shown = inbox.run(text)
    assert shown["state"] == "completed", shown["error"]
    outcomes = ("created", "updated", "merged", "skipped", "unchanged", "failed")
    assert {name: shown["counts"][name] for name in outcomes if shown["counts"][name]} == expected
    found = []
    for row in inbox.results(shown):
        contact = {}
        if row["contact_id"]:
            answer = inbox.world.send("GET", f"/contacts/{row['contact_id']}")
            assert answer.status == 200, answer.text
            contact = answer.json
        found.append({**contact, "result": row})
    return found


def told(contact: Row, *names: str) -> list[Any]:
    return [contact[name] for name in names]


def other_phones(contact: Row) -> list[tuple[str, str]]:
    return [(one["number"], one["label"]) for one in contact["other_phones"]]


def lines(*of: str) -> str:
    return "\r\n".join(of) + "\r\n"


def test_excel_with_its_line_of_the_separator(inbox: DropFolder) -> None:
    (ann,) = imported(
        inbox, lines("sep=;", "Email;First Name;Last Name", "ann@example.com;Ann;Lee"), created=1
    )
    assert told(ann, "email", "first_name", "last_name") == ["ann@example.com", "Ann", "Lee"]


def test_linkedin_with_an_explanation_above_the_header(inbox: DropFolder) -> None:
    (lin,) = imported(
        inbox,
        'Notes:\n"Some members hide their address, which is missing here."\n\n'
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
        "Lin,Moe,https://example.com/in/lin,lin@example.com,Acme,Developer,03 Feb 2024\n",
        created=1,
    )
    assert told(lin, "job_title", "company") == ["Developer", "Acme"]


def test_google_contacts(inbox: DropFolder) -> None:
    ann, bob, cid = imported(
        inbox,
        lines(
            "First Name,Middle Name,Last Name,Organization Name,Organization Title,Labels,E-mail 1 - Label,"
            "E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value",
            "Ann,Q,Lee,Acme,CEO,Clients ::: * myContacts,* Work,ann@example.com,Mobile,(415) 555-0171",
            "Bob,,Moe,,,* myContacts,* ,bob@example.com ::: robert@example.com,,",
            "Cid,,Roe,,,* myContacts,* ,cid@example.com,Mobile,(415) 555-0172 ::: (415) 555-0173",
        ),
        created=3,
    )
    assert sorted(tag["name"] if isinstance(tag, dict) else tag for tag in ann["tags"]) == [
        "Clients",
        "myContacts",
    ]
    assert told(ann, "job_title", "company") == ["CEO", "Acme"]
    assert "Q" in ann["first_name"].split() + [str(value) for value in ann["custom_fields"].values()]
    assert told(bob, "email", "other_emails") == ["bob@example.com", ["robert@example.com"]]
    assert cid["phone"] == "+14155550172"
    assert [number for number, _ in other_phones(cid)] == ["+14155550173"]


def test_outlook_with_several_columns_of_numbers_and_addresses(inbox: DropFolder) -> None:
    ann, bob, cid, dan, eve = imported(
        inbox,
        lines(
            "First Name,Last Name,E-mail Address,E-mail 2 Address,Business Phone,Home Phone,Mobile Phone",
            "Ann,Lee,ann@example.com,,(415) 555-0181,,",
            "Bob,Lee,bob@example.com,,,(415) 555-0182,",
            "Cid,Lee,cid@example.com,,,,(415) 555-0183",
            "Dan,Lee,,dan@example.com,,,(415) 555-0184",
            "Eve,Lee,eve@example.com,,(415) 555-0185,(415) 555-0186,(415) 555-0187",
        ),
        created=5,
    )
    assert [one["phone"] for one in (ann, bob, cid, dan)] == [f"+1415555018{digit}" for digit in (1, 2, 3, 4)]
    assert dan["email"] == "dan@example.com"
    numbers = {eve["phone"], *(number for number, _ in other_phones(eve))}
    assert numbers == {"+14155550185", "+14155550186", "+14155550187"}
    assert {label for _, label in other_phones(eve)} <= {"business", "home", "mobile"}


def test_the_same_header_twice(inbox: DropFolder) -> None:
    (two,) = imported(
        inbox, lines("Email,First Name,Email,First Name", ",,two@example.com,Second"), created=1
    )
    assert told(two, "email", "first_name") == ["two@example.com", "Second"]


def test_one_column_with_the_whole_name(inbox: DropFolder) -> None:
    (ann,) = imported(inbox, lines("Name,Email,Title", "Ann Lee,ann@example.com,Head of Sales"), created=1)
    assert told(ann, "first_name", "last_name", "job_title") == ["Ann", "Lee", "Head of Sales"]


def test_mailchimp_with_quoted_tags(inbox: DropFolder) -> None:
    (ann,) = imported(
        inbox,
        lines(
            "Email Address,First Name,Last Name,TAGS", 'ann@example.com,Ann,Lee,"""vip"",""spends a lot"""'
        ),
        created=1,
    )
    assert sorted(tag["name"] if isinstance(tag, dict) else tag for tag in ann["tags"]) == [
        "spends a lot",
        "vip",
    ]


def test_numbers_with_words_masks_and_extensions(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    """No number has a digit that was not typed, and what is no number costs the field and not the row."""
    inbox = DropFolder(World(aws_stack, token_issuer, TenantSettings(default_country="DE")))
    typed = [
        "030 2312500 (private)",
        "030 231 XX XX XX",
        "302312500.0",
        "030 2312500/01",
        "030 23125-00 DW 12",
    ]
    rows = [f"p{number}@example.com,A,{text}" for number, text in enumerate(typed)]
    found = imported(inbox, lines("Email,First Name,Phone", *rows), created=5)
    assert found[0]["phone"] == found[2]["phone"] == "+49302312500"
    assert found[1]["phone"] is None
    assert found[1]["result"]["message"]
    for one in found[3:]:
        assert one["phone"] in ("+49302312500", None)
        assert one["phone"] or one["result"]["message"]


def test_numbers_that_are_placeholders_masked_or_two(inbox: DropFolder) -> None:
    typed = ["N/A", "-", "0", "(415) 555-0171 x12", "415-555-0171; 415-555-0172", "415-555-XXXX"]
    rows = [f'p{number}@example.com,A,"{text}"' for number, text in enumerate(typed)]
    found = imported(inbox, lines("Email,First Name,Phone", *rows), created=6)
    assert [one["phone"] for one in found] == [None, None, None, "+14155550171", "+14155550171", None]
    assert [bool(one["result"]["message"]) for one in found[:3]] == [False, False, False]
    assert found[5]["result"]["message"]
    assert [number for number, _ in other_phones(found[4])] == ["+14155550172"]


def test_addresses_with_names_prefixes_and_marks(inbox: DropFolder) -> None:
    typed = [
        '"Ann <ann@example.com>"', "mailto:bob@example.com", "cid@example.com\u200b", "\u202adan@example.com\u202c",
        '"eve@example.com; eva@example.com"', "'fay@example.com", "\uff47\uff59@example.com",
    ]  # fmt: skip
    found = imported(inbox, lines("Email,First Name", *(f"{text},A" for text in typed)), created=7)
    assert [one["email"].split("@")[0] for one in found] == ["ann", "bob", "cid", "dan", "eve", "fay", "gy"]
    assert found[4]["other_emails"] == ["eva@example.com"]


def test_one_address_in_two_widths_is_one_contact(inbox: DropFolder) -> None:
    found = imported(
        inbox, lines("Email,First Name", "ann@example.com,A", "\uff41nn@example.com,B"), created=1, skipped=1
    )
    assert found[1]["result"]["reason_code"] == "duplicate_in_file"


def test_a_line_break_within_a_name_of_one_line(inbox: DropFolder) -> None:
    (ann,) = imported(inbox, 'Email,First Name,Company\r\nann@example.com,Ann,"Acme\nInc"\r\n', created=1)
    assert ann["company"] == "Acme Inc"


@pytest.mark.parametrize(
    "header", ["Email *,First Name *", "Invitee Email:,Invitee First Name:", "EMAIL,FIRST_NAME"]
)
def test_headers_with_marks(inbox: DropFolder, header: str) -> None:
    (ann,) = imported(inbox, lines(header, "ann@example.com,Star"), created=1)
    assert told(ann, "email", "first_name") == ["ann@example.com", "Star"]


def test_a_name_without_visible_characters_comes_from_the_address(inbox: DropFolder) -> None:
    (ann,) = imported(inbox, lines("Email,First Name", "invisible@example.com,\u200b"), created=1)
    assert ann["first_name"] == "invisible"


def test_the_results_with_corrected_rows_can_be_imported(inbox: DropFolder) -> None:
    (failed,) = imported(inbox, lines("Email,First Name,Company", "bad,=Ann,@home"), failed=1)
    assert (failed["result"]["First Name"], failed["result"]["Company"]) == ("'=Ann", "'@home")
    results = inbox.object(inbox.results_key(inbox.latest()["id"])).decode("utf-8-sig")
    (ann,) = imported(inbox, results.replace("bad", "ann@example.com", 1), created=1)
    assert told(ann, "first_name", "company") == ["=Ann", "@home"]


def test_a_row_without_an_address_fails_where_one_is_required(inbox: DropFolder) -> None:
    (failed,) = imported(inbox, lines("Email,First Name,Phone", ",Ann,(415) 555-0172"), failed=1)
    assert failed["result"]["reason_code"] == "required"


def test_a_row_without_an_address_is_a_contact_where_none_is_required(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    inbox = DropFolder(World(aws_stack, token_issuer, TenantSettings(require_email=False)))
    (ann,) = imported(inbox, lines("Email,First Name,Phone", ",Ann,(415) 555-0172"), created=1)
    assert told(ann, "email", "phone") == [None, "+14155550172"]


def test_an_encoding_that_the_options_name(inbox: DropFolder) -> None:
    body = "Email;First Name\r\nann@example.com;Анна\r\n".encode("cp1251")
    made = inbox.world.send(
        "POST", "/imports", {"file_name": "people.csv", "options": {"encoding": "Windows-1251"}}
    )
    assert made.status == 201, made.text
    inbox.deliver(inbox.put(body, key=made.json["upload"]["fields"]["key"]))
    assert inbox.world.send("POST", f"/imports/{made.json['id']}/start").status == 202
    inbox.work()
    (contact,) = inbox.world.content.live
    assert contact["first_name"]["S"] == "Анна"


def test_without_its_name_an_encoding_is_taken_for_windows_1252(inbox: DropFolder) -> None:
    (ann,) = imported(inbox, "Email;First Name\r\nann@example.com;Иван\r\n".encode("cp1251"), created=1)
    assert ann["first_name"] == "Èâàí"


def test_an_unknown_encoding_is_refused_when_the_import_is_created(inbox: DropFolder) -> None:
    refused = inbox.world.send("POST", "/imports", {"file_name": "a.csv", "options": {"encoding": "rot13"}})
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "unknown_encoding")


def test_rows_of_words_that_are_names_of_columns(inbox: DropFolder) -> None:
    ann, bob = imported(
        inbox,
        lines("E-Mail;Kanal;Alternativ", "ann@example.com;email;mobile", "bob@example.com;phone;email"),
        created=2,
    )
    assert [ann["email"], bob["email"]] == ["ann@example.com", "bob@example.com"]


def test_results_with_failed_rows_are_a_file_to_import(inbox: DropFolder) -> None:
    """Their column `reason_code` says `email`."""
    shown = inbox.run(lines("email,company", "ann@example.com,Acme", "bad,company", "worse,email"))
    assert (shown["counts"]["created"], shown["counts"]["failed"]) == (1, 2)
    rows = inbox.results(shown)
    assert [row["reason_code"] for row in rows[1:]] == ["email", "email"]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows([*rows[:2], {**rows[2], "email": "eve@example.com"}])
    inbox.run(text.getvalue(), "results.csv")
    (again,) = (one for one in inbox.imports() if one["id"] != shown["id"])
    assert (again["state"], again["counts"]["rows"]) == ("completed", 3)
    assert [row["outcome"] for row in inbox.results(again)] == ["skipped", "failed", "created"]


@pytest.mark.parametrize(
    "address",
    ["EMAIL;type=INTERNET;type=HOME;type=pref:", "EMAIL;TYPE=INTERNET:", "EMAIL;PREF;INTERNET:", "X-NONE:"],
)
def test_cards_are_no_table(inbox: DropFolder, address: str) -> None:
    shown = inbox.run(
        lines(
            "BEGIN:VCARD",
            "VERSION:3.0",
            "N:Lee;Ann;;;",
            "TEL;type=CELL:1",
            f"{address}ann@example.com",
            "END:VCARD",
        )
    )
    assert (shown["state"], shown["error"]["code"]) == ("failed", "vcard")
