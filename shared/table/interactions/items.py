"""The items of timelines: interactions."""

from __future__ import annotations

from shared.domain.interactions.interaction import Interaction
from shared.domain.records import blank_fields
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys.spelling import Key

_INTERACTION = AttributeCodec(
    texts=(
        "id",
        "contact_id",
        "type",
        "description",
        "occurred_at",
        "outcome",
        "next_action",
        "scheduled_follow_up",
        "follow_up_id",
        "booking_id",
        "performed_by",
        "performed_by_id",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
    ),
    numbers=("version",),
    json=("metadata",),
    defaults=blank_fields(Interaction),
)


def interaction_key(tenant_id: str, interaction: Interaction) -> Key:
    """Return the key of an interaction."""
    return interaction_keys.interaction(
        tenant_id,
        interaction.contact_id,
        interaction.id,
        interaction.occurred_at,
        by_system=interaction.is_by_system,
    )


def interaction_to_item(tenant_id: str, interaction: Interaction, *, is_settled: bool = False) -> Item:
    """Return the item of an interaction.

    One that a caller recorded and that is still to happen has an entry in the index of work: at that time it becomes
    the contact's last contact. `is_settled`: this has been done.
    """
    item: Item = {**interaction_key(tenant_id, interaction), **_INTERACTION.encode(interaction.__dict__)}
    if not is_settled and not interaction.is_by_system and interaction.occurred_at > interaction.updated_at:
        item.update(timeline_keys.due_entry(interaction.occurred_at, interaction.contact_id, interaction.id))
    return item


def interaction_from_item(item: Item) -> Interaction:
    """Return the interaction of an item."""
    return Interaction.from_stored(_INTERACTION.decode(item))
