"""Contacts of one tenant that share mailboxes, in a table in memory, and workers on their projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from shared.projections.engine import Projection
from shared.projections.matching import MatchingPass
from shared.projections.shared_keys import is_shared, request_pass
from shared.projections.sweeping import SweptProjection
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys.spelling import identity_of, key_of
from shared.table.store import Store
from tests.support.memory_table import MemoryTable
from tests.unit.projections.shop import TENANT, Batches, Shop

NOW = "2026-05-04T12:00:00.000Z"
LATER = "2026-05-04T12:01:00.000Z"


def person(number: int, version: int, email: str | None = None, **texts: str) -> Item:
    """Return the item of a contact with a number at a version. Without an address it has no match key."""
    contact_id = f"01996f3a-7c00-7000-8000-{number:012}"
    texts |= {"id": contact_id, "first_name": "Ann", "full_name": "Ann"} | ({"email": email} if email else {})
    texts |= {"created_at": NOW, "updated_at": f"2026-05-04T12:00:00.{version:03}Z"}
    return {
        **contact_keys.contact(TENANT, contact_id),
        **{name: {"S": text} for name, text in texts.items()},
        "version": {"N": str(version)},
    }


def removed(image: Item) -> Item:
    """Return the next state of a contact, in which it is deleted."""
    version = int(image["version"]["N"]) + 1
    return {**image, "version": {"N": str(version)}, "deleted_at": {"S": NOW}}


class People(Shop):
    """A table with contacts in their last states, of whose states the projections show those in `projected`."""

    def __init__(
        self,
        records: Sequence[Item],
        projected: Batches = (),
        *,
        is_due: bool = False,
        projection: type[Projection] = Projection,
        prepared_by: Callable[[Store], Projection] = Projection,
    ) -> None:
        self.choice: str | None = None
        table = MemoryTable()
        for batch in projected:
            prepared_by(Store(table, "table")).project(batch)
        if is_due:
            request_pass(Store(table, "table"), TENANT)
        super().__init__(None, events=[*records, *table.all()], projection=projection)

    def projection(self) -> Projection:
        """Return a projection of its own, under the tenant's choice of a match key."""
        return self._projection(self.store(), calls=self._calls, duplicate_key_of=lambda _: self.choice)

    def walker(self, at: str = LATER, has_time: Callable[[], bool] = lambda: True) -> Callable[[], None]:
        """Return a worker that walks all match keys, if the tenant is due at a time."""

        def work() -> None:
            MatchingPass(self.store(), self.projection(), now=lambda: at, has_time=has_time).run()

        return work

    def sweeper_of(self, records: Sequence[Item]) -> Callable[[], None]:
        """Return a worker that does with some contacts what the sweep does."""

        def work() -> None:
            projection = SweptProjection(self.store(), self.projection())
            projection.resume()
            for record in projection.find_outdated([key_of(item) for item in records]):
                projection.reproject(record)

        return work

    def disagreeing(self) -> set[str]:
        """Return the positions of the markers that there should not be, and of those that are missing."""
        counts: Counter[str] = Counter()
        held: set[str] = set()
        for item in self.table.all():
            pk, sk = identity_of(item)
            if pk == duplicate_keys.all_shared(TENANT):
                held.add(sk)
            elif (key := duplicate_keys.key_of_row((pk, sk))) is not None:
                counts[duplicate_keys.shared(TENANT, key)["SK"]["S"]] += 1
        return held ^ {position for position, count in counts.items() if is_shared(count)}

    def is_due(self) -> bool:
        """Return whether the tenant is due for the pass."""
        item = self.store().get(duplicate_keys.pending(TENANT))
        return item is not None and duplicate_keys.due_at(item) is not None
