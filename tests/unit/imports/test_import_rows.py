"""From rows to the fields of contacts, and to rows of the results."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.domain.errors import Invalid
from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.dialect import survey
from shared.domain.imports.results import Fate, fail_row, result_header, result_rows
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.tenant import TenantSettings


def read(text: str, settings: TenantSettings | None = None) -> ReadRow:
    layout, row = file_of(text)
    return RowReader(layout, ImportOptions(), settings or TenantSettings()).read(row)


def fields_of(text: str, settings: TenantSettings | None = None) -> dict[str, Any]:
    found = read(text, settings)
    assert found.fields is not None, found.error
    return dict(found.fields)


def file_of(text: str) -> tuple[Layout, Row]:
    layout, _ = survey(text.encode())
    _, row = read_rows([text.encode()], layout.encoding, layout.delimiter)
    return layout, row


def refusal_of(text: str, settings: TenantSettings | None = None) -> Invalid:
    found = read(text, settings)
    assert found.error is not None
    return found.error


def test_empty_cells_count_as_not_given() -> None:
    given = fields_of("email,first name,phone,tags\nada@example.com, ,,\n")
    assert given == {"email": "ada@example.com", "first_name": "ada"}


def test_an_invisible_tag_does_not_fail_the_row() -> None:
    assert fields_of('email,tags\nada@example.com,"vip,\u200b, ,\u2060\u3164,new"\n')["tags"] == [
        "vip",
        "new",
    ]


def test_the_tenants_settings_apply_to_rows() -> None:
    assert (
        fields_of("email,phone\na@example.com,020 7946 0958\n", TenantSettings(default_country="GB"))["phone"]
        == "+442079460958"
    )
    assert (
        refusal_of('email,tags\na@example.com,"a,b"\n', TenantSettings(max_tags_per_contact=1)).errors[0].code
        == "too_many_tags"
    )


def test_an_address_is_required_even_where_the_api_does_not() -> None:
    assert (
        refusal_of("email,first name\n,Ada\n", TenantSettings(require_email=False)).errors[0].code
        == "required"
    )


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("email\nnobody\n", "email", "email"),
        ('email,first name\na@example.com,"nul\0"\n', "first_name", "string_pattern_mismatch"),
        (f"email,company\na@example.com,{'x' * 201}\n", "company", "string_too_long"),
        (f"email,tags\na@example.com,{'x' * 51}\n", "tags", "string_too_long"),
        ("email\na@example.com,x\n", "row", "too_many_cells"),
        ("email\na@exam\ufffdple.com\n", "email", "unreadable"),
    ],
)
def test_a_refusal_names_field_and_reason_and_repeats_no_value(text: str, field: str, code: str) -> None:
    (error,) = refusal_of(text).errors
    assert (error.field, error.code) == (field, code)
    assert "example" not in error.message
    assert "xxx" not in error.message


def test_all_refused_fields_are_reported_with_the_line() -> None:
    text = f"email,company,department\na@example.com,{'x' * 201},{'y' * 201}\n"
    fate = fail_row(file_of(text)[1], refusal_of(text))
    assert fate.code == "string_too_long"
    assert fate.message.startswith("Line 2: company: ")
    assert "department: " in fate.message


UNUSABLE = {
    "415-555-XXXX": "phone_masked",
    "N/A": "phone_no_digits",
    "-": "phone_no_digits",
    "0": "phone_too_short",
    "12": "phone_too_short",
    "415-555-2671 / 415-555-2672": "phone_two_numbers",
    "x" * 80: "phone_too_long",
}


@pytest.mark.parametrize("number", UNUSABLE)
def test_a_number_that_cannot_be_read_fails_the_field_and_not_the_row(number: str) -> None:
    """check 105: and the results say so."""
    text = f"email,phone,whatsapp\na@example.com,{number},{number}\n"
    assert fields_of(text) == {"email": "a@example.com", "first_name": "a"}
    fate = Fate("created", "c1", warnings=read(text).warnings)
    assert fate.reason_code == UNUSABLE[number]
    assert fate.words.startswith("phone: ") and " whatsapp: " in fate.words


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("030 2312500 (privat)", "+49302312500"),
        ("302312500.0", "+49302312500"),
        ("030 2312500 DW 12", "+49302312500"),
    ],
)
def test_text_after_a_number_is_kept_with_it(number: str, stored: str) -> None:
    text, german = f"email,phone\na@example.com,{number}\n", TenantSettings(default_country="DE")
    given = fields_of(text, german)
    assert (given["phone"], given["phone_raw"]) == (stored, number)
    assert read(text, german).warnings == ()


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("Ann <nm1@ex.example>", "nm1@ex.example"),
        ("mailto:nm2@ex.example", "nm2@ex.example"),
        ("nm7@ex.example\u200b", "nm7@ex.example"),
        ("\u202anm13@ex.example\u202c", "nm13@ex.example"),
        ("'nm10@ex.example", "nm10@ex.example"),
        ("ｆｗ5@ex.example", "fw5@ex.example"),
    ],
)
def test_an_address_is_read_as_files_have_it(cell: str, stored: str) -> None:
    given = fields_of(f"email\n{cell}\n")
    assert (given["email"], given["first_name"]) == (stored, stored.partition("@")[0])


def test_an_invisible_name_is_taken_from_the_address() -> None:
    assert fields_of("email,first name\nada@example.com,\u200b\n")["first_name"] == "ada"


def test_the_mark_against_formulas_is_removed_again() -> None:
    """check 84: a results file that is corrected and imported gives the same values as the first file."""
    header, names = "email,first name,last name,company,phone\n", ["=Ann", "-Lee", "@home", "+14155552671"]
    layout, row = file_of(f"{header}bad,{','.join(names)}\n")
    results = (result_header(layout) + result_rows(layout, [(1, row, Fate("failed"))])).decode()
    assert "'=Ann" in results
    given = fields_of(results.replace("bad", "a@example.com"))
    assert [given[name] for name in ("first_name", "last_name", "company", "phone")] == names
    assert fields_of("email,last name\na@example.com,'t Hooft\n")["last_name"] == "'t Hooft"


def test_a_line_break_in_a_cell_of_one_line_is_a_space() -> None:
    assert fields_of('email,company\na@example.com,"Acme\nInc"\n')["company"] == "Acme Inc"


def test_empty_cells_beyond_the_header_are_accepted() -> None:
    assert fields_of("email\na@example.com,,,\n")["email"] == "a@example.com"


def test_check_84_formulas_are_marked_in_results() -> None:
    header = ("email", "=header")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    cells = ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'x", "1=1"]
    rows = [(number, Row([cell, ""], 1, 2), Fate("failed")) for number, cell in enumerate(cells, 1)]
    text = (result_header(layout) + result_rows(layout, rows)).decode()
    first, *read_again = csv.reader(io.StringIO(text, newline=""))
    assert first[:2] == ["email", "'=header"]
    assert [row[0] for row in read_again] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'\nx", "'x", "1=1",
    ]  # fmt: skip
