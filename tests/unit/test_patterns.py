"""No string that a caller sends keeps a processor busy: check 46."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from functions.auth.bodies import TokenRequest
from functions.contacts.app import handler as contacts
from functions.contacts.list_query import ContactListQuery
from local.sources import source_files
from shared.domain import (
    cell_texts,
    characters,
    days,
    email,
    faults,
    field_names,
    moments,
    search,
    text,
    typed_phone,
)
from shared.domain.accounts.invitation import InvitationToken
from shared.domain.accounts.passwords import check_password
from shared.domain.accounts.user import SchedulingId
from shared.domain.bookings.event import BookingEvent
from shared.domain.callers import parse_grants
from shared.domain.contacts import custom_fields, names, number_search
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.shown import ContactShown
from shared.domain.email import normalize_email
from shared.domain.encodings import encoding_name
from shared.domain.errors import DomainError
from shared.domain.exports.fields import Exported, check_fields
from shared.domain.exports.vcard import vcard_of
from shared.domain.ids import is_id
from shared.domain.import_options import ImportOptions, is_delimiter, is_field
from shared.domain.imports import cells, file_kinds
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.dialect import survey
from shared.domain.imports.names import read_name
from shared.domain.imports.rows import RowReader
from shared.domain.interactions.inputs import InteractionInput
from shared.domain.labels.inputs import Color
from shared.domain.labels.record import NO_LABELS
from shared.domain.notes import recognition
from shared.domain.notes.inputs import NoteInput
from shared.domain.notes.recognition import find_in
from shared.domain.notes.tidying import tidy
from shared.domain.phone import as_typed, normalize_phone
from shared.domain.tenant import TenantSettings
from shared.domain.text import MAX_LONG_TEXT
from shared.domain.webhooks.addresses import is_allowed, parse_target
from shared.domain.webhooks.filters import WebhookFilterInput
from shared.domain.webhooks.redaction import hide_secrets
from shared.domain.webhooks.secrets import HeaderChanges
from shared.files.object_keys import inbox_file, uploaded_file
from shared.http.bodies import FORM
from shared.http.call import Call
from shared.http.idempotency import read_key
from shared.identity.tokens import KeySet, Refused, subject_of
from shared.publishing.contracts import from_message
from shared.publishing.sender import parse_retry_after
from shared.table.cursors import Cursors
from shared.table.keys.spelling import escape
from tests.contract.answers import ROOT
from tests.support.budgets import sample
from tests.support.cpu_time import cpu_seconds

LENGTH = 100_000  # bytes
SHORTER = 10_000
MOST_GROWTH = 30
"""How many times longer the longer string may take than the shorter one: linear work takes ten times as long, quadratic
work a hundred times."""
FEW_PASSES = 10
"""How many times as long as a plain loop over the same characters a string takes that is not judged by its growth.

