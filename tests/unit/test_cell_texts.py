"""Texts in cells: whatever exports write, imports read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cell_texts import (
    FORMULA_STARTS,
    add_mark,
    join_values,
    remove_mark,
    split_names,
    split_values,
)
from shared.domain.contacts import other_phones
from shared.domain.contacts.other_phones import OtherPhone, split_label

TEXTS = st.lists(st.sampled_from([*"'\"=+-@,;: ax\t\n\u05d0😀", ":::"]), max_size=12).map("".join)
VALUES = TEXTS.map(str.strip).filter(bool)


@given(TEXTS)
def test_no_marked_cell_runs_as_a_formula_and_its_text_comes_back(text: str) -> None:
    """check 84"""
    cell = add_mark(text)
    assert not cell.startswith(FORMULA_STARTS)
    assert remove_mark(cell) == text


@given(st.lists(VALUES, max_size=4))
def test_values_of_a_cell_come_back_whatever_they_contain(values: list[str]) -> None:
    """check 84"""
    assert split_values(join_values(values)) == values
    assert split_names(join_values(values), "* ") == values


@pytest.mark.parametrize("value", ["[vip]", "[x", "* y", "*", "'z'", "none", "N/A", "-", "[a, b]"])
def test_a_value_that_looks_like_a_list_a_mark_or_a_placeholder_comes_back(value: str) -> None:
    """check 84"""
    cell = join_values([value, "b"])
    assert cell.startswith('"')
    assert split_names(cell, "* ") == [value, "b"]


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("vip, lead", ["vip", "lead"]),
        ("* Friends ::: * myContacts", ["* Friends", "* myContacts"]),
        ('"vip";"big spender"', ["vip", "big spender"]),
        ('"a, b", c', ["a, b", "c"]),
        ('say "hi", 5" pipe', ['say "hi"', '5" pipe']),
        ('"open, c', ['"open', "c"]),
        (" , ;", []),
    ],
)
def test_a_cell_is_split_outside_of_matching_quotes(cell: str, values: list[str]) -> None:
    assert split_values(cell) == values


@pytest.mark.parametrize("label", ["", "mobile", "home: second", "a, b"])
def test_a_number_comes_back_with_its_label(label: str) -> None:
    phone: OtherPhone = {"label": label, "number": "+12025550143", "raw": None}
    assert split_label(other_phones.as_text(phone)) == (label, "+12025550143")
