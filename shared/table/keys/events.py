"""Keys of events, and of the outbox by which their publication is checked.

Events are in the partition of their record. A contact's partition has two ranges of them: the events of the contact
itself, and those of the entries of its timeline, such as `interaction.created`, of which there may be very many. An
event of an entry that changes fields of the contact as well, by a booking or a tag rule, is among those of the contact.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys import work
from shared.table.keys.spelling import (
    SK,
    Key,
    make_key,
    record_partition,
    tenant_partition,
)

EVENT = "EVENT#"
ENTRY_EVENT = "EVENT#~"
"""The prefix of the events of entries. `~` sorts after every id, so that both ranges can be read by themselves, and
together by the prefix EVENT."""
RANGES = (EVENT, ENTRY_EVENT)
"""The ranges of a contact's events."""
OUTBOX_SHARDS = 16
"""Index partitions over which the events of ten minutes spread; each takes 1,000 writes a second. With sixteen, none
gets more than one in a hundred of the writes of an import."""
SWEEP = "S#SWEEP"
"""The partition of what the sweep notes."""
SWEEP_CHECKPOINT: Key = make_key(SWEEP, "CHECKPOINT")
LEFT_OVER = "LEFT#"
"""The prefix of the notes of the tenants that have events which the sweep left over."""
_LEFT_OVER_PARTITION = "OUTBOX#LEFT#"


def event(tenant_id: str, entity: str, entity_id: str, event_id: str, *, is_of_entry: bool = False) -> Key:
    """Return the key of an event, which is in the partition of its record. `is_of_entry`: see `Event.is_of_entry`."""
    if entity == "tenant":
        return make_key(tenant_partition(tenant_id), sort_key(event_id))
    return make_key(
        record_partition(tenant_id, entity, entity_id),
        f"{ENTRY_EVENT}{event_id}" if is_of_entry else sort_key(event_id),
    )


def possible_keys(
    tenant_id: str, entity: str, entity_id: str, event_id: str, event_type: str
) -> tuple[Key, ...]:
    """Return the keys that an event of a type can have; two if its changes decide between the ranges of a contact,
    the likelier one first.
    """
    key = event(tenant_id, entity, entity_id, event_id)
    if entity != "contact" or event_type.startswith("contact."):
        return (key,)
    return event(tenant_id, entity, entity_id, event_id, is_of_entry=True), key


def sort_key(event_id: str) -> str:
    """Return the sort key of an event of a record itself, in the record's partition."""
    return f"{EVENT}{event_id}"


def id_of(key: dict[str, Any]) -> str:
    """Return the id of the event with a key."""
    sort_key: str = key[SK]["S"]
    return sort_key.removeprefix(EVENT).removeprefix(ENTRY_EVENT.removeprefix(EVENT))


def outbox(event_id: str, written_at: str) -> Key:
    """Return the index attributes under which an event's publication is checked: those of the time it was written."""
    shard = int(event_id[-2:], 16) % OUTBOX_SHARDS
    return work.entry(outbox_partition(written_at, shard), written_at, event_id)


def outbox_partition(written_at: str, shard: int) -> str:
    """Return the index partition of one shard of the events written in the same ten minutes."""
    # The first fifteen characters of 2026-05-04T09:34:00.000Z name the ten minutes from 09:30.
    return f"OUTBOX#{outbox_bucket(written_at)}#{shard}"


def left_over_note(tenant_id: str) -> Key:
    """Return the key of the note that a tenant has events which the sweep left over."""
    return make_key(SWEEP, f"{LEFT_OVER}{tenant_id}")


def left_over_partition(tenant_id: str) -> str:
    """Return the index partition of a tenant's events that the sweep left over."""
    return f"{_LEFT_OVER_PARTITION}{tenant_id}"


def is_left_over(item: dict[str, Any]) -> bool:
    """Return whether the sweep left an event over: the checkpoint has passed it, though it may be in no feed."""
    return work.WORK_PK in item and item[work.WORK_PK]["S"].startswith(_LEFT_OVER_PARTITION)


def outbox_bucket(written_at: str) -> str:
    """Return the ten minutes that a time is in."""
    return written_at[:15]
