"""The rules of notes: their inputs, changes and states."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.callers import Caller
from shared.domain.errors import Conflict, Invalid
from shared.domain.notes.finding import Finding
from shared.domain.notes.inputs import TEXT_NAMES, NoteInput, NotePatch
from shared.domain.notes.note import Note
from shared.domain.stamp import Stamp
from shared.domain.text import MAX_LONG_TEXT

AT, LATER = "2026-05-04T09:30:00.000Z", "2026-05-05T09:30:00.000Z"
ADA = Caller("t1", "user", "u1", "admin")
FOUND: list[Finding] = [{"kind": "tag", "start": 0, "end": 6, "value": "offer"}]


def made(body: str = "#offer  here", **given: Any) -> Note:
    fields = NoteInput(body=body, **given).given_fields()
    return Note.create(fields, note_id="n1", contact_id="c1", stamp=Stamp("e1", AT, ADA))


def changed(note: Note, **given: Any) -> Note | None:
    after = note.change(NotePatch(**given).given_fields(), stamp=Stamp("e2", LATER, ADA))
    return after[0] if after else None


def processed(note: Note) -> Note:
    return note.complete("#offer here", FOUND, stamp=Stamp("e9", LATER, ADA))


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_the_text_has_eight_names(name: str) -> None:
    text = " As it\r\ncame\u200b "
    assert NoteInput.model_validate({name: text}).given_fields() == {"body": text, "is_pinned": False}
    assert NotePatch.model_validate({name: text}).given_fields() == {"body": text}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(TEXT_NAMES, 2)))
def test_two_names_with_different_texts_are_refused_and_with_equal_ones_taken(one: str, other: str) -> None:
    for model in (NoteInput, NotePatch):
        assert model.model_validate({one: "x", other: "x"}).given_fields()["body"] == "x"
        with pytest.raises(Invalid) as refusal:
            model.model_validate({one: "x", other: "X"}).given_fields()
        assert [error.field for error in refusal.value.errors] == [one, other]
        assert all(f"`{one}` and `{other}`" in error.message for error in refusal.value.errors)


def test_a_name_with_null_counts_as_left_out() -> None:
    assert NoteInput(body=None, text="x").given_fields()["body"] == "x"
    for model in (NoteInput(), NoteInput(body=None), NotePatch(body=None), NotePatch(body=None, text=None)):
        with pytest.raises(Invalid):
            model.given_fields()
    assert NotePatch().given_fields() == {}
    assert NotePatch(is_pinned=None).given_fields() == {"is_pinned": False}


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u200b\ufeff", "\u2800", "\xad", "\x01", "a\x00", "x" * 10_001]
)
def test_a_text_has_something_visible_and_at_most_10_000_characters(text: str) -> None:
    for name in TEXT_NAMES:
        with pytest.raises(ValidationError):
            NoteInput.model_validate({name: text})
    assert NoteInput(body="\U0001f600" * MAX_LONG_TEXT).given_fields()["body"]


def test_a_new_note_is_to_be_processed() -> None:
    note = made(is_pinned=True)
    assert (note.body, note.original, note.processing_state) == ("#offer  here", None, "pending")
    assert (note.is_pinned, note.version, note.requested_by, note.found) == (True, 1, "e1", [])


def test_processing_tidies_lists_and_keeps_the_version_and_the_original() -> None:
    note = processed(made())
    assert (note.body, note.original, note.found) == ("#offer here", "#offer  here", FOUND)
    assert (note.processing_state, note.processed_at, note.counts) == ("processed", LATER, {"tag": 1})
    assert (note.version, note.updated_at, note.last_event) == (1, AT, "e9")
    assert processed(made("#offer here")).original is None


def test_processing_again_starts_from_the_text_as_it_was_sent() -> None:
    note = processed(made())
    assert note.sent == "#offer  here"
    assert note.complete("other", [], stamp=Stamp("e10", LATER, ADA)).original == "#offer  here"


def test_another_text_is_to_be_processed_and_what_was_found_in_the_old_one_is_gone() -> None:
    note = changed(processed(made()), content="Accepted.")
    assert note is not None
    assert (note.body, note.original, note.found, note.processed_at) == ("Accepted.", None, [], None)
    assert (note.processing_state, note.requested_by, note.version) == ("pending", "e2", 2)


@pytest.mark.parametrize("text", ["#offer here", "#offer  here"])
def test_the_same_text_as_shown_or_as_sent_is_no_change(text: str) -> None:
    note = processed(made())
    assert changed(note, body=text) is None
    pinned = changed(note, body=text, is_pinned=True)
    assert pinned is not None
    assert (pinned.is_pinned, pinned.processing_state, pinned.original) == (True, "processed", "#offer  here")
    assert pinned.requested_by == "e1"


def test_a_change_lists_the_text_before_and_after() -> None:
    note = processed(made())
    change = note.change({"body": "Accepted."}, stamp=Stamp("e2", LATER, ADA))
    assert change is not None
    assert change[1] == {
        "body": ("#offer here", "Accepted."),
        "original": ("#offer  here", None),
        "processing_state": ("processed", "pending"),
    }
    assert note.list_removed_fields()["body"] == ("#offer here", None)


def test_what_failed_or_waits_can_be_requested_again_and_what_is_processed_cannot() -> None:
    stamp = Stamp("e3", LATER, ADA)
    failed = made().fail("exhausted", stamp=stamp)
    assert (failed.processing_state, failed.failure_reason, failed.version) == ("failed", "exhausted", 1)
    for note in (failed, made()):
        again, _ = note.request_processing(stamp=stamp)
        assert (again.processing_state, again.failure_reason, again.requested_by) == ("pending", None, "e3")
        assert (again.version, again.body) == (2, "#offer  here")
    with pytest.raises(Conflict) as refusal:
        processed(made()).request_processing(stamp=stamp)
    assert refusal.value.code == "already_processed"
    edited = changed(failed, text="Other.")
    assert edited is not None and edited.failure_reason is None
