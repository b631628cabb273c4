"""Excel workbooks as CSV, and workbooks that are made to do harm."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
import xlsxwriter

from shared.domain.imports.file import BadFile
from shared.files import workbook as reader
from shared.files.spreadsheets import open_workbook
from tests.support.workbooks import HEADER, HOSTILE, archive, parts, text_cell, workbook


def lines_of(data: bytes) -> list[str]:
    """Convert a workbook in a process of its own, and return the lines of its CSV."""
    with open_workbook(data[at : at + 1_000] for at in range(0, len(data), 1_000)) as sheet:
        return sheet.read().decode().splitlines()


def convert(data: bytes) -> list[str]:
    """Convert a workbook in this process."""
    sheet = io.BytesIO()
    reader.convert(io.BytesIO(data), sheet)
    return sheet.getvalue().decode().split("\n")


def test_the_first_sheet_is_read_in_a_process_of_its_own() -> None:
    assert lines_of(workbook([["Email", "First Name"], ["a@example.com", "Ann, Bob"]])) == [
        "Email,First Name",
        'a@example.com,"Ann, Bob"',
    ]


@pytest.fixture
def values() -> list[str]:

    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        formats = {
            code: book.add_format({"num_format": code})
            for code in ("yyyy-mm-dd", "dd/mm/yyyy hh:mm:ss", "[h]:mm:ss", "hh:mm", "0.00", '"+"0')
        }
        given: list[tuple[Any, str | None]] = [
            (datetime(2024, 2, 29, tzinfo=UTC).replace(tzinfo=None), "yyyy-mm-dd"),
            (datetime(2024, 2, 29, 13, 5, 7, tzinfo=UTC).replace(tzinfo=None), "dd/mm/yyyy hh:mm:ss"),
            (1.5, "[h]:mm:ss"),
            (0.25, "hh:mm"),
            (14155552671, None),
            (14155552671, '"+"0'),
            (-5.0, "0.00"),
            (0.1 + 0.2, None),
            (1234.5, None),
            (True, None),
            (False, None),
            ("007", None),
            ("two\nlines\r\nmore", None),
            ("  blanks ", None),
        ]
        for row, (value, code) in enumerate(given):
            sheet.write(row, 0, value, formats[code] if code else None)
        sheet.write_formula(len(given), 0, '="x"&"y"', None, "xy")
        sheet.write_formula(len(given) + 1, 0, "=1/0", None, "#DIV/0!")
        sheet.write_formula(len(given) + 2, 0, "=2+2", None, 4)
    return convert(made.getvalue())


def test_values_are_written_as_excel_shows_them_and_dates_as_iso(values: list[str]) -> None:
    assert values[:14] == [
        "2024-02-29",
        "2024-02-29T13:05:07",
        "36:00:00",
        "06:00:00",
        "14155552671",
        "14155552671",
        "-5",
        "0.3",
        "1234.5",
        "TRUE",
        "FALSE",
        "007",
        "two\u2028lines\u2028more",
        "  blanks ",
    ]


def test_of_formulas_the_values_are_read(values: list[str]) -> None:
    assert values[14:17] == ["xy", '""', "4"]


def test_dates_and_times_of_each_type_have_a_text() -> None:
    written = {kind: reader._TEXTS[kind] for kind in (date, time, timedelta, datetime, int)}
    assert written[date](date(1999, 12, 31)) == "1999-12-31"
    assert written[time](time(8, 30, 1, 400)) == "08:30:01"
    assert written[timedelta](timedelta(days=2, hours=3, seconds=4)) == "51:00:04"
    assert written[datetime](datetime.fromisoformat("2024-02-28T23:59:59.999999")) == "2024-02-29"
    assert written[int](7) == "7"


def test_the_value_of_merged_cells_is_that_of_the_first_one() -> None:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Email", "Company"])
        sheet.write_column(1, 0, ["a@example.com", "b@example.com"])
        sheet.merge_range(1, 1, 2, 1, "Acme")
    assert convert(made.getvalue())[:3] == ["Email,Company", "a@example.com,Acme", "b@example.com,"]


def test_each_row_of_the_sheet_is_one_line_also_above_the_header() -> None:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        sheet.write(3, 2, "Email\nAddress")
        sheet.write(6, 2, "a@example.com")
    lines = convert(made.getvalue())
    assert [number for number, line in enumerate(lines) if line.strip('",')] == [3, 6]


def test_the_first_sheet_that_is_shown_and_has_cells_is_read() -> None:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=b!$A$1:$A$2"})
        book.add_chartsheet("c").set_chart(chart)
        hidden, shown = book.add_worksheet("a"), book.add_worksheet("b")
        hidden.write(0, 0, "hidden")
        shown.write(0, 0, "Email")
        hidden.hide()
        shown.activate()
    assert convert(made.getvalue()) == ["Email", ""]


def test_images_do_not_count() -> None:
    data = archive(parts(HEADER) | {"xl/media/image1.xml": b" " * 60_000_000, "x.bin": b" " * 60_000_000})
    assert convert(data) == ["Email,First Name", ""]


def test_a_workbook_of_the_largest_size_is_read() -> None:
    made = parts(HEADER)
    rest = reader.MAX_UNPACKED - sum(map(len, made.values()))
    sheet = made["xl/worksheets/sheet1.xml"]
    for blanks, is_read in ((rest, True), (rest + 1, False)):
        data = archive(made | {"xl/worksheets/sheet1.xml": sheet + " " * blanks})
        if is_read:
            assert convert(data)[0] == "Email,First Name"
        else:
            with pytest.raises(BadFile, match="50,000,000 bytes"):
                convert(data)


@pytest.mark.parametrize("name", HOSTILE)
def test_check_83_hostile_workbooks_are_refused_with_a_reason(name: str) -> None:
    make, code = HOSTILE[name]
    with pytest.raises(BadFile) as refusal:
        lines_of(make())
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(workbook([["Email"]]))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 1)
    with pytest.raises(BadFile) as refusal:
        convert(bytes(data))
    assert refusal.value.code == "encrypted"


def test_nothing_is_left_of_a_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert lines_of(workbook([["Email"]])) == ["Email"]
    with pytest.raises(BadFile):
        lines_of(b"PK\x03\x04")
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_reads_a_workbook_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that changes Python's behavior would show in the child; it is not passed on."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert lines_of(workbook([["Email"]])) == ["Email"]


def test_a_file_that_fails_while_it_is_read_leaves_its_error() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"PK"
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"), open_workbook(blocks()):
        raise AssertionError("not reached")


def test_a_text_of_many_lines_stays_in_its_row() -> None:
    data = archive(parts(HEADER + f"<row>{text_cell('A2', 'a&#10;b&#13;&#10;c')}</row>"))
    assert convert(data)[1] == "a\u2028b\u2028c,"


def test_texts_are_read_without_their_pronunciation_and_with_their_formats() -> None:
    strings = (
        '<si><t>山田</t><rPh sb="0" eb="2"><t>ヤマダ</t></rPh></si>'
        '<si><r><t>An</t></r><r><rPr><b/></rPr><t xml:space="preserve">n </t></r></si>'
    )
    row = '<row><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c></row>'
    assert convert(archive(parts(HEADER + row, strings=strings)))[1] == "山田,Ann "


def test_a_workbook_of_the_strict_kind_is_read() -> None:
    """ISO/IEC 29500 has namespaces of its own for the strict kind."""
    strict = {
        name: text.replace(
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
        ).replace(
            "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            "http://purl.oclc.org/ooxml/officeDocument/relationships",
        )
        for name, text in parts(HEADER).items()
    }
    assert convert(archive(strict))[0] == "Email,First Name"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000_000_000_000, "1000000000000000"),
        (1_234_567_890_123_456, "1234567890123456"),
        (-1e16, "-10000000000000000"),
        (1.5e20, "150000000000000000000"),
        (4915112345678, "4915112345678"),
    ],
)
def test_whole_numbers_are_digits(value: float, text: str) -> None:
    with TemporaryFile() as file:
        with xlsxwriter.Workbook(file) as made:
            made.add_worksheet().write_number(0, 0, value)
        file.seek(0)
        assert lines_of(file.read()) == [text]
