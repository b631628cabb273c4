"""The formats of exports, read back by other programs' readers."""

from __future__ import annotations

import csv
import errno
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import Invalid, RuleBroken
from shared.domain.exports.fields import FIELDS, Exported, check_fields, columns_of
from shared.domain.exports.formats import CsvEncoder, JsonLinesEncoder, VcardEncoder
from shared.domain.exports.record import ExportTask
from shared.domain.exports.vcard import _WITH_PROPERTIES
from shared.domain.ids import new_id
from shared.domain.jobs.bulk import BulkTask
from shared.files.export_workbook import write_workbook
from shared.files.queues.bulk import from_message, to_message
from tests.support.budgets import repetitions

AT = "2026-05-04T09:30:00.000Z"
TEXTS = st.lists(
    st.sampled_from([*"aé漢\u05e9😀 ,;:\\\"'=\n", "\r\n", "END:VCARD", "\\n", "x" * 40]), max_size=12
).map(lambda parts: "".join(parts).strip())


def shown(**fields: Any) -> Exported:
    bookkeeping = {"created_at": AT, "created_by": "user:u", "updated_at": AT, "updated_by": "user:u"}
    contact = ContactShown(
        id=new_id(), **{"first_name": "Ada", "full_name": "Ada Lovelace", **bookkeeping, **fields}
    )
    return Exported(contact, "owner@example.com", "CUST000001")


SHOWN_IN_FULL = shown(
    last_name="Lovelace",
    email="ada@example.com",
    other_emails=["ada@home.example.com"],
    phone="+12025550143",
    phone_raw="(202) 555-0143",
    whatsapp="+442079460958",
    whatsapp_raw="020 7946 0958",
    other_phones=[{"label": "Mobile", "number": "+12025550144", "raw": None}],
    company="Engines",
    department="Research",
    job_title="Programmer",
    about="Notes",
    tags=["vip"],
    types=["Supplier"],
    groups=["Spring"],
    relationship_status="prospect",
    lifecycle_stage="awareness",
    customer_name="Mary",
    organizer_ids=["u1"],
    merged_from=["x1"],
    last_booking_at=AT,
    last_contacted_at=AT,
    next_follow_up_at=AT,
    communication={
        "preferred": "email",
        "opt_outs": {"email": {"opted_out": True, "at": AT, "by": "user:u", "source": "api", "reason": ""}},
    },
)


def card_of(exported: Exported, *chosen: str) -> Any:
    text = VcardEncoder(chosen or None).encode([exported]).decode()
    (card,) = vobject.readComponents(text)
    return card


def test_a_vcard_has_all_of_a_contact() -> None:
    exported = shown(
        last_name="Lovelace",
        email="ada@example.com",
        other_emails=["ada@home.example.com"],
        phone="+12025550143",
        whatsapp="+442079460958",
        other_phones=[
            {"label": "Mobile", "number": "+12025550144", "raw": None},
            {"label": "garden, back", "number": "+12025550145", "raw": None},
            {"label": "", "number": "+12025550146", "raw": None},
        ],
        company="Engines; Analytical",
        department="R,D",
        job_title="Programmer",
        about="one\ntwo",
        tags=["vip", "a;b"],
        custom_fields={"visits": 3},
    )
    card = card_of(exported)
    assert (card.version.value, card.fn.value) == ("4.0", "Ada Lovelace")
    assert (card.n.value.family, card.n.value.given) == ("Lovelace", "Ada")
    assert card.uid.value == f"urn:uuid:{exported.contact.id}" and card.rev.value == "20260504T093000Z"
    assert [one.value for one in card.email_list] == ["ada@example.com", "ada@home.example.com"]
    assert card.email_list[0].params == {"PREF": ["1"]}
    phones = [(one.value, one.params.get("TYPE"), one.group) for one in card.tel_list]
    assert phones == [
        ("+12025550143", None, None),
        ("+12025550144", ["cell"], None),
        ("+12025550145", None, "item2"),
        ("+12025550146", None, None),
    ]
    assert card.impp.value == "whatsapp:+442079460958"
    assert card.org.value == ["Engines; Analytical", "R,D"]
    assert (card.title.value, card.note.value) == ("Programmer", "one\ntwo")
    assert card.categories.value == ["vip", "a;b"]
    (custom,) = card.contents["x-custom-field"]
    assert (custom.params, custom.value) == ({"X-KEY": ["visits"]}, "3")


def test_a_vcard_of_chosen_fields_has_no_others() -> None:
    exported = shown(email="ada@example.com", phone="+12025550143", custom_fields={"a": "1", "b": "2"})
    card = card_of(exported, "phone", "custom.b")
    assert sorted(card.contents) == ["fn", "n", "tel", "uid", "version", "x-custom-field"]
    assert [one.value for one in card.contents["x-custom-field"]] == ["2"]


@settings(max_examples=repetitions(150))
@given(TEXTS, TEXTS, st.lists(TEXTS.filter(bool), max_size=3))
def test_any_text_comes_back_from_a_vcard_whose_lines_are_folded(
    name: str, about: str, tags: list[str]
) -> None:
    exported = shown(full_name=name or "x", first_name=name, about=about, tags=tags)
    file = VcardEncoder(None).encode([exported])
    assert all(len(line) <= 75 for line in file.split(b"\r\n"))
    (card,) = vobject.readComponents(file.decode())

    def plain(text: str) -> str:
        return text.replace("\r\n", "\n")

    assert card.fn.value == plain(name or "x") and card.n.value.given == plain(name)
    assert ("note" in card.contents) == bool(about) and (not about or card.note.value == plain(about))
    assert (card.categories.value if tags else []) == [*map(plain, tags)]


