"""How far the recount has come with each tenant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.services.recount.progress import Progress
from shared.table import guards, walking
from shared.table.codec import to_json
from shared.table.item import Item
from shared.table.keys import recount as recount_keys
from shared.table.keys.spelling import identity_of, tenant_of_item
from shared.table.store import Store

_PAGE = 100
_MAX_KNOWN = 10_000
"""How many tenants a process knows to be enlisted. When there are more, it forgets them all."""


class RecountTable:
    """The progress with all tenants, and the units that were used tonight."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._enlisted: set[str] = set()

    def enlist(self, tenant_ids: Collection[str]) -> None:
        """Make tenants due for a recount that never had one.

        Costs half a read unit for each tenant that this process has not enlisted before.
        """
        new = {one: recount_keys.progress(one) for one in tenant_ids if one not in self._enlisted}
        if not new:
            return
        if len(self._enlisted) > _MAX_KNOWN:
            self._enlisted.clear()
        found = self._store.get_many(list(new.values()), consistent=False)
        for tenant_id, key in new.items():
            if identity_of(key) not in found:
                item = _to_item(Progress(tenant_id, due_at=timestamps.now()), new_id())
                self._store.put(item, condition=guards.IS_NEW)
        self._enlisted.update(new)

    def due(self, at: str) -> Iterator[str]:
        """Yield the ids of the tenants that are due, the longest overdue first. The index follows within moments."""
        for entry in walking.walk_due(self._store, (recount_keys.DUE,), at, page=_PAGE):
            yield tenant_of_item(entry)

    def read(self, tenant_id: str) -> Progress | None:
        """Return the progress with a tenant as of now; None if it was never enlisted."""
        item = self._store.get(recount_keys.progress(tenant_id))
        return _from_item(tenant_id, item) if item is not None else None

    def save(self, progress: Progress) -> Progress | None:
        """Write the progress with a tenant, and return it as written; None if another run has written meanwhile."""
        revision = new_id()
        guard = guards.at_revision_or_own(progress.revision, revision)
        is_written = self._store.put(
            _to_item(progress, revision),
            condition=f"{guards.IS_NEW} OR {guard['condition']}",
            values=guard["values"],
        )
        return progress.at_revision(revision) if is_written else None

    def units_of(self, night: str) -> float:
        """Return the read units that were used in a night."""
        item = self._store.get(recount_keys.NIGHT)
        return float(item["units"]["N"]) if item is not None and item["night"]["S"] == night else 0.0

    def set_units(self, night: str, units: float) -> None:
        """Write the read units that were used in a night."""
        self._store.put({**recount_keys.NIGHT, "night": {"S": night}, "units": {"N": str(units)}})


def _to_item(progress: Progress, revision: str) -> Item:
    return {
        **recount_keys.progress(progress.tenant_id),
        **recount_keys.due_entry(progress.due_at, progress.tenant_id),
        "revision": {"S": revision},
        "due_at": {"S": progress.due_at},
        "place": {"S": to_json(progress.place)},
        "started_at": {"S": progress.started_at},
        "counts": {"S": to_json(progress.counts)},
        "last": {"S": to_json(progress.last)},
    }


def _from_item(tenant_id: str, item: Item) -> Progress:
    phase, after = json.loads(item["place"]["S"])
    return Progress(
        tenant_id,
        due_at=item["due_at"]["S"],
        place=(phase, after),
        started_at=item["started_at"]["S"],
        counts=json.loads(item["counts"]["S"]),
        last=json.loads(item["last"]["S"]),
        revision=item["revision"]["S"],
    )
