"""Changes of an import are taken back, and nothing of a later edit is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.contacts.reversal import KeptField, Write, find_writes, reverse
from shared.domain.events import Event, differ
from shared.domain.ids import derived_id
from shared.domain.labels.record import Labels, Tag
from shared.domain.records import BOOKKEEPING
from shared.domain.stamp import Stamp

AT = "2026-05-04T09:30:00.000Z"
IMPORT = system_caller("t1", "import:i1", "import")
USER = Caller("t1", "user", "u1", "admin")
ID = derived_id(1_777_887_000_000, "contact")
EMAILS = tuple(f"{letter}@example.com" for letter in "abcde")
FIELDS_OF_NUMBERS = ("phone", "whatsapp")
NUMBERS = tuple(f"+1202555010{digit}" for digit in range(4))
LABELS = Labels.of(
    Tag._from_fields(
        id=derived_id(0, letter), name=letter, created_at=AT, created_by="", updated_at=AT, updated_by=""
    )
    for letter in "stuv"
)


def lists(values: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True)


texts = st.sampled_from(["", "x", "y", "z"])
numbers = st.none() | st.sampled_from(NUMBERS)
typed = st.none() | st.sampled_from(["202 555 0100", "(202) 555 0101"])
custom = st.none() | st.sampled_from([0, 1, True, False, "x", 1.5])
phones = st.lists(
    st.builds(
        lambda label, number: {"label": label, "number": number, "raw": None}, texts, st.sampled_from(NUMBERS)
    ),
    unique_by=lambda phone: phone["number"],
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.sampled_from(["Ann", "Bob"]),
        "last_name": texts,
        "company": texts,
        "about": texts,
        "email": st.none() | st.sampled_from(EMAILS),
        "other_emails": lists(EMAILS),
        "phone": numbers,
        "whatsapp": numbers,
        "other_phones": phones,
        "tag_ids": lists(tuple(LABELS.by_id)),
        "group_ids": lists(tuple(LABELS.by_id)),
        "custom_fields": st.dictionaries(st.sampled_from(["p", "q", "r"]), custom),
        "preferred": st.sampled_from(["none", "email", "sms"]),
        "is_active": st.booleans(),
        "owner_id": st.sampled_from([None, "u1", "u2"]),
    },
)


def completed(given: dict[str, Any], raw: str | None = None) -> Any:
    """Return fields with those that a change of them comes with."""
    fields = dict(given)
    for ids, names in zip(LABEL_ID_FIELDS, ("tags", "types", "groups"), strict=True):
        if ids in given:
            fields[names] = LABELS.names(given[ids])
    for name in ("phone", "whatsapp"):
        if name in given:
            fields[f"{name}_raw"] = raw if given[name] else None
    return fields


def created(given: dict[str, Any], verified: bool) -> Contact:
    custom_fields = {
        name: value for name, value in given.get("custom_fields", {}).items() if value is not None
    }
    fields = completed({"first_name": "Ann", **given, "custom_fields": custom_fields})
    contact, _ = Contact.create(fields, contact_id=ID, stamp=Stamp("e0", AT, USER), source="api")
    return contact.with_fields({"email_verified": verified and contact.email is not None})


def changed(
    contact: Contact, given: dict[str, Any], caller: Caller, raw: str | None = None
) -> tuple[Contact, Event] | None:
    stamp = Stamp(f"e{contact.version}", AT, caller)
    return contact.change(completed(given, raw), stamp=stamp)


def is_import(event: Event) -> bool:
    return event.actor == IMPORT.actor


def taken_back(
    contact: Contact, writes: Sequence[Write], taken: Sequence[tuple[str, Any]] = ()
) -> tuple[Contact, tuple[KeptField, ...]]:
    stamp = Stamp("undo", AT, IMPORT)
    reversal = reverse(contact, writes, LABELS, taken, stamp=stamp)
    after = contact.change(reversal.fields, stamp=stamp)
    return (after[0] if after else contact), reversal.kept


def content(contact: Contact) -> dict[str, Any]:
    return {name: value for name, value in contact.__dict__.items() if name not in BOOKKEEPING}


starts = st.builds(created, changes, st.booleans())


@given(starts, changes, typed)
def test_a_contact_that_nobody_changed_since_is_as_it_was_before_the_import(
    before: Contact, row: dict[str, Any], raw: str | None
) -> None:
    written = changed(before, row, IMPORT, raw)
    if written is None:
        return
    after, kept = taken_back(written[0], find_writes(written[0], (), written[1], is_import))
    assert kept == ()
    assert not differ(content(after), content(before))


@given(starts, changes, changes, typed)
def test_two_writes_of_one_import_are_taken_back_together(
    before: Contact, row: dict[str, Any], other: dict[str, Any], raw: str | None
) -> None:
    first = changed(before, row, IMPORT, raw)
    second = first and changed(first[0], other, IMPORT)
    if first is None or second is None:
        return
    after, kept = taken_back(second[0], find_writes(second[0], (second[1],), first[1], is_import))
    assert kept == ()
    assert not differ(content(after), content(before))


@given(starts, changes, st.lists(changes, min_size=1, max_size=3), typed)
def test_nothing_of_a_later_edit_is_lost(
    before: Contact, row: dict[str, Any], edits: list[dict[str, Any]], raw: str | None
) -> None:
    written = changed(before, row, IMPORT)
    if written is None:
        return
    now, events = written[0], list[Event]()
    for edit in edits:
        if (edited := changed(now, edit, USER, raw)) is not None:
            now = edited[0]
            events.insert(0, edited[1])
    after, kept = taken_back(now, find_writes(now, events, written[1], is_import))
    fields = {one.field for one in kept}
    new = written[0]
    for name in (
        "first_name",
        "last_name",
        "company",
        "about",
        "is_active",
        "owner_id",
        "email",
        "phone",
        "whatsapp",
    ):
        old, set_, is_, became = (getattr(one, name) for one in (before, new, now, after))
        assert became == (old if is_ == set_ else is_)
        assert (name in fields) == (is_ != set_ and set_ != old and is_ != old)
    # A number that does not become the telephone or WhatsApp number again stays among the further ones.
    replaced = {
        getattr(before, one) for one in FIELDS_OF_NUMBERS if getattr(before, one) != getattr(new, one)
    }
    stays = replaced - {getattr(after, one) for one in FIELDS_OF_NUMBERS}
    for name in (*LABEL_ID_FIELDS, "other_phones", "addresses"):
        old, set_, is_, became = (_entries(one, name) for one in (before, new, now, after))
        for key, value in is_.items():
            if key not in set_ or differ(value, set_[key]):  # added or changed since
                assert key in became
                assert name == "addresses" or became[key] in (value, old.get(key))
            else:
                assert (key in became) == (key in old or (name == "other_phones" and key in stays))
        for key in set_:
            if key not in is_ and key != after.email:  # removed since
                assert key not in became
        for key in old:
            if key not in set_ and (name != "addresses" or key != before.email):
                assert key in became
    for key in ("p", "q", "r"):
        old, set_, is_, became = (one.custom_fields.get(key) for one in (before, new, now, after))
        assert not differ(became, is_ if differ(is_, set_) else old)


def _entries(contact: Contact, name: str) -> dict[str, Any]:
    if name == "addresses":
        return {one: field.partition(".")[0] for one, field in contact.addresses.items()}
    if name == "other_phones":
        return {phone["number"]: phone for phone in contact.other_phones}
    return dict.fromkeys(getattr(contact, name))


@given(starts, changes, changes, st.sets(st.sampled_from(EMAILS)), st.sets(st.sampled_from(NUMBERS)))
def test_what_another_contact_has_meanwhile_stays_with_it_and_is_listed(
    before: Contact, row: dict[str, Any], edit: dict[str, Any], emails: set[str], numbers_: set[str]
) -> None:
    written = changed(before, row, IMPORT)
    if written is None:
        return
    edited = changed(written[0], edit, USER)
    now, events = (edited[0], (edited[1],)) if edited else (written[0], ())
    taken = [("email", one) for one in emails] + [
        (kind, one) for kind in ("phone", "whatsapp") for one in numbers_
    ]
    writes = find_writes(now, events, written[1], is_import)
    free, _ = taken_back(now, writes)
    after, kept = taken_back(now, writes, taken)
    held = {*now.addresses}
    assert not (set(after.addresses) - held) & emails
    missed = (set(free.addresses) - held) & emails
    assert bool(missed) == any(one.reason == "address_taken" and "email" in one.field for one in kept)
    for name in ("phone", "whatsapp"):
        value = getattr(free, name)
        if value != getattr(now, name) and value in numbers_:
            assert KeptField(name, "address_taken") in kept
            assert getattr(after, name) == getattr(now, name)


@given(starts, changes, st.sets(st.sampled_from(tuple(LABELS.by_id))))
def test_a_label_that_was_deleted_since_does_not_come_back_and_is_listed(
    before: Contact, row: dict[str, Any], deleted: set[str]
) -> None:
    written = changed(before, row, IMPORT)
    if written is None:
        return
    labels = Labels.of(label for label in LABELS.by_id.values() if label.id not in deleted)
    now = written[0].with_label_names(labels)
    stamp = Stamp("undo", AT, IMPORT)
    reversal = reverse(now, find_writes(now, (), written[1], is_import), labels, stamp=stamp)
    for ids, name in (("tag_ids", "tags"), ("group_ids", "groups")):
        old, new = getattr(before, ids), getattr(written[0], ids)
        result = reversal.fields.get(ids, getattr(now, ids))
        assert result == [one for one in old if one not in deleted] or old == new
        lost = {one for one in old if one not in new} & deleted
        assert (KeptField(name, "deleted_label") in reversal.kept) == bool(lost)


@given(starts, changes, changes)
def test_without_the_events_since_labels_are_told_apart_by_their_names(
    before: Contact, row: dict[str, Any], edit: dict[str, Any]
) -> None:
    written = changed(before, row, IMPORT)
    edited = written and changed(written[0], edit, USER)
    if written is None or edited is None:
        return
    exact, _ = taken_back(edited[0], find_writes(edited[0], (edited[1],), written[1], is_import))
    by_name, _ = taken_back(edited[0], find_writes(edited[0], None, written[1], is_import))
    for ids in LABEL_ID_FIELDS:
        assert set(getattr(by_name, ids)) == set(getattr(exact, ids))
