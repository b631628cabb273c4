"""The start of a file: whether it is a table in text, its encoding and delimiter, and its header."""

from __future__ import annotations

import codecs
import random

import pytest

from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import read_rows
from shared.domain.imports.detection import encoding_of
from shared.domain.imports.dialect import survey
from shared.domain.imports.file import BadFile
from shared.domain.imports.limits import DEFAULT_LIMITS
from tests.support.cpu_time import cpu_seconds


def fields_of(layout: Layout) -> dict[str, int]:
    """Return the positions of the columns that are read, by field."""
    return {column.field: column.position for column in layout.columns if column.field}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "windows-1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_check_82_every_encoding_and_delimiter_is_recognised(encoding: str, delimiter: str) -> None:
    text = delimiter.join(["Email", "Prénom", "First Name"]) + "\r\nada@example.com" + delimiter * 2 + "\r\n"
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    layout, header = survey(mark + text.encode(encoding))
    assert layout.delimiter == delimiter
    assert layout.header == ("Email", "Prénom", "First Name")
    assert fields_of(layout) == {"email": 0, "first_name": 2}
    assert header.next_line == 2


def test_a_header_may_be_quoted_and_follow_blank_lines() -> None:
    layout, header = survey(b'\r\n;;\r\n"E-mail";"First\nName"\r\n')
    assert (fields_of(layout), header.line, header.next_line) == ({"email": 0, "first_name": 1}, 3, 5)


DEFAULTS = ImportOptions()


def rows_below(data: bytes, options: ImportOptions = DEFAULTS) -> list[list[str]]:
    layout, header = survey(data, options)
    rows = read_rows([data], layout.encoding, layout.delimiter, first_line=header.next_line)
    return [row.cells for row in rows]


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        (b"email\n", "utf-8"),
        ("café\n".encode(), "utf-8"),
        (codecs.BOM_UTF8 + b"email", "utf-8"),
        (codecs.BOM_UTF16_LE + "email".encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "email".encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + "email".encode("utf-32-le"), "utf-32-le"),
        (codecs.BOM_UTF32_BE + "email".encode("utf-32-be"), "utf-32-be"),
        ("email;имя\r\n".encode("utf-16-le"), "utf-16-le"),
        ("email;имя\r\n".encode("utf-16-be"), "utf-16-be"),
        ("email;имя\r\n".encode("utf-16-be") + b"\0", "utf-16-be"),
        (b"caf\xe9\n", "windows-1252"),
        ("café".encode()[:-1], "utf-8"),
        (b"caf\xc3\xa9\nfa\xc3\xa7ade\n\xfcber\n", "utf-8"),
        (b"email\0\n" + bytes(10), "utf-8"),
    ],
)
def test_check_82_the_encoding_is_recognised_from_the_start(start: bytes, encoding: str) -> None:
    assert encoding_of(start) == encoding


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("windows-1251", "Иван"), ("windows-1250", "Łukasz"), ("iso-8859-2", "Łukasz"), ("iso-8859-1", "José €"),
        ("shift-jis", "山田ソ太郎"), ("cp932", "髙橋"), ("euc-jp", "山田"), ("gb18030", "王小明"), ("gbk", "王小明"),
        ("big5", "陳大文"), ("euc-kr", "김민수"), ("koi8-r", "Иван"), ("mac-roman", "José"), ("utf-16", "Иван"),
        ("utf-32", "Иван"), ("windows-1256", "محمد"),
    ],
)  # fmt: skip
def test_check_82_an_encoding_that_the_options_name_is_read(named: str, text: str) -> None:
    codec = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "iso-8859-1": "windows-1252"}.get(named, named)
    data = f"Email;First Name\r\na@example.com;{text}\r\n".encode(codec)
    assert rows_below(data, ImportOptions(encoding=named)) == [["a@example.com", text]]


def test_a_byte_order_mark_is_more_certain_than_the_options() -> None:
    data = codecs.BOM_UTF8 + "Email,First Name\na@example.com,José\n".encode()
    assert rows_below(data, ImportOptions(encoding="windows-1251")) == [["a@example.com", "José"]]


