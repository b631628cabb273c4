"""Records that a list shows and that cannot be found as it shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from shared.projections.kinds import kind as kinds
from shared.projections.work import Place, by_place, place_of
from shared.table import keys
from shared.table.postings import PostingList
from shared.table.store import Item, Store


def hidden(store: Store, shown: Sequence[tuple[keys.Key, Item]]) -> list[keys.Key]:
    """Those of records, each with its list row, of which a row to be found by is missing or other, or whose id is
    missing from a posting list.

    Costs half a read unit for each row, and a consistent read for each chunk of the posting lists. One that is just
    being changed may be named without need.
    """
    wanted: dict[Place, Item] = {}
    of_record: dict[Place, Place] = {}
    by_list: defaultdict[str, dict[str, Place]] = defaultdict(dict)
    for key, row in shown:
        tenant_id = keys.tenant_of(key[keys.PK]["S"])
        if tenant_id is None:
            raise ValueError("a record lies outside all tenants")
        rows = by_place(kinds.rows(key, tenant_id, row))
        wanted |= rows
        of_record |= dict.fromkeys(rows, place_of(key))
        for facet in kinds.facets(key, row):
            by_list[keys.posting_partition(tenant_id, *facet)][row["id"]["S"]] = place_of(key)
    found = store.get_many(
        [{keys.PK: row[keys.PK], keys.SK: row[keys.SK]} for row in wanted.values()], consistent=False
    )
    missing = {of_record[place] for place, row in wanted.items() if found.get(place) != row}
    for partition, records in by_list.items():
        missing.update(records[one] for one in PostingList(store, partition).lacking(records))
    return [key for key, _ in shown if place_of(key) in missing]
