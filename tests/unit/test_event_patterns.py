"""Patterns of event types."""

from __future__ import annotations

import pytest

from shared.domain.event_patterns import covers, explain_unknown, find_types
from shared.domain.events import EVENT_TYPES


@pytest.mark.parametrize(
    ("pattern", "event_type", "is_covered"),
    [
        ("*", "contact.created", True),
        ("contact.*", "contact.created", True),
        ("contact.*", "contact.status_changed", True),
        ("contact.*", "contacts.created", False),
        ("contact.*", "note.created", False),
        ("contact.created", "contact.created", True),
        ("contact.created", "contact.updated", False),
        ("contact.", "contact.created", False),
        ("contact*", "contact.created", False),
        ("contact.c*", "contact.created", False),
        ("*.created", "contact.created", False),
        ("Contact.*", "contact.created", False),
        (".*", "contact.created", False),
        ("", "contact.created", False),
        ("**", "contact.created", False),
    ],
)
def test_a_pattern_covers_the_types_that_it_names(pattern: str, event_type: str, is_covered: bool) -> None:
    assert covers(pattern, event_type) is is_covered


def test_each_type_is_covered_by_itself_by_its_subject_and_by_the_star() -> None:
    assert find_types("*") == list(EVENT_TYPES)
    for event_type in EVENT_TYPES:
        assert find_types(event_type) == [event_type]
        assert event_type in find_types(f"{event_type.partition('.')[0]}.*")
    assert find_types("nothing.*") == find_types("nothing.created") == []


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("contact.create", "Did you mean `contact.created`?"),
        ("Contact.Deleted", "Did you mean `contact.deleted`?"),
        ("contact*", "Did you mean `contact.*`?"),
        ("contacts.*", "Did you mean `contact.*`?"),
        ("webhook.test", "Test events take no subscription, and the feed does not have them."),
        ("zzz", "Give one type, such as `contact.created`, all of a kind, such as `contact.*`, or `*`."),
        ("", "Give one type, such as `contact.created`, all of a kind, such as `contact.*`, or `*`."),
    ],
)
def test_a_text_that_is_no_pattern_is_explained(given: str, hint: str) -> None:
    assert find_types(given) == []
    assert explain_unknown(given) == f"There is no such event type. {hint}"
