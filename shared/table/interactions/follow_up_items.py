"""The items of follow-ups, and the steps that write them."""

from __future__ import annotations

from shared.domain.interactions.follow_up import FollowUp
from shared.domain.records import blank_fields
from shared.services.interactions.scheduling import FollowUpChange
from shared.table import guards
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys.spelling import SK, Key, identity_of
from shared.table.transactions import Transaction

_FOLLOW_UP = AttributeCodec(
    texts=(
        "id",
        "contact_id",
        "interaction_id",
        "title",
        "due_at",
        "assignee_id",
        "notified_at",
        "done_at",
        "cancelled_at",
        "outcome",
        "outcome_interaction_id",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
    ),
    states=("state",),
    numbers=("version",),
    defaults=blank_fields(FollowUp),
)


def follow_up_key(tenant_id: str, follow_up: FollowUp) -> Key:
    """Return the key of a follow-up."""
    return follow_up_keys.follow_up(
        tenant_id, follow_up.contact_id, follow_up.id, follow_up.sorts_at, is_open=follow_up.is_open
    )


def follow_up_to_item(tenant_id: str, follow_up: FollowUp) -> Item:
    """Return the item of a follow-up. Until it is announced, it has an entry in the index of work."""
    item: Item = {**follow_up_key(tenant_id, follow_up), **_FOLLOW_UP.encode(follow_up.__dict__)}
    if not follow_up.is_announced:
        item.update(timeline_keys.due_entry(follow_up.due_at, follow_up.contact_id, follow_up.id))
    return item


def follow_up_from_item(item: Item) -> FollowUp:
    """Return the follow-up of an item, or of a list row, which has the same attributes."""
    return FollowUp.from_stored(_FOLLOW_UP.decode(item))


def add_follow_up(transaction: Transaction, tenant_id: str, change: FollowUpChange) -> None:
    """Add the change of a follow-up to a transaction that also writes its contact under the contact's version."""
    before, after = change.before, change.after
    item = follow_up_to_item(tenant_id, after)
    locator: Item = {
        **follow_up_keys.locator(tenant_id, after.id),
        "contact_id": {"S": after.contact_id},
        "entry": item[SK],
    }
    if before is None:
        transaction.put(item)
        transaction.put(locator, **guards.is_new())
        return
    key = follow_up_key(tenant_id, before)
    if identity_of(key) == identity_of(item):
        transaction.put(item, **guards.at_version(before.version))
        return
    transaction.delete(key, **guards.at_version(before.version))
    transaction.put(item)
    transaction.put(locator)
