"""Conditions of writes, each with the error for the case that it does not hold; pass one with `**`.

botocore sends a request again when the answer to it was lost, and then finds its own write in the table. So a condition
that the write itself makes false has an alternative that recognises the write: the event that it names, or the owner.
(Transactions need it too: their client token covers ten minutes, and a message may be handled again after that.)
"""

from __future__ import annotations

from typing import TypedDict

from shared.domain.errors import ConcurrentChange
from shared.table.item import Item
from shared.table.transactions import Refusal

IS_NEW = "attribute_not_exists(PK)"


class Guard(TypedDict):
    """The condition of a write, its values, and the error when it does not hold."""

    condition: str
    values: Item
    refusal: Refusal


def concurrent_change(_: Item | None) -> Exception:
    """Return the error for a record that another writer has changed."""
    return ConcurrentChange()


def is_new(refusal: Refusal = concurrent_change) -> Guard:
    """Guard the write of an item that must not exist."""
    return {"condition": IS_NEW, "values": {}, "refusal": refusal}


def at_version(version: int) -> Guard:
    """Guard the write of a record that must still be at a version."""
    return {
        "condition": "version = :before",
        "values": {":before": {"N": str(version)}},
        "refusal": concurrent_change,
    }


def at_event(event_id: str) -> Guard:
    """Guard the write of a record whose last change must still be the one of an event."""
    return {
        "condition": "last_event = :before",
        "values": {":before": {"S": event_id}},
        "refusal": concurrent_change,
    }


def is_new_or_own(event_id: str, refusal: Refusal = concurrent_change) -> Guard:
    """Guard the creation of a record by an event."""
    return {
        "condition": f"{IS_NEW} OR last_event = :event",
        "values": {":event": {"S": event_id}},
        "refusal": refusal,
    }


def at_version_or_own(version: int, event_id: str, refusal: Refusal = concurrent_change) -> Guard:
    """Guard the change by an event of a record that must still be at a version."""
    return {
        "condition": "version = :before OR last_event = :event",
        "values": {":before": {"N": str(version)}, ":event": {"S": event_id}},
        "refusal": refusal,
    }


def at_version_and_locks_or_own(version: int, locks_lost: int, event_id: str) -> Guard:
    """Guard the change by an event of a contact at a version, none of whose locks was taken since it was read.

    `locks_lost` counts the locks of contacts merged into it that others took (`shared.table.contacts.locks`).
    """
    at_version = "version = :before"
    keeps_locks = "locks_lost = :lost" if locks_lost else "attribute_not_exists(locks_lost)"
    values: Item = {":before": {"N": str(version)}, ":event": {"S": event_id}}
    if locks_lost:
        values[":lost"] = {"N": str(locks_lost)}
    return {
        "condition": f"({at_version} AND {keeps_locks}) OR last_event = :event",
        "values": values,
        "refusal": concurrent_change,
    }


def is_free_or_own(attribute: str, owner_id: str, refusal: Refusal = concurrent_change) -> Guard:
    """Guard the taking or the release of a lock that no other owner may have; `attribute` names the owner."""
    return {
        "condition": f"{IS_NEW} OR {attribute} = :owner",
        "values": {":owner": {"S": owner_id}},
        "refusal": refusal,
    }


def is_of_or_own(
    attribute: str, holder_id: str, owner_id: str, refusal: Refusal = concurrent_change
) -> Guard:
    """Guard the taking over of a lock from the holder it names; `attribute` names the owner."""
    return {
        "condition": f"{attribute} = :holder OR {attribute} = :owner",
        "values": {":holder": {"S": holder_id}, ":owner": {"S": owner_id}},
        "refusal": refusal,
    }


def at_revision_or_own(before: str, after: str) -> Guard:
    """Guard the change of a record whose revision, a random text, changes with each write."""
    return {
        "condition": "revision = :before OR revision = :after",
        "values": {":before": {"S": before}, ":after": {"S": after}},
        "refusal": concurrent_change,
    }


def is_new_event(version: int) -> Guard:
    """Guard the write of an event of a record's version.

    Work that is done twice derives the same event id; the second time, it must tell of the same version.
    """
    return {
        "condition": f"{IS_NEW} OR version = :version",
        "values": {":version": {"N": str(version)}},
        "refusal": concurrent_change,
    }
