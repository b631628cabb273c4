"""The rows by which a contact that is being purged could still be found.

The projections remove a contact's rows when it is deleted, thirty days before. This is the purge's own look: each value
that the contact ever had is in its history, and none of them may be found under it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.domain.contacts import order as contact_order
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.records import defaults_of
from shared.projections.kinds import contacts
from shared.table import items, keys
from shared.table.store import Item, Store

_PORTION = 100
_EMPTY = {**defaults_of(Contact), "updated_at": ""}
_FOUND_BY = frozenset(
    {
        *(contact_order.field_of(order) for order in contact_order.INDEXED),
        *("first_name", "last_name", "full_name", "company", "email", "other_emails"),
        *("phone", "whatsapp", "other_phones"),
    }
)
"""The fields that rows to be found by are made from."""


class Remains:
    """The rows of purged contacts, of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove(self, tenant_id: str, contact_id: str) -> Iterator[int]:
        """Remove what there is of the rows of all states that a contact was in; how many rows at each step.

        For a contact whose record has been emptied and whose events are still there. Costs their reading, and a half
        read unit for each row that may be there. Doing it again is harmless.
        """
        state: dict[str, Any] = {"id": contact_id}
        after = None
        partition = keys.contact_partition(tenant_id, contact_id)
        while True:
            rows = self._store.query(
                partition, limit=_PORTION, prefix=keys.EVENT, after=after, consistent=True
            )
            yield self._remove(tenant_id, state, [items.event_from_item(row) for row in rows])
            if len(rows) < _PORTION:
                return
            after = rows[-1][keys.SK]["S"]

    def _remove(self, tenant_id: str, state: dict[str, Any], events: Sequence[Event]) -> int:
        """Remove the rows of the states after each of some events, and bring `state` to the last of them."""
        rows: dict[tuple[str, str], Item] = {}
        for event in events:
            # In the order of their ids, which is that of their times, if not always of their versions: so the state
            # before each is looked at as well.
            for values in (
                {name: before for name, (before, _) in event.changes.items()},
                {name: after for name, (_, after) in event.changes.items()} | {"updated_at": event.at},
            ):
                state.update((name, value) for name, value in values.items() if name in _FOUND_BY)
                told = {name: value for name, value in state.items() if value is not None}
                if "first_name" not in told:
                    continue  # before it was made
                for row in contacts.rows_of(tenant_id, Contact.model_construct(**{**_EMPTY, **told})):
                    rows[row[keys.PK]["S"], row[keys.SK]["S"]] = row
        places = [{keys.PK: row[keys.PK], keys.SK: row[keys.SK]} for row in rows.values()]
        found = self._store.get_many(places, consistent=False)
        self._store.write_many(delete=[{keys.PK: {"S": pk}, keys.SK: {"S": sk}} for pk, sk in found])
        return len(found)
