"""Records that a list shows and that searches or filters do not find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from shared.projections.kinds.kind import Image
from shared.projections.work import by_key
from shared.table.item import Item
from shared.table.keys import postings as posting_keys
from shared.table.keys.spelling import Identity, Key, identity_of, key_of, tenant_of_item
from shared.table.postings import PostingList
from shared.table.store import Store


def find_hidden(store: Store, shown: Sequence[tuple[Key, Image]]) -> list[Key]:
    """Return the keys of those records, each given with its list row, that are missing a row or have a different one,
    or whose id is missing from a posting list.

    Costs half a read unit for each row, and a consistent read for each chunk of the posting lists. A record that is
    changing at the moment may be returned without need.
    """
    wanted: dict[Identity, Item] = {}
    record_of_row: dict[Identity, Identity] = {}
    by_list: defaultdict[str, dict[str, Identity]] = defaultdict(dict)
    for key, image in shown:
        tenant_id = tenant_of_item(key)
        rows = by_key(image.projected.rows)
        wanted |= rows
        record_of_row |= dict.fromkeys(rows, identity_of(key))
        for facet in image.projected.facets:
            by_list[posting_keys.partition(tenant_id, *facet)][image.item["id"]["S"]] = identity_of(key)
    found = store.get_many([key_of(row) for row in wanted.values()], consistent=False)
    hidden = {record_of_row[pair] for pair, row in wanted.items() if found.get(pair) != row}
    for partition, records in by_list.items():
        hidden.update(records[record_id] for record_id in PostingList(store, partition).find_missing(records))
    return [key for key, _ in shown if identity_of(key) in hidden]