def test_a_csv_is_read_by_any_reader() -> None:
    exported = shown(about='a "b"\nc, d', company="=1+1", tags=["x", "y"])
    columns = columns_of(("company", "about", "tags"), ())
    encoder = CsvEncoder(columns, "\t")
    text = (encoder.head() + encoder.encode([exported])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter="\t")) == [
        ["Company", "Notes", "Tags"],
        ["'=1+1", 'a "b"\nc, d', "x, y"],
    ]


def test_custom_fields_that_the_columns_do_not_know_are_in_a_last_column() -> None:
    """They were given after the survey of keys."""
    exported = shown(custom_fields={"a": 1, "b": True, "c": "\u6f22", "d": "x"})
    columns = columns_of(("custom.d", "custom_fields"), ["a"])
    assert [column.header for column in columns] == ["custom.d", "custom.a", "Other Custom Fields"]
    assert [column.value_of(exported) for column in columns] == ["x", 1, '{"b":true,"c":"\u6f22"}']
    assert columns[-1].value_of(shown(custom_fields={"a": 1})) == ""


def test_jsonl_has_every_field_that_the_api_shows_of_a_contact() -> None:
    exported = shown(owner_id="u1", customer_id="c1", customer_name="Mary")
    names = [*ContactShown.model_fields]
    assert check_fields(names, is_json=True) == tuple(names)
    line = json.loads(JsonLinesEncoder(names).encode([exported]))
    assert line == json.loads(JsonLinesEncoder(None).encode([exported]))
    with pytest.raises(Invalid) as refused:
        check_fields(["owner_id"], is_json=False)
    assert refused.value.errors[0].code == "not_in_format" and "jsonl" in refused.value.errors[0].message


def test_a_vcard_has_every_field_of_exports() -> None:
    """Those for which vCards have no property are named like the columns of spreadsheets."""
    text = VcardEncoder(None).encode([SHOWN_IN_FULL]).decode().replace("\r\n ", "")
    for name in (name for name in FIELDS if name not in _WITH_PROPERTIES):
        card = VcardEncoder((name,)).encode([SHOWN_IN_FULL]).decode().replace("\r\n ", "")
        (line,) = (one for one in card.splitlines() if one.startswith("X-"))
        assert line in text.splitlines(), name
    for name in sorted(_WITH_PROPERTIES):
        value = getattr(SHOWN_IN_FULL.contact, name)
        first = value[0] if isinstance(value, list) else value
        said = first["number"] if isinstance(first, dict) else first
        assert (said in text) or name == "updated_at", name


def test_a_line_of_json_has_the_values_of_the_chosen_fields() -> None:
    exported = shown(tags=["x"], custom_fields={"a": 1})
    line = JsonLinesEncoder(("tags", "owner_email", "is_active", "custom.a", "custom.b")).encode([exported])
    assert json.loads(line) == {
        "tags": ["x"],
        "owner_email": "owner@example.com",
        "is_active": True,
        "custom_fields": {"a": 1},
    }
    assert line.count(b"\n") == 1


def test_a_workbook_has_texts_and_figures() -> None:
    exported = shown(company="=1+1", about="one\ntwo", total_bookings=3, custom_fields={"n": 1})
    columns = columns_of(("company", "about", "total_bookings", "custom.n"), ())
    with write_workbook(columns, [exported]) as file:
        rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    assert rows == [["Company", "Notes", "Total Bookings", "custom.n"], ["=1+1", "one\ntwo", 3, "1"]]


@pytest.mark.parametrize("text", ["a", "\u6f22", "&", "<b>"])
def test_a_workbook_counts_the_bytes_that_its_rows_take_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    """Not characters: one takes up to three bytes, and one that XML escapes up to five."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("shared.files.export_workbook._MAX_ROWS_BYTES", 100_000)
    columns = columns_of(("about", "first_name", "total_bookings"), ())
    sizes: list[int] = []

    def contacts() -> Iterator[Exported]:
        for _ in range(2_000):
            yield shown(about=text * 100, total_bookings=7)
            sizes.append(sum(one.stat().st_size for one in tmp_path.rglob("*") if one.is_file()))

    with pytest.raises(RuleBroken) as refused, write_workbook(columns, contacts()):
        pass
    assert refused.value.code == "export_too_large"
    assert 20_000 < max(sizes) < 100_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_at_the_end", [False, True])
def test_a_workbook_for_which_the_disk_has_no_room_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_at_the_end: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = (
        "xlsxwriter.workbook.Workbook._store_workbook"
        if is_at_the_end
        else "xlsxwriter.worksheet.Worksheet._write_row"
    )
    monkeypatch.setattr(place, refuse)
    with (
        pytest.raises(RuleBroken) as refused,
        write_workbook(columns_of(("about",), ()), [shown(about="x"), shown(about="y")]),
    ):
        pass
    assert refused.value.code == "export_too_large"
    assert list(tmp_path.iterdir()) == []


def test_every_field_has_a_header_of_its_own() -> None:
    headers = [field.header for field in FIELDS.values()]
    assert len(set(headers)) == len(headers)
    assert {name for name in ContactShown.model_fields if name in FIELDS} >= {
        "first_name",
        "email",
        "about",
        "id",
    }


@pytest.mark.parametrize("task", [ExportTask("T1", "j", 2, "t"), BulkTask("T1", "j", 2, "t")])
def test_a_message_names_its_kind_of_job(task: ExportTask | BulkTask) -> None:
    read = from_message(to_message(task))
    assert (type(read), read, read.id) == (type(task), task, "t")


def test_a_message_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not a portion"):
        from_message('{"tenant_id": "T1", "job_id": "j", "number": 1, "id": "t", "kind": "other"}')