@pytest.mark.parametrize("line", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r\n', "sep=;;;\r\n", "\ufeffsep=;\r\n"])
def test_the_line_that_names_the_delimiter_for_excel_is_no_header(line: str) -> None:
    layout, header = survey((line + "Email;First, Last Name\r\n").encode())
    assert (layout.delimiter, layout.header, header.line) == (";", ("Email", "First, Last Name"), 2)


def test_a_delimiter_that_is_named_for_excel_may_be_any() -> None:
    assert rows_below(b"sep=^\nEmail^First Name\na@example.com^Ann,Bob\n") == [["a@example.com", "Ann,Bob"]]


def test_a_line_that_names_another_delimiter_than_the_file_has_is_passed_over() -> None:
    assert rows_below(b"sep=;\nEmail,First Name\na@example.com,Ann\n") == [["a@example.com", "Ann"]]


def test_the_delimiter_of_the_options_is_preferred() -> None:
    data = b"Email,Tags;Phone,x\na@example.com,b;1\n"
    assert survey(data)[0].delimiter == ","
    assert survey(data, ImportOptions(delimiter=";", mapping={"Email,Tags": "email"}))[0].header == (
        "Email,Tags", "Phone,x",
    )  # fmt: skip
    with pytest.raises(BadFile, match="no e-mail column"):
        survey(data, ImportOptions(delimiter="|"))


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ('Notes:\n"When exporting, some addresses are missing."\n\n', 4),
        ("My contacts;;\n;;\nCompany: Acme\n", 4),
        ('The 5" list, "of all\n', 2),
        ("x\n" * 19, 20),
        ("\n" * 10, 11),
        ("Notes\n", 2),
    ],
)
def test_lines_of_explanation_may_be_above_the_header(above: str, line: int) -> None:
    data = (above + 'First Name,Email Address,Notes\n"Ann",a@example.com,"two\nlines"\n').encode()
    layout, header = survey(data)
    assert (header.line, fields_of(layout)["email"]) == (line, 1)
    assert rows_below(data) == [["Ann", "a@example.com", "two\nlines"]]


def test_a_header_is_not_looked_for_further_below() -> None:
    with pytest.raises(BadFile, match="first 20 lines"):
        survey(b"x\n" * 20 + b"Email,First Name\n")


def test_a_value_that_is_the_name_of_a_column_makes_no_header() -> None:
    """A column of preferred channels says `Email`."""
    with pytest.raises(BadFile) as refusal:
        survey(b"Last Name,Preferred\nLovelace,Email\n")
    assert refusal.value.code == "no_email_column"


ROWS = [
    "E-Mail;Kanal;Alternativ\na@example.com;email;mobile\nb@example.com;phone;email\n",
    "E-Mail;Kanal;Alternativ\nbad;email;mobile\n",
    "E-Mail;Bevorzugt;Ersatz\na@example.com;E-Mail;Telefon\nb@example.com;Telefon;E-Mail\n",
    "E-Mail;Typ;Telefonart;Vorname\na@example.com;company;mobile;Ann\n",
    "E-Mail\na@example.com\nemail,phone,name,company\n",
    "E-Mail;;;\na@example.com;email;phone;mobile\n;email;phone;company\n",
    "E-Mail;Kanal;Quelle;Rolle\n;;;\nbad;email;company;position\n",
    "E-Mail;Kanal\nbad;email,phone,name,company\n",
    "Nom;Courriel;Canal\nTéléphone;Courriel;Mobile\n",
    'Email,Notes\nbad,"email, phone, name"\nEmail,Phone\n',
    "email,company,row_number,line,outcome,contact_id,reason_code,message\n"
    "bad,company,1,2,failed,,email,Line 2: email: Not an address.\n"
    "name,company,2,3,failed,,email,phone\n",
    "Vorname,Kunde,E-Mail\nVorname,Name,email\nphone,Company,mobile\n",
]


