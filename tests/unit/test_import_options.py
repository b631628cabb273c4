"""The options of an import: what callers may give, and what comes of it."""

from __future__ import annotations

import codecs

import pytest
from pydantic import ValidationError

from shared.domain.encodings import CODECS, ENCODINGS, encoding_name
from shared.domain.import_options import (
    FIELDS,
    MAX_BYTES,
    ImportOptions,
    is_delimiter,
    is_field,
)
from shared.domain.import_options_input import ImportDefaultsShown, OptionsInput, OptionsShown

GIVEN = ImportOptions(
    on_duplicate="merge",
    match_on="phone",
    dry_run=True,
    mapping={"Kunde": "name", "Intern": None},
    encoding="windows-1251",
    delimiter=";",
    tags=("a", "b"),
    groups=("Customers",),
    owner_id="user-1",
    default_country="DE",
)


def test_options_are_the_same_after_they_were_stored() -> None:
    assert ImportOptions.from_json(GIVEN.to_json()) == GIVEN
    assert (
        ImportOptions.from_json(ImportOptions().to_json()) == ImportOptions() == ImportOptions.from_json("")
    )


def test_options_are_shown_as_they_can_be_given() -> None:
    shown = OptionsShown.of(GIVEN).model_dump()
    assert OptionsInput.model_validate(shown).apply_to(ImportOptions()) == GIVEN
    assert "dry_run" not in ImportDefaultsShown.of(GIVEN).model_dump()


def test_absent_options_stay_and_null_resets_to_the_defaults() -> None:
    defaults = ImportOptions(on_duplicate="update", tags=("default",))
    given = OptionsInput.model_validate(
        {"on_duplicate": None, "tags": None, "encoding": None, "match_on": "email"}
    )
    assert given.apply_to(GIVEN, defaults) == GIVEN.changed(
        on_duplicate="update", tags=("default",), encoding=None, match_on="email"
    )
    assert OptionsInput().apply_to(GIVEN, defaults) == GIVEN


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("UTF-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("UTF16", "utf-16"),
        ("cp1251", "windows-1251"),
        ("Windows-1251", "windows-1251"),
        ("latin-1", "iso-8859-1"),
        ("ISO-8859-2", "iso-8859-2"),
        ("Shift_JIS", "shift-jis"),
        ("Shift-JIS", "shift-jis"),
        ("Mac Roman", "mac-roman"),
        ("macintosh", "mac-roman"),
        ("KOI8-R", "koi8-r"),
        ("GB18030", "gb18030"),
        ("EUC-KR", "euc-kr"),
        ("UTF-32LE", "utf-32-le"),
        ("windows-31j", "cp932"),
        ("CP 866", "cp866"),
        ("Win1250", "windows-1250"),
    ],
)
def test_encodings_have_the_names_that_people_use(given: str, name: str) -> None:
    assert encoding_name(given) == name
    assert OptionsInput.model_validate({"encoding": given}).encoding == name


def test_every_encoding_is_known_to_python_and_keeps_its_name() -> None:
    for name in ENCODINGS:
        text = "Email,Name\r\n"
        assert text.encode(codecs.lookup(CODECS[name]).name).decode(CODECS[name]) == text
        assert encoding_name(name) == name


@pytest.mark.parametrize(
    "given", ["", "rot13", "zip", "idna", "punycode", "undefined", "hex", "../../os", "os", "ü"]
)
def test_other_codecs_are_no_encodings_of_files(given: str) -> None:
    assert encoding_name(given) is None


def test_a_delimiter_is_one_character_that_begins_no_value() -> None:
    assert all(map(is_delimiter, ",;\t|:^~ "))
    assert not any(map(is_delimiter, ["", ",,", "a", "7", '"', "'", "\r", "\n", "\x00", "@", ".", "(", "ü"]))


def test_mappings_name_fields() -> None:
    assert all(map(is_field, [*FIELDS, "custom.vip_level", "other_phones.mobile", "other_phones.Büro 2"]))
    assert not any(
        map(is_field, ["", "mail", "custom.", "custom.Bad", "other_phones.", "version", "owner_id", "source"])
    )


def test_an_unknown_field_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(ValidationError, match="Did you mean `email`"):
        OptionsInput.model_validate({"mapping": {"Mail": "emial"}})
    with pytest.raises(ValidationError, match=r"custom\.<key>"):
        OptionsInput.model_validate({"mapping": {"Mail": "zzzzzz"}})


def test_options_have_a_largest_size_together() -> None:
    half = {"x" * 900 + str(number): None for number in range(MAX_BYTES // 2_000)}
    whole = {"x" * 900 + str(number): None for number in range(MAX_BYTES // 800)}
    assert OptionsInput.model_validate({"mapping": half}).mapping == half
    with pytest.raises(ValidationError, match="at most 32,768 bytes"):
        OptionsInput.model_validate({"mapping": whole})


@pytest.mark.parametrize("label", ["a\nb", "\u202eb", " b", "b ", "\u200b", ""])
def test_a_label_of_a_mapping_is_one_line_without_invisible_characters(label: str) -> None:
    assert not is_field(f"other_phones.{label}")
    assert is_field("other_phones.büro 2")
