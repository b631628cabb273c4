"""Patterns of event types: `*` for all types, `contact.*` for those that begin with `contact.`, or one type."""

from __future__ import annotations

from shared.domain.events import EVENT_TYPES, WEBHOOK_TEST
from shared.domain.field_names import nearest

ALL = "*"
"""The pattern of all event types."""
_ANY = ".*"
"""The end of a pattern of all types that begin alike."""
PATTERNS = (ALL, *dict.fromkeys(f"{one.partition('.')[0]}{_ANY}" for one in EVENT_TYPES))
"""The patterns that cover several types."""


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


def explain_unknown(pattern: str) -> str:
    """Return the sentences for a text that is no pattern: what was probably meant, or what a pattern is."""
    refused = "There is no such event type."
    if pattern == WEBHOOK_TEST:
        return f"{refused} Test events take no subscription, and the feed does not have them."
    if meant := nearest(pattern, [*PATTERNS[1:], *EVENT_TYPES]):
        return f"{refused} Did you mean `{meant}`?"
    return f"{refused} Give one type, such as `contact.created`, all of a kind, such as `contact.*`, or `*`."
