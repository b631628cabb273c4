"""The names that filters may have are those of events."""

from __future__ import annotations

from typing import get_args

import pytest

from shared.domain.events import ENTITIES
from shared.domain.payloads.parts import Changes
from shared.domain.payloads.registry import DATA
from shared.domain.webhooks.changed_fields import CHANGED_FIELDS, explain_unknown_field, is_changed_field


def test_the_fields_and_kinds_are_those_of_the_payloads() -> None:
    fields: set[str] = set()
    for data in DATA.values():
        for part in data.model_fields["changes"].metadata:
            if isinstance(part, Changes):
                fields |= {field.alias or name for name, field in part.model.model_fields.items()}
    assert set(CHANGED_FIELDS) == fields
    kinds = [kind for data in DATA.values() for kind in get_args(data.model_fields["object"].annotation)]
    assert set(ENTITIES) == set(kinds)
    assert len(ENTITIES) == len(set(ENTITIES))


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("email", True),
        ("communication", True),
        ("communication.opt_outs", True),
        ("communication.opt_outs.email", True),
        ("custom_fields", True),
        ("custom_fields.visits", True),
        ("rate_limit.burst", True),
        ("communication.opt", False),
        ("email.x", False),
        ("custom_field", False),
        ("Email", False),
        ("", False),
    ],
)
def test_a_name_is_that_of_a_field_or_of_fields_within_it(name: str, is_known: bool) -> None:
    assert is_changed_field(name) is is_known


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("firstName", "Did you mean `first_name`?"),
        ("custom_field", "Did you mean `custom_fields`?"),
        ("surname", "Did you mean `last_name`?"),
        ("zzz", "Give names as in the `changes` of events, such as `email`."),
    ],
)
def test_an_unknown_name_is_explained(given: str, hint: str) -> None:
    assert explain_unknown_field(given) == f"Events have no such field. {hint}"