@pytest.mark.parametrize("text", ROWS)
def test_check_82_a_row_of_words_that_are_names_of_columns_is_no_header(text: str) -> None:
    data = text.encode()
    assert survey(data)[1].line == 1
    rows = rows_below(data)
    assert len(rows) == sum(1 for line in text.splitlines()[1:] if line.strip(";"))


@pytest.mark.parametrize(
    "above",
    [
        "Name;Acme GmbH\nE-Mail;info@example.com\nTelefon;030 901820\n\n",
        "Kontakte von Ann <ann@example.com>\n",
        "Name\n",
        "E-Mail\n",
        "Kontakte;;;\nE-Mail;;;\n",
        "Email\nPhone\nName\n",
        "Firma;Acme\nAnsprechpartner;Ann Lee\n\n",
        "Fragen an info@example.com, oder per Telefon, E-Mail\n",
        "Die Spalten sind Name und Telefon, E-Mail\n",
        "info@example.com\n",
        "Notes:\n",
        "Name, Telefon und Adresse\n\n\n",
    ],
)
def test_explanations_of_words_that_are_names_of_columns_may_be_above_the_header(above: str) -> None:
    layout, header = survey((above + "Vorname;Nachname;E-Mail;Telefon\nAnn;Lee;a@example.com;1\n").encode())
    assert (layout.delimiter, header.line) == (";", above.count("\n") + 1)


def test_an_address_as_an_example_in_a_heading_is_no_row() -> None:
    assert survey(b"Name;Email (ann@example.com);Mail\nAnn;b@example.com;\n")[1].line == 1


def test_a_row_below_rows_with_addresses_is_no_header() -> None:
    with pytest.raises(BadFile) as refusal:
        survey(b"Foo;Kanal;Bar\na@example.com;email;x\n;phone;email\n")
    assert refusal.value.code == "no_email_column"


@pytest.mark.parametrize("field", ["custom.channel", None])
def test_the_line_with_columns_that_the_options_name_is_the_header(field: str | None) -> None:
    options = ImportOptions(mapping={"Kanal": field})
    layout, header = survey(b"Name;E-Mail;Phone\nKanal;E-Mail;Ort\nemail;bad;phone\n", options)
    assert (header.line, layout.header) == (2, ("Kanal", "E-Mail", "Ort"))


def test_a_row_with_a_column_that_the_options_name_is_no_header() -> None:
    options = ImportOptions(mapping={"E-Mail": "email", "Kanal": None})
    text = "E-Mail;Kanal;Ersatz\na@example.com;E-Mail;Kanal\nbad;E-Mail;phone\n"
    assert survey(text.encode(), options)[1].line == 1


def test_columns_that_the_options_name_make_a_header() -> None:
    options = ImportOptions(mapping={"Kontakt": "email"})
    assert rows_below(b"Liste\nKontakt;Ort\na@example.com;Ulm\n", options) == [["a@example.com", "Ulm"]]


def test_an_email_column_is_needed_only_where_contacts_must_have_an_address() -> None:
    layout, _ = survey(b"Phone,City\n123,Ulm\n", require_email=False)
    assert fields_of(layout)["phone"] == 0
    for sample, require_email, code in (
        (b"Phone,City\n123,Ulm\n", True, "no_email_column"),
        (b"Street,City\nx,Ulm\n", False, "no_header"),
        (b"Company,Notes\nx,y\n", False, "no_header"),
    ):
        with pytest.raises(BadFile) as refusal:
            survey(sample, require_email=require_email)
        assert refusal.value.code == code


def test_rows_that_are_matched_by_numbers_need_no_addresses() -> None:
    """They change contacts that have an address already."""
    layout, _ = survey(b"Phone,City\n123,Ulm\n", ImportOptions(match_on="phone"))
    assert fields_of(layout)["phone"] == 0
    layout, _ = survey(b"Customer Number,Company\nC-1,Acme\n", ImportOptions(match_on="customer_number"))
    assert fields_of(layout)["customer_number"] == 0


