"""The rows by which a contact that is being purged could still be found.

The projections remove a contact's rows when it is deleted, thirty days before the purge. The purge checks once more:
the contact's history has every value that it ever had, and no row may contain any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from shared import observability
from shared.domain.contacts import order as contact_order
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.keys import custom_key
from shared.domain.errors import NOT_A_RECORD
from shared.domain.records import blank_fields
from shared.projections.kinds import contacts
from shared.projections.shared_keys import request_pass
from shared.table import event_items, walking
from shared.table.codec import to_json
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Identity, identity_of, key_of
from shared.table.ranges import ALL_IDS, walk_ranges
from shared.table.store import Store

_PAGE = 100
_CUSTOM = "custom_fields."
_SOURCE_FIELDS = frozenset(
    {
        *(contact_order.field_of(order) for order in contact_order.INDEXED),
        *("first_name", "last_name", "full_name", "company", "email", "other_emails"),
        *("phone", "whatsapp", "other_phones"),
    }
)
"""The fields from which a contact's rows are made."""


class LeftoverRows:
    """The rows of purged contacts, of all tenants.

    An event that cannot be read says nothing about rows. It is passed over, with a warning.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove(self, tenant_id: str, contact_id: str, *, is_resumed: bool = False) -> Iterator[int]:
        """Remove the rows of all states that a contact was in; yield the number of removed rows at each step.

        For a contact whose record has been emptied and whose events still exist. Keeps its place after each portion of
        events that is not the last, with the state that the contact was in then. `is_resumed`: continues from there; it
        is only looked up then. Costs reading the events, and half a read unit for each row that may exist. Repeating it
        is harmless.
        """
        state: dict[str, Any] = {"id": contact_id}
        after: str | None = None
        place_key = contact_keys.purge_place(tenant_id, contact_id)
        if is_resumed and (place := self._store.get(place_key)):
            after, state = place["after"]["S"], json.loads(place["state"]["S"])
        partition = contact_keys.partition(tenant_id, contact_id)
        found = walk_ranges(
            self._store,
            [(partition, prefix) for prefix in event_keys.RANGES],
            between=ALL_IDS,
            after=after,
            descending=False,
            portion=_PAGE,
        )
        for rows in walking.portions((row for _, row in found), _PAGE):
            removed = self._remove(tenant_id, state, rows)
            is_full = len(rows) == _PAGE
            if is_full:
                last = {"S": event_keys.id_of(rows[-1])}
                self._store.put({**place_key, "after": last, "state": {"S": to_json(state)}})
            if removed or is_full:  # a run that has time for one step must not spend it on nothing
                yield removed

    def _remove(self, tenant_id: str, state: dict[str, Any], events: Sequence[Item]) -> int:
        """Remove the rows of the states before and after each event; leave the last of them in `state`."""
        rows: dict[Identity, Item] = {}
        for event in events:
            try:
                found, after = _rows_around(tenant_id, state, event)
            except NOT_A_RECORD:
                observability.warn("not an event", trace=observability.trace())
                continue
            rows.update((identity_of(row), row) for row in found)
            state.update(after)
        present = self._store.get_many([key_of(row) for row in rows.values()], consistent=False)
        if any(duplicate_keys.key_of_row(pair) for pair in present):
            # Before the rows are removed, so that a purge that is killed in between leaves no marker of them.
            request_pass(self._store, tenant_id)
        self._store.write_many(delete=[key_of(row) for row in present.values()])
        return len(present)


def _rows_around(tenant_id: str, state: dict[str, Any], item: Item) -> tuple[list[Item], dict[str, Any]]:
    """Return the rows of the states before and after an event, and the state after it.

    Events are in the order of their ids, and so of their times, but not always of their versions: so the state before
    each event counts as well.
    """
    event = event_items.event_from_item(item)
    rows: list[Item] = []
    for values in (
        {name: before for name, (before, _) in event.changes.items()},
        {name: after for name, (_, after) in event.changes.items()} | {"updated_at": event.at},
    ):
        state = state | {
            name: value
            for name, value in values.items()
            if name in _SOURCE_FIELDS or name.startswith(_CUSTOM)
        }
        given = {name: value for name, value in state.items() if value is not None}
        if "first_name" in given:  # otherwise it was before the contact was created
            custom_fields = {
                name.removeprefix(_CUSTOM): given.pop(name) for name in [*given] if name.startswith(_CUSTOM)
            }
            contact = Contact.from_stored({**blank_fields(Contact), **given, "custom_fields": custom_fields})
            rows += contacts.rows_of(tenant_id, contact)
            # Each custom field may have been the tenant's choice at that time.
            keys = (custom_key(name, value) for name, value in custom_fields.items())
            rows += (duplicate_keys.match(tenant_id, key, contact.id) for key in keys if key)
    return rows, state
