"""First and last names from the parts of a name, or the whole of it."""

from __future__ import annotations

import pytest

from shared.domain.imports.names import DIFFERENT, TOO_LONG, read_name


@pytest.mark.parametrize(
    ("parts", "first", "last"),
    [
        ({"whole": "Grace Hopper"}, "Grace", "Hopper"),
        ({"whole": "Hopper, Grace"}, "Grace", "Hopper"),
        ({"whole": "Grace"}, "Grace", ""),
        ({"whole": "Johann Wolfgang von Goethe"}, "Johann Wolfgang", "von Goethe"),
        ({"first": "Mia", "middle": "Q", "last": "Lindt"}, "Mia Q", "Lindt"),
        ({"first": "Mia Q", "middle": "Q", "last": "Lindt"}, "Mia Q", "Lindt"),
        ({"middle": "Q", "last": "Lindt"}, "Q", "Lindt"),
        ({"first": "Martin", "last": "King", "suffix": "Jr."}, "Martin", "King Jr."),
        ({"first": "Martin", "last": "King Jr", "suffix": "Jr."}, "Martin", "King Jr"),
        ({"first": "Martin", "suffix": "Jr."}, "Martin Jr.", ""),
        ({"suffix": "Jr."}, "", "Jr."),
        ({"whole": "Müller", "first": "Hans"}, "Hans", "Müller"),
        ({"whole": "Hans Müller", "first": "Hans"}, "Hans", "Müller"),
        ({"whole": "Müller, Hans", "first": "Hans"}, "Hans", "Müller"),
        ({"whole": "Hans", "first": "Hans"}, "Hans", ""),
        ({"whole": "Ana", "last": "García López"}, "Ana", "García López"),
        ({"whole": "Ana García López", "last": "García López"}, "Ana", "García López"),
        ({"whole": "Ada Lovelace", "first": "Ada", "last": "Lovelace"}, "Ada", "Lovelace"),
        ({"whole": "LOVELACE, Ada", "first": "Ada", "last": "Lovelace"}, "Ada", "Lovelace"),
        ({"whole": "Ada B Lovelace", "first": "Ada", "middle": "B", "last": "Lovelace"}, "Ada B", "Lovelace"),
        ({}, "", ""),
    ],
)
def test_names_are_put_together(parts: dict[str, str], first: str, last: str) -> None:
    name = read_name(**{"first": "", "last": "", **parts})
    assert (name.first, name.last, name.fault) == (first, last, None)


def test_a_name_that_says_more_than_its_parts_is_not_lost_without_a_word() -> None:
    name = read_name(first="Ada", last="Lovelace", whole="Ada King, Countess of Lovelace")
    assert (name.first, name.last, name.fault) == ("Ada", "Lovelace", DIFFERENT)


def test_a_name_is_never_cut() -> None:
    assert read_name(first="", last="", whole="x" * 150).fault == TOO_LONG
    assert read_name(first="", last="", whole=f"{'x' * 90} {'y' * 90}").last == "y" * 90
