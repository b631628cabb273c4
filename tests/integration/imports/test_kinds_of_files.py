"""Further kinds of files, beside those of `test_files_of_programs.py`: what each row becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from shared.domain.tenant import TenantSettings
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer

Open = Callable[[TenantSettings], DropFolder]


class Kind(NamedTuple):
    """A kind of file. `rows`: what each row becomes, by field; `outcome` and `reason_code` are those of the results."""

    text: str
    rows: list[dict[str, Any]]
    settings: TenantSettings = TenantSettings()
    encoding: str = "utf-8"


GERMAN = TenantSettings(default_country="DE")


def phones(*numbers: str) -> list[dict[str, Any]]:
    """Return further numbers, each given as its label and the last digits of a number in San Francisco."""
    return [
        {"label": label, "number": f"+1415555{digits}", "raw": f"415-555-{digits}"}
        for label, _, digits in (number.rpartition(" ") for number in numbers)
    ]


KINDS: dict[str, Kind] = {
    "Google Contacts": Kind(
        "First Name,Middle Name,Last Name,Name Prefix,Organization Name,Organization Title,Labels,E-mail 1 - Label,"
        "E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\r\n"
        "Eva,R,Bern,Dr.,Ajax,CTO,Climbing ::: * myContacts,* Home,e1@ex.example,Mobile,415-555-2601\r\n"
        "Ned,,Nod,,,,* myContacts,* ,n1@ex.example ::: n2@ex.example,Work,415-555-2602 ::: 415-555-2603\r\n",
        [
            {
                "full_name": "Eva R Bern", "company": "Ajax", "job_title": "CTO", "tags": ["Climbing", "myContacts"],
                "phone": "+14155552601", "custom_fields": {"name_prefix": "Dr."},
            },
            {"other_emails": ["n2@ex.example"], "phone": "+14155552602", "other_phones": phones("work 2603")},
        ],
    ),
    "Outlook in German": Kind(
        "Anrede;Vorname;Nachname;Firma;Position;E-Mail-Adresse;Telefon geschäftlich;Mobiltelefon;Notizen;Kategorien\r\n"
        'Herr;Jörg;Weiß;Größe GmbH;Leiter;j@ex.example;030 2312500;0171 1234567;"Zeile 1\r\nZeile 2";Kunde\r\n',
        [
            {
                "full_name": "Jörg Weiß", "company": "Größe GmbH", "job_title": "Leiter", "phone": "+49302312500",
                "other_phones": [{"label": "mobile", "number": "+491711234567", "raw": "0171 1234567"}],
                "about": "Zeile 1\r\nZeile 2", "tags": ["Kunde"],
            }
        ],
        GERMAN,
        "windows-1252",
    ),
    "HubSpot": Kind(
        "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Job Title,Associated Company\n"
        "901,Gil,Hub,g@ex.example,415-555-2621,customer,Buyer,Ajax\n"
        "902,Gus,Hub,g2@ex.example,,marketingqualifiedlead,,\n",
        [
            {"lifecycle_stage": "customer", "company": "Ajax", "job_title": "Buyer"},
            {"lifecycle_stage": "awareness", "outcome": "created", "reason_code": "literal_error"},
        ],
    ),
    "Calendly": Kind(
        "User Name,User Email,Invitee Name,Invitee Email,Text Reminder Number,Event Type Name\n"
        "Host,host@ex.example,Cal Endly,c@ex.example,+1 415-555-2631,Half an hour\n",
        [{"full_name": "Cal Endly", "email": "c@ex.example", "phone": "+14155552631", "other_emails": []}],
    ),
    "the same header twice": Kind(
        "Email,First Name,Company,Email,First Name,Company\r\n,,,t1@ex.example,Two,Ajax\r\n"
        "t2@ex.example,One,Ajax,t3@ex.example,One,Acme\r\n",
        [
            {"email": "t1@ex.example", "first_name": "Two", "company": "Ajax", "reason_code": ""},
            {"email": "t2@ex.example", "other_emails": ["t3@ex.example"], "reason_code": "further_value"},
        ],
    ),
    "words and masks at numbers": Kind(
        "Email,First Name,Phone\r\nw1@ex.example,A,030 2312501 (Büro)\r\nw2@ex.example,B,030 231 ** **\r\n"
        "w3@ex.example,C,302312503.0\r\nw4@ex.example,D,030 2312504/02\r\nw5@ex.example,E,030 23125-05 Durchwahl 7\r\n",
        [
            {"phone": "+49302312501", "phone_raw": "030 2312501 (Büro)"},
            {"phone": None, "outcome": "created", "reason_code": "phone_masked"},
            {"phone": "+49302312503"},
            {"phone": "+49302312504", "phone_raw": "030 2312504/02"},
            {"phone": "+49302312505", "phone_raw": "030 23125-05 Durchwahl 7"},
        ],
        GERMAN,
    ),
    "addresses with what is around them": Kind(
        "Email,First Name\r\n\"Lee, Ann <z1@ex.example>\",A\r\nMAILTO:z2@ex.example,B\r\n\u200bz3@ex.example,C\r\n"
        "\u2067z4@ex.example\u2069,D\r\n\"z5@ex.example, z6@ex.example\",E\r\n'z7@ex.example,F\r\n"
        "ｚ８@ex.example,G\r\n",
        [
            *({"email": f"z{number}@ex.example", "other_emails": []} for number in (1, 2, 3, 4)),
            {"email": "z5@ex.example", "other_emails": ["z6@ex.example"]},
            {"email": "z7@ex.example"},
            {"email": "z8@ex.example"},
        ],
    ),
    "no address": Kind(
        "Email,First Name,Phone\r\n,Nora,415-555-2651\r\nnone,Nils,\r\nnobody,Nina,\r\n",
        [
            {"email": None, "first_name": "Nora", "phone": "+14155552651", "reason_code": ""},
            {"email": None, "first_name": "Nils", "reason_code": ""},
            {"email": None, "first_name": "Nina", "reason_code": "email"},
        ],
        TenantSettings(require_email=False),
    ),
}  # fmt: skip


@pytest.fixture
def open_folder(aws_stack: Stack, token_issuer: TokenIssuer) -> Open:
    return lambda settings: DropFolder(World(aws_stack, token_issuer, settings))


def imported(inbox: DropFolder, body: bytes) -> list[dict[str, Any]]:
    """Import a file. Returns what each row became: the contact, if there is one, and the fate of the row."""
    results = inbox.results(inbox.run(body))
    found = []
    for row in results:
        shown: dict[str, Any] = {}
        if row["contact_id"]:
            answer = inbox.world.send("GET", f"/contacts/{row['contact_id']}")
            assert answer.status == 200, answer.text
            shown = answer.json
        found.append({**shown, **{name: row[name] for name in ("outcome", "reason_code")}})
    return found


@pytest.mark.parametrize("name", KINDS)
def test_check_82_every_kind_of_file_is_read_as_it_was_meant(name: str, open_folder: Open) -> None:
    kind = KINDS[name]
    found = imported(open_folder(kind.settings), kind.text.encode(kind.encoding))
    assert len(found) == len(kind.rows)
    for row, wanted in zip(found, kind.rows, strict=True):
        wanted = {"outcome": "created", **wanted}
        assert {field: row.get(field) for field in wanted} == wanted
