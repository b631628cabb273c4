"""Patterns of event types: `*` for all types, `contact.*` for those that begin with `contact.`, or one type."""

from __future__ import annotations

from shared.domain.events import EVENT_TYPES

ALL = "*"
"""The pattern of all event types."""
_ANY = ".*"
"""The end of a pattern of all types that begin alike."""


def covers(pattern: str, event_type: str) -> bool:
    """Return whether a pattern covers an event type."""
    if pattern == ALL:
        return True
    if pattern.endswith(_ANY):
        return event_type.startswith(pattern[:-1])
    return event_type == pattern


def find_types(pattern: str) -> list[str]:
    """Return the event types that a pattern covers now; none for a text that is no pattern."""
    return [event_type for event_type in EVENT_TYPES if covers(pattern, event_type)]
