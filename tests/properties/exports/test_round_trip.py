"""An export that is imported again with `update` changes nothing, whatever the contacts have in their fields."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import Invalid
from shared.domain.exports.fields import CUSTOM, Exported, columns_of
from shared.domain.exports.formats import CsvEncoder
from shared.domain.ids import new_id
from shared.domain.import_options import ImportOptions
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.imports.virtual_contact import LABEL_FIELDS, VirtualContact
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.files.export_workbook import write_workbook
from shared.files.workbook import convert
from shared.services.imports.sources import Source
from tests.properties.imports.chunk_world import Case, ChunkWorld, cases
from tests.support.budgets import repetitions

SETTINGS = TenantSettings(require_email=False, max_tags_per_contact=100)
UPDATE = ImportOptions(on_duplicate="update")
OWNER, CUSTOMER = "owner@example.com", "CUST000042"
NAMES = {"customer_name": "Engines", "customer_username": None, "owner_name": "Mary"}

_CHARACTERS = (
    "aZé ß漢ا ש 1 0 9",
    "=+-@'\",;:|\\/<>()[]{}#*%&!?._~`^$",
    "\t\n\u2028\u00a0\u200d\u200f",
    "😀👩‍💻🏴‍☠️",
)
_LETTERS = st.sampled_from([*"".join(_CHARACTERS)])
_PIECES = st.sampled_from(
    [
        "=1+1",
        "@SUM(A1)",
        "'=x",
        "''",
        '"q"',
        " ::: ",
        ", ",
        "; ",
        "N/A",
        "-",
        "0",
        "true",
        "1.50",
        "Dr.",
        "[vip]",
        "[",
        "* y",
        "none",
        "\r\n",
        "null",
    ]
)
_TEXTS = st.lists(_LETTERS | _PIECES, max_size=8).map("".join)
_NAMES = _TEXTS.map(lambda text: text[:50])
_WORDS = _NAMES.map(lambda text: text.replace(",", ""))
_EMAILS = st.sampled_from(
    [
        f"{local}@example.{domain}"
        for local in ("a", "b.c", "d+tag", "o'neil", "_x-1")
        for domain in ("com", "org", "net")
    ]
)
_NUMBERS = st.sampled_from(
    ["+12025550143", "+442079460958", "+4930123456", "+33142685300", "+81312345678", "+5511987654321"]
)
_CUSTOM_VALUES = (
    _TEXTS
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
GIVEN = st.fixed_dictionaries(
    {"first_name": _NAMES},
    optional={
        "last_name": _NAMES,
        "email": _EMAILS,
        "other_emails": st.lists(_EMAILS, max_size=4, unique=True),
        "phone": _NUMBERS,
        "whatsapp": _NUMBERS,
        "other_phones": st.lists(
            st.fixed_dictionaries({"label": _NAMES, "number": _NUMBERS}),
            max_size=4,
            unique_by=lambda one: one["number"],
        ),
        "company": _NAMES,
        "department": _NAMES,
        "job_title": _NAMES,
        "about": _TEXTS,
        "tags": st.lists(_WORDS, max_size=4),
        "types": st.lists(_WORDS, max_size=3),
        "groups": st.lists(_WORDS, max_size=3),
        "custom_fields": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), _CUSTOM_VALUES, max_size=4
        ),
    },
)


def contact_of(given: dict[str, Any]) -> Contact:
    """Return the contact that the API makes of an input, with its labels. Raises what the API raises."""
    fields: dict[str, Any] = {**clean(ContactInput.model_validate(given).given_fields(), SETTINGS)}
    for name in LABEL_FIELDS:
        fields[f"{name[:-1]}_ids"] = [f"{name}-{number}" for number, _ in enumerate(fields.get(name, ()))]
    caller = Caller("T1", "user", "u", "admin")
    contact, _ = Contact.create(fields, contact_id=new_id(), stamp=Stamp.now(caller), source="api")  # type: ignore[arg-type]
    return contact


def exported(contact: Contact) -> Exported:
    return Exported(ContactShown.from_stored({**contact.__dict__, **NAMES}), OWNER, CUSTOMER)


def as_csv(contacts: Sequence[Exported], custom: Sequence[str]) -> bytes:
    encoder = CsvEncoder(columns_of(None, custom))
    return encoder.head() + encoder.encode(contacts)


def as_workbook(contacts: Sequence[Exported], custom: Sequence[str]) -> bytes:
    sheet = io.BytesIO()
    with write_workbook(columns_of(None, custom), contacts) as workbook:
        convert(workbook, sheet)
    return sheet.getvalue()


def read_back(file: bytes, *, is_workbook: bool = False) -> list[ReadRow]:
    """Return the rows of a file as an import reads them. All of its columns are known."""
    source = Source(file, lambda: iter([file]), DEFAULT_LIMITS.columns, is_workbook)
    layout, header = source.survey(UPDATE, require_email=False)
    assert [column.header for column in layout.columns if column.is_unused] == []
    reader = RowReader(layout, UPDATE, SETTINGS)
    return [reader.read(row) for row in source.rows(layout, header)]


def assert_unchanged(contact: Contact, read: ReadRow) -> None:
    """Check that a row of an export changes nothing of its contact, and says so without a warning."""
    assert read.error is None and read.warnings == ()
    assert (read.owner, read.customer_number) == (OWNER, CUSTOMER)
    assert read.fields is not None
    given = {name: value for name, value in read.fields.items() if name not in read.derived}
    virtual = VirtualContact.of(contact)
    assert virtual.apply(given, "update") == []
    assert virtual.changes() == {}
    for name in LABEL_FIELDS:
        assert list(read.fields.get(name, ())) == getattr(contact, name)


formats = pytest.mark.parametrize(("write", "times"), [(as_csv, 150), (as_workbook, 20)], ids=["csv", "xlsx"])


@formats
def test_an_export_imported_again_changes_nothing(
    write: Callable[[Sequence[Exported], Sequence[str]], bytes], times: int
) -> None:
    """check 84: formula-like texts, quotes, line breaks, several numbers with labels, custom fields of every type,
    emoji and scripts from right to left. Each row is applied to its own contact; that an import finds the contact again
    is the test below."""

    @settings(max_examples=repetitions(times))
    @given(st.lists(GIVEN, min_size=1, max_size=3))
    def round_trip(inputs: list[dict[str, Any]]) -> None:
        contacts = []
        for one in inputs:
            try:
                contacts.append(contact_of(one))
            except (Invalid, ValidationError):
                assume(False)
        custom = sorted({key for one in contacts for key in one.custom_fields})
        file = write([exported(one) for one in contacts], custom)
        rows = read_back(file, is_workbook=write is as_workbook)
        assert len(rows) == len(contacts)
        for contact, read in zip(contacts, rows, strict=True):
            assert_unchanged(contact, read)

    round_trip()


@settings(max_examples=repetitions(40))
@given(cases(on_duplicate=["update", "merge"]))
def test_rows_of_an_export_find_their_contacts_again(case: Case) -> None:
    """check 84: also contacts without an address, and those that share addresses or numbers with others."""
    options = ImportOptions(on_duplicate=case.options.on_duplicate, match_on=case.options.match_on)
    world = ChunkWorld(replace(case, rows=(), options=options))
    contacts = [*world.contacts().values()]
    assume(contacts)
    numbers = {one.id: one.number for one in world.customers}
    file = as_csv(
        [
            Exported(
                ContactShown.from_stored({**one.__dict__, **NAMES}),
                "user1@example.com" if one.owner_id else "",
                numbers.get(one.customer_id or "", ""),
            )
            for one in contacts
        ],
        ["colour", "size"],
    )
    world.case = replace(world.case, rows=read_back(file))
    before = world.state()
    fates, written = world.work()
    assert written == [] and world.state() == before
    assert [(one.outcome, one.contact_id, one.warnings) for one in fates.values()] == [
        ("unchanged", one.id, ()) for one in contacts
    ]


def test_every_custom_field_has_a_column_that_imports_read() -> None:
    contact = contact_of(
        {"first_name": "Ada", "custom_fields": {"a": 1, "b_2": "x", "name": "y", "email": "z"}}
    )
    (read,) = read_back(as_csv([exported(contact)], sorted(contact.custom_fields)))
    assert read.fields is not None
    assert read.fields["custom_fields"] == {"a": "1", "b_2": "x", "name": "y", "email": "z"}
    assert columns_of(None, ["a"])[-2].name == f"{CUSTOM}a"