Times this short depend on whether memory is in the processor's cache. Quadratic work on 100 KB takes hundreds of
plain loops.
"""
MOST_PASSES = 150
"""How many times as long as a plain loop over the same characters any string may take."""
MOST_PASSES_OF_FILES = 600
"""The same for readers of files, where each line is a row with its own cost."""
MOST_PASSES_OF_RECORDS = 600
"""The same for a record that gets the string in each of its fields, a dozen at once."""

MOST_PASSES_OF_PARTS = 50
"""The same for one of several searches in a text, each of which is cut to 10,000 characters, so that growth shows
little."""

_PIECES = [
    *"a1A_-.,;:@<>\"'/\\+#%&=?*()[]{}|~ \t\n\r\x00\x7f",
    "a@", "@a.", "a.", "a-", "--", ".-", "<a@", "a@b.c ", "a@xn--", "xn--", "..--", "+-", "a+b_",
    '""', '" ', '"a', '"a"', '","', '"\n', 'x","\n', '"a" ', 'W/"', 'W/"a",', ' "', '"x" y',
    "\r\n", "a,", "a;", "\t|", "a\nb\n", "﻿", "\u2028", "\x85",
    "https://", "//", "a/", "../", "%2e", "%", "tenants/", "/inbox/", "tenants/a/inbox/", "0x7f.", "1.", "::", "[:",
    "+1", "(1) ", "1-", "+44 ", "00", "1e9", "-1", "٣", "１", "2025-", "T00:00", "ck_", "eyJ.", "Bearer ",
    "[", '{"a":', "[1,", "contacts:read:all,", "é", "e\u0301", "\u0301", "\u0301\u0323", "\u0f74\u0f72\u0301", "ß", "İ",
    "ﬃ", "ﷺ", "\u1100\u1161", "\U0001f600", "\ud7a3", "\u200d", "\u202e", "ø", "ü", "æ",
    "www.)", "http://:@", "1-800-A ",
    "\u200b", "\ufe0f", "\u2800", "\u3164", "م\u200c", "❤\ufe0f\u200d", "\U0001f3f4\U000e0067",
]  # fmt: skip


def hostile(length: int) -> dict[str, str]:
    """Repetitions, with and without a start that a pattern matches and an end that makes it backtrack."""
    made = {}
    for piece in _PIECES:
        many = piece * (length // len(piece.encode()))
        for before, after in (("", ""), ("a", "\x00"), ('"', "x"), ("a@", "-"), ("+1", "a"), (" ", " \n")):
            made[f"{before!r} + {piece!r} * n + {after!r}"] = before + many + after
    return made


HOSTILE, SHORTER_HOSTILE = hostile(LENGTH), hostile(SHORTER)


def call(**headers: str) -> Call:
    return Call({"headers": headers, "requestContext": {}})


def matches(value: str) -> Any:
    holds = call(**{"If-Match": value}).if_match
    return holds and holds(1)


def field_of(model: type[BaseModel], name: str) -> Callable[[str], Any]:
    """Validate a value in a field of a model, and clean the result."""
    given: dict[str, Any] = {"first_name": "Ada", "email": "ada@example.com"} if model is ContactInput else {}

    def take(value: str) -> Any:
        taken = model.model_validate({**given, name: value})
        return clean(taken.given_fields(), TenantSettings()) if isinstance(taken, ContactInput) else taken

    return take


def row_with_status(value: str) -> Any:
    """Read a row of an import with a value in the column of statuses."""
    header = ("Email", "Relationship Status")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    return RowReader(layout, ImportOptions(), TenantSettings()).read(Row(["a@example.com", value], 2, 3))


def vcard(value: str) -> Any:
    at = {"created_at": "2026-05-04T09:30:00.000Z", "updated_at": "2026-05-04T09:30:00.000Z"}
    by = {"created_by": "user:u", "updated_by": "user:u"}
    return vcard_of(
        Exported(ContactShown(id="i", first_name="A", full_name="A", about=value, **at, **by)), None
    )


def route(value: str) -> Any:
    event = {"httpMethod": "GET", "path": f"/contacts/{value}", "headers": {}, "requestContext": {}}
    return contacts(event, None)


def form(value: str) -> Any:
    event = {"headers": {"Content-Type": FORM}, "body": value, "requestContext": {}}
    return Call(event).body(TokenRequest, (FORM,))


def faulty(value: str) -> Any:
    """Return the faults of a refused body, as JSON and with an unknown name."""
    for model_validate, given in (
        (ContactInput.model_validate_json, value),
        (ContactInput.model_validate, {value: value}),
    ):
        try:
            model_validate(given)
        except ValidationError as error:
            faults.faults_of(error, ContactInput)
            faults.json_fault(error)


class NoKeys(KeySet):
    """An empty key set."""

    def __init__(self) -> None: ...

    def key(self, key_id: str) -> NoReturn:
        raise ValueError(key_id)


SUBJECTS: dict[str, Callable[[str], Any]] = {
    "addresses.parse_target": parse_target,
    "addresses.is_allowed": is_allowed,
    "email.normalize_email": normalize_email,
    "email._normalize": lambda value: email._normalize.__wrapped__(value, "email"),
    "phone.normalize_phone": lambda value: normalize_phone(value, "US"),
    "typed_phone.read_number": lambda value: typed_phone.read_number(
        value[:64], lambda _: False, lambda _: False
    ),
    "phone.as_typed": lambda value: as_typed(value, "+12025550143"),
    "search.fold": lambda value: search.fold.__wrapped__(value),
    "search.forms_of": search.forms_of,
    "search.begins": lambda value: search.begins(value, value),
    "search.terms_of": lambda value: search.terms_of([value], [value], [value]),
    "search.indexed": lambda value: search.summary_of(search.indexed(search.terms_of([value], [value]))),
    "search.may_have": lambda value: search.may_have(search.prefixes_of(value), value[:480]),
    "search.prefixes_of": search.prefixes_of,
    "search.found_in": lambda value: search.found_in(search.prefixes_of(value), search.terms_of([value])),
    "search.found_in_text": lambda value: search.found_in_text(search.prefixes_of(value), value),
    "number_search.digits_of": number_search.digits_of,
    "number_search.ends_of": lambda value: number_search.ends_of(value, "US"),
    "days.is_date": days.is_date,
    "moments.GivenTime": TypeAdapter(moments.GivenTime).validate_python,
    "moments.Moment": TypeAdapter(moments.Moment).validate_python,
    "user.SchedulingId": TypeAdapter(SchedulingId).validate_python,
    "filters.WebhookFilterInput": lambda value: WebhookFilterInput(
        changed=[value], owner_id=value, entity_id=value
    ),
    "field_names.nearest": lambda value: field_names.nearest(value, ("first_name", "email")),
    "faults.faults_of": faulty,
    "names.split_name": names.split_name,
    "characters.one_line": characters.one_line,
    "characters.several_lines": characters.several_lines,
    "characters.comparable": characters.comparable,
    "text.unique_names": lambda value: text.unique_names([value]),
    "text.Name": TypeAdapter(text.Name).validate_python,
    "text.GivenLine": TypeAdapter(text.GivenLine).validate_python,
    "text.Line": TypeAdapter(text.Line).validate_python,
    "text.LongText": TypeAdapter(text.LongText).validate_python,
    "text.LabelName": TypeAdapter(text.LabelName).validate_python,
    "text.GroupName": TypeAdapter(text.GroupName).validate_python,
    "text.ShortText": TypeAdapter(text.ShortText).validate_python,
    "text.fold_name": text.fold_name,
    "labels.find": lambda value: NO_LABELS.find("tag", value),
    "label_inputs.Color": TypeAdapter(Color).validate_python,
    "custom_fields name": lambda value: custom_fields.clean_custom_fields({value: 1}),
    "custom_fields value": lambda value: custom_fields.clean_custom_fields({"a": value}),
    "booking": lambda value: BookingEvent.parse("created", dict.fromkeys(BookingEvent.model_fields, value)),
    "ids.is_id": is_id,
    "import_options.encoding_name": encoding_name,
    "import_options.is_delimiter": is_delimiter,
    "import_options.is_field": is_field,
    "import_options.custom": lambda value: is_field(f"custom.{value}"),
    "import_options.other_phones": lambda value: is_field(f"other_phones.{value}"),
    "imports.inbox_file": inbox_file,
    "imports.uploaded_file": uploaded_file,
    "csv_file.read_rows": lambda value: list(read_rows([value.encode()], "utf-8", ",")),
    "dialect.survey": lambda value: survey(value.encode()),
    "file_kinds.refuse_text": file_kinds.refuse_text,
    "rows.RowReader.read": row_with_status,
    "columns.recognize": lambda value: recognize((value, "Phone"), {value: None}),
    "cell_texts.split_values": cell_texts.split_values,
    "exports.check_fields": lambda value: check_fields((value, f"custom.{value}"), is_json=True),
    "exports.vcard_of": vcard,
    "cells.emails_in": cells.emails_in,
    "cells.numbers_in": lambda value: cells.numbers_in(value, partial(normalize_phone, default_country="US")),
    "cells.labels_in": cells.labels_in,
    "cells.is_no_number": cells.is_no_number,
    "import_names.read_name": lambda value: read_name(first=value, last="", whole=value, middle=value),
    "callers.parse_grants": parse_grants,
    **{f"ContactInput.{name}": field_of(ContactInput, name) for name in ContactInput.model_fields},
    **{
        f"ContactListQuery.{name}": field_of(ContactListQuery, name) for name in ContactListQuery.model_fields
    },
    **{
        f"InteractionInput.{name}": field_of(InteractionInput, name) for name in InteractionInput.model_fields
    },
    "NoteInput.body": field_of(NoteInput, "body"),
    "tidying.tidy": lambda value: tidy(value[:MAX_LONG_TEXT]),
    "recognition.find_in": lambda value: find_in(value, "US"),
    "recognition._urls": lambda value: [*recognition._urls(value[:MAX_LONG_TEXT])],
    "invitation token": InvitationToken.parse,
    "passwords.check_password": check_password,
    "passwords.check_password, of a length that is taken": lambda value: check_password(value[:256]),
    "form": form,
    "a form's value": lambda value: form(f"grant_type={value}"),
    "route": route,
    "token": lambda value: subject_of(value, NoKeys(), issuer="i", audience="a"),
    "If-Match": matches,
    "Idempotency-Key": lambda value: read_key(call(**{"Idempotency-Key": value})),
    "from_message": from_message,
    "Retry-After": lambda value: parse_retry_after(value, 0.0),
    "webhook headers": lambda value: TypeAdapter(HeaderChanges).validate_python({value: value}),
    "webhook header's name": lambda value: TypeAdapter(HeaderChanges).validate_python({value[:64]: value}),
    "redaction.hide_secrets": lambda value: hide_secrets(value.encode(errors="replace"), ["canary-value"]),
    "redaction of a header": lambda value: hide_secrets(value.encode(errors="replace"), [value[:1_000]]),
    "keys.escape": escape,
    "cursor": lambda value: Cursors(b"k").open(("a",), value),
}


MOST_PASSES_OF = {
    "csv_file.read_rows": MOST_PASSES_OF_FILES,
    "dialect.survey": MOST_PASSES_OF_FILES,
    "booking": MOST_PASSES_OF_RECORDS,
    "recognition._urls": MOST_PASSES_OF_PARTS,
}

DRIVEN = {
    "shared/domain/accounts/passwords.py",
    "shared/domain/accounts/user.py",
    "shared/domain/bookings/event.py",
    "shared/domain/cell_texts.py",
    "shared/domain/characters.py",
    "shared/domain/contacts/custom_fields.py",
    "shared/domain/days.py",
    "shared/domain/email.py",
    "shared/domain/exports/fields.py",
    "shared/domain/exports/vcard.py",
    "shared/domain/faults.py",
    "shared/domain/field_names.py",
    "shared/domain/ids.py",
    "shared/domain/import_options.py",
    "shared/domain/imports/cells.py",
    "shared/domain/imports/columns.py",
    "shared/domain/imports/dialect.py",
    "shared/domain/imports/file_kinds.py",
    "shared/domain/imports/headings.py",
    "shared/domain/labels/inputs.py",
    "shared/domain/moments.py",
    "shared/domain/search.py",
    "shared/domain/text.py",
    "shared/domain/interactions/inputs.py",
    "shared/domain/notes/recognition.py",
    "shared/domain/notes/tidying.py",
    "shared/domain/typed_phone.py",
    "shared/domain/webhooks/addresses.py",
    "shared/domain/webhooks/filters.py",
    "shared/domain/webhooks/redaction.py",
    "shared/domain/webhooks/secrets.py",
    "shared/files/object_keys.py",
    "shared/http/call.py",
    "shared/http/idempotency.py",
    "shared/table/keys/spelling.py",
}
"""The modules with patterns, whose functions are all among SUBJECTS."""


def test_every_module_with_a_pattern_is_driven() -> None:
    """check 46: a new pattern needs an entry in SUBJECTS, and its module an entry in DRIVEN."""
    uses = re.compile(r"\bre\.[a-z]+\(|\bpattern=")
    found = {
        path.as_posix()
        for path in source_files()
        if path.suffix == ".py" and uses.search((ROOT / path).read_text())
    }
    assert found == DRIVEN


@pytest.fixture(scope="module")
def yardstick() -> float:
    """The CPU seconds of a plain loop over LENGTH characters on this machine."""
    return min(seconds(plain_loop, "a" * LENGTH) for _ in range(5))


def plain_loop(value: str) -> int:
    return sum(map(ord, value))


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_time_that_a_string_takes_grows_with_its_length_and_no_faster(
    name: str, yardstick: float
) -> None:
    """check 46: 100 KB against 10 KB, in CPU time of this machine, each the best of several.

    In the short budget each subject gets a sixth of the strings, in turn.
    """
    subject = SUBJECTS[name]
    seconds(subject, "a")  # loads modules that are imported at first use
    slow = {}
    for what, value in sample(HOSTILE.items(), one_in=6, start=[*SUBJECTS].index(name)):
        if reason := excess(name, value, SHORTER_HOSTILE[what], yardstick):
            slow[what] = reason
            break  # one failure is enough, and the next string may take minutes
    assert slow == {}


def test_quadratic_work_is_found(yardstick: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 46: the bound on growth is exceeded by a pattern that tries every end from every start."""
    monkeypatch.setitem(SUBJECTS, "quadratic", lambda value: re.search(r"a*b", value[: len(value) // 10]))
    found = excess("quadratic", "a" * LENGTH, "a" * SHORTER, yardstick)
    assert found is not None and "grows" in found


def excess(name: str, longer: str, shorter: str, yardstick: float) -> str | None:
    """How a subject's time for a string breaks a bound, or None when it keeps both.

    What breaks one is measured again, in turns with the plain loop, so that whatever else the machine does affects
    them alike.
    """
    subject = SUBJECTS[name]
    passes = MOST_PASSES_OF.get(name, MOST_PASSES)
    taken = seconds(subject, longer)
    if taken <= yardstick * FEW_PASSES:
        return None
    before = min(seconds(subject, shorter) for _ in range(3))
    if broken_bound(taken, before, yardstick, passes) is None:
        return None
    rounds = [
        (seconds(subject, longer), seconds(subject, shorter), seconds(plain_loop, "a" * LENGTH))
        for _ in range(3)
    ]
    taken, before, loop = (min(times) for times in zip(*rounds, strict=True))
    return broken_bound(taken, before, loop, passes)


def broken_bound(taken: float, before: float, loop: float, passes: int) -> str | None:
    """Return the bound that the times of a longer and a shorter string and of a plain loop break, None for neither.

    A time below that of a plain loop counts as the loop's: the clock's own steps would else be compared.
    """
    before = max(before, loop * SHORTER / LENGTH)
    if taken > max(before * MOST_GROWTH, loop * FEW_PASSES):
        return f"grows {taken / before:.0f} times"
    if taken > loop * passes:
        return f"takes {taken / loop:.0f} plain loops"
    return None


def seconds(of: Callable[[str], Any], value: str) -> float:
    """Return the CPU seconds that a call takes, though it may refuse the value."""

    def call() -> None:
        with suppress(DomainError, ValueError, Refused):
            of(value)

    return cpu_seconds(call)
