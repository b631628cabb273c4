"""The start of a file: whether it is CSV, its delimiter, and its columns."""

from __future__ import annotations

import codecs
import random

import pytest

from shared.domain.imports.columns import Layout
from shared.domain.imports.file import BadFile, survey


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


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Email", "email"), ("E-mail", "email"), ("E-Mail Address", "email"), ("EMAIL_ADDRESS", "email"),
        (" mail ", "email"), ("Given Name", "first_name"),
        ("First Name", "first_name"), ("first_name", "first_name"), ("FirstName", "first_name"),
        ("Last Name", "last_name"), ("Surname", "last_name"), ("Family_Name", "last_name"),
        ("Phone", "phone"), ("Phone Number", "phone"), ("Mobile", "phone"), ("WhatsApp", "whatsapp"),
        ("Company", "company"), ("Organisation", "company"), ("Department", "department"),
        ("Job Title", "job_title"), ("Notes", "about"), ("About", "about"), ("Tags", "tags"),
    ],
)  # fmt: skip
def test_columns_are_known_by_many_names_whatever_their_case_spaces_and_underscores(
    name: str, field: str
) -> None:
    layout, _ = survey(f"x,{name},{'y' if field == 'email' else 'Email'}\n".encode())
    assert fields_of(layout)[field] == 1


def test_of_two_columns_for_one_field_the_preferred_name_counts_and_then_the_first() -> None:
    layout, _ = survey(b"Mobile,Phone,E-mail Address,Email,email,Notes,About\n")
    assert fields_of(layout) == {"phone": 1, "email": 3, "about": 6}


def test_columns_of_later_kinds_are_left_alone() -> None:
    layout, _ = survey(b"email,types,groups,custom.size\n")
    assert fields_of(layout) == {"email": 0}


def test_a_header_may_be_quoted_and_follow_blank_lines() -> None:
    layout, header = survey(b'\r\n;;\r\n"E-mail";"First\nName"\r\n')
    assert (fields_of(layout), header.line, header.next_line) == ({"email": 0, "first_name": 1}, 3, 5)


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "excel"),
        (b"%PDF-1.7\n", "pdf"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n,,\r\n", "empty"),
        (codecs.BOM_UTF16_LE, "empty"),
        (b"first name,last name\nAda,Lovelace\n", "no_email_column"),
        (b'{"email": "ada@example.com"}', "no_email_column"),
        (b"<!DOCTYPE html>\n<p>email</p>", "no_email_column"),
        ("email,name\nada@example.com,Ada\n".encode("utf-16-le"), "not_csv"),
        (random.Random(1).randbytes(5000), "not_csv"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "no_email_column"),
        (b"email" + b"x" * 200_000, "not_csv"),
        (b'"email,name\nada@example.com,Ada\n', "not_csv"),
        (b"email," + b"x," * 40_000 + b"\na@example.com\n", "header_too_long"),
    ],
)
def test_check_83_files_of_other_kinds_are_recognised_by_their_start(sample: bytes, code: str) -> None:
    with pytest.raises(BadFile) as refusal:
        survey(sample)
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")