def test_the_header_of_the_widest_file_is_found_in_reasonable_time() -> None:
    def search(columns: int) -> None:
        line = b",".join(b"column %d" % number for number in range(columns)) + b"\n"
        with pytest.raises(BadFile):
            survey(line * 30)

    narrow = min(cpu_seconds(lambda: search(DEFAULT_LIMITS.columns // 10)) for _ in range(3))
    assert cpu_seconds(lambda: search(DEFAULT_LIMITS.columns)) < 30 * narrow


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "excel"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(90), "encrypted"),
        (b"Rar!\x1a\x07\x01", "archive"),
        (b"7z\xbc\xaf\x27\x1crest", "archive"),
        (b"BZh91AY", "archive"),
        (b"\xff\xd8\xff\xe0rest", "image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "image"),
        (b"%PDF-1.7\n", "pdf"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n,,\r\n", "empty"),
        (codecs.BOM_UTF16_LE, "empty"),
        (b"first name,last name\nAda,Lovelace\n", "no_email_column"),
        (b"ada@example.com,Ada\nbob@example.com,Bob\n", "no_email_column"),
        (b'{"email": "ada@example.com"}', "json"),
        (b'[\n {"email": 1}]', "json"),
        (b"<!DOCTYPE html>\n<p>email</p>", "html"),
        (codecs.BOM_UTF8 + b" <table><tr><td>Email</td></tr>", "html"),
        (b'<?xml version="1.0"?><Workbook/>', "xml"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "vcard"),
        (b"\xef\xbb\xbf\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nEMAIL;type=HOME:a@example.com\r\n", "vcard"),
        (b"BEGIN:VCARD\nVERSION:3.0\nTEL;TYPE=CELL:1\nEMAIL;TYPE=INTERNET:a@example.com\n", "vcard"),
        (b"BEGIN:VCARD\r\nVERSION:2.1\r\nTEL;WORK;VOICE:1\r\nEMAIL;PREF;INTERNET:a@b.example\r\n", "vcard"),
        (b"begin:vcard\nVERSION:4.0\nFN:Ann\nTEL:1\nEND:VCARD\n", "vcard"),
        ("\ufeffBEGIN:VCARD\r\nEMAIL;PREF=1:a@example.com\r\n".encode("utf-16-le"), "vcard"),
        (b"BEGIN:VCALENDAR\nATTENDEE;EMAIL=a@example.com:x\nEMAIL;X\n", "icalendar"),
        (b"<html>\nName;Email\n", "html"),
        (b'[\n["Name","Email"],\n', "json"),
        (b'{"rows": [\nEmail,Name\n', "json"),
        (b"{\\rtf1 Email}", "rtf"),
        (bytes(1000), "empty"),
        (bytes(10) + b"x" + bytes(1000), "not_csv"),
        (b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x03\0>\0", "not_csv"),
        (random.Random(1).randbytes(5000), "not_csv"),
        (b"email" + b"x" * 200_000, "not_csv"),
        (b'"email,name\nada@example.com,Ada\n', "not_csv"),
        (b"email," + b"x" * 70_000 + b"\na@example.com\n", "header_too_long"),
        (b"email," + b"x," * 5_000 + b"\na@example.com\n", "too_many_columns"),
        (b"email,na\0me\na@example.com,x\n", "not_csv"),
    ],
)
def test_check_83_files_of_other_kinds_are_recognised_by_their_start(sample: bytes, code: str) -> None:
    with pytest.raises(BadFile) as refusal:
        survey(sample)
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


def test_the_most_columns_can_be_set() -> None:
    line = b"Email,First Name,Last Name\n"
    assert survey(line, max_columns=3)[0].header == ("Email", "First Name", "Last Name")
    with pytest.raises(BadFile) as refused:
        survey(line, max_columns=2)
    assert refused.value.code == "too_many_columns"


def test_of_equally_good_headers_the_one_with_an_address_counts() -> None:
    layout, _ = survey(b"Last Name, First Name;Email\nLee, Ann;a@example.com\n")
    assert (layout.delimiter, layout.header) == (";", ("Last Name, First Name", "Email"))
    layout, _ = survey(b"Name,Ort;Email\nLee,X;a@example.com\n")
    assert layout.delimiter == ";"
