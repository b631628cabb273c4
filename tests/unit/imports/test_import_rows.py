"""From rows to contacts' fields, and back to results."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.domain.csv_file import Row, read_rows
from shared.domain.errors import Invalid
from shared.domain.import_file import Layout, survey
from shared.domain.import_rows import Fate, contact_fields, failed, result_header, result_rows
from shared.domain.tenant import Settings


def fields_of(text: str, settings: Settings | None = None) -> dict[str, Any]:
    layout, row = read(text)
    return contact_fields(row, layout, settings or Settings())


def read(text: str) -> tuple[Layout, Row]:
    layout, _ = survey(text.encode())
    _, row = read_rows([text.encode()], layout.encoding, layout.delimiter)
    return layout, row


def refusal_of(text: str, settings: Settings | None = None) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        fields_of(text, settings)
    return refusal.value


def test_empty_cells_count_as_not_given() -> None:
    given = fields_of("email,first name,phone,tags\nada@example.com, ,,\n")
    assert (given["first_name"], given["phone"], given["tags"]) == ("ada", None, [])


def test_the_tenants_settings_hold_for_rows_too() -> None:
    assert (
        fields_of("email,phone\na@example.com,020 7946 0958\n", Settings(default_country="GB"))["phone"]
        == "+442079460958"
    )
    assert (
        refusal_of('email,tags\na@example.com,"a,b"\n', Settings(max_tags_per_contact=1)).errors[0].code
        == "too_many_tags"
    )


def test_an_address_is_required_even_where_the_api_does_not() -> None:
    assert refusal_of("email,first name\n,Ada\n", Settings(require_email=False)).errors[0].code == "required"


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("email\nnobody\n", "email", "email"),
        ("email,phone\na@example.com,12\n", "phone", "phone_too_short"),
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


def test_all_refused_fields_are_told_with_the_line() -> None:
    _, row = read("email,phone,whatsapp\na@example.com,12,34\n")
    fate = failed(row, refusal_of("email,phone,whatsapp\na@example.com,12,34\n"))
    assert fate.code == "phone_too_short"
    assert fate.message.startswith("Line 2: phone: ")
    assert "whatsapp: " in fate.message


def test_cells_beyond_the_header_are_let_pass_when_empty() -> None:
    assert fields_of("email\na@example.com,,,\n")["email"] == "a@example.com"


def test_check_84_formulas_are_defused_in_results() -> None:
    layout = Layout("utf-8", ",", ("email", "=header"), {"email": 0})
    cells = ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'x", "1=1"]
    rows = [(number, Row([cell, ""], 1, 2, 3), Fate("failed")) for number, cell in enumerate(cells, 1)]
    text = (result_header(layout) + result_rows(layout, rows)).decode()
    header, *read_again = csv.reader(io.StringIO(text, newline=""))
    assert header[:2] == ["email", "'=header"]
    assert [row[0] for row in read_again] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'\nx", "'x", "1=1",
    ]  # fmt: skip
