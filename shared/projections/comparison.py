"""What projections should hold, from the records alone, and where what they hold differs: for the operator's commands
that compare them and make them anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from shared.projections.kinds import companies
from shared.projections.kinds import kind as kinds
from shared.table import keys
from shared.table.postings import chunks_of, ids_in
from shared.table.store import Item

Place = tuple[str, str]


def expected(tenant_id: str, images: Iterable[Item]) -> dict[Place, Item]:
    """All that the projections of a tenant should hold, by place, from its contacts' and customers' items.

    Posting lists are packed as closely as they may be. Counters that would be 0 are left out.
    """
    found: dict[Place, Item] = {}
    postings: defaultdict[str, list[str]] = defaultdict(list)
    totals: Counter[str] = Counter()
    live = [image for image in images if kinds.is_live(image)]
    for image in live:
        row = kinds.list_row_of(image)
        found[_place(row)] = {**image, **row}
        found.update((_place(one), dict(one)) for one in kinds.rows(image, tenant_id, image))
        for facet in kinds.facets(image, image):
            postings[keys.posting_partition(tenant_id, *facet)].append(image["id"]["S"])
        totals.update(kinds.counts(image, image))
    found.update((_place(one), one) for one in companies.expected(tenant_id, live))
    for partition, contact_ids in postings.items():
        found.update((_place(chunk), chunk) for chunk in chunks_of(partition, contact_ids))
    for name, amount in totals.items():
        if amount:
            counter = keys.counter(tenant_id, name)
            found[_place(counter)] = {**counter, "amount": {"N": str(amount)}}
    return found


def differences(tenant_id: str, present: Iterable[Item]) -> tuple[dict[Place, Item], list[keys.Key]]:
    """What a tenant's projections lack or hold otherwise than its records say, and the keys of what they hold
    beyond that; both from all items of the tenant.

    How a posting list is cut into chunks depends on its past, so of these it counts which contacts they name.
    """
    records: list[Item] = []
    held: dict[Place, Item] = {}
    for item in present:
        if keys.is_listed(item):
            records.append(item)
        elif keys.is_projected(item) and item.get("amount", {}).get("N") != "0":
            held[_place(item)] = item
    wanted = expected(tenant_id, records)
    wanted_postings, held_postings = _postings(wanted), _postings(held)
    alike = {
        partition
        for partition, chunks in held_postings.items()
        if ids_in(chunks) == ids_in(wanted_postings.get(partition, ()))
    }
    differing = {
        place: item
        for place, item in wanted.items()
        if place[0] not in alike and not _agree(held.get(place), item)
    }
    beyond = [
        {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}
        for place, item in held.items()
        if place not in wanted and place[0] not in alike
    ]
    return differing, beyond


def _postings(found: dict[Place, Item]) -> dict[str, list[Item]]:
    """The chunks among items, by the list they are of."""
    chunks: defaultdict[str, list[Item]] = defaultdict(list)
    for (partition, _), item in found.items():
        if keys.is_posting(item):
            chunks[partition].append(item)
    return chunks


def _agree(held: Item | None, wanted: Item) -> bool:
    """Whether what is held is as `expected` would have it. Of a company's spellings any will do, and a list row may
    have been marked by a projector that was overtaken.
    """
    return held is not None and _bare(held) == _bare(wanted)


def _bare(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("spelling", "part")}


def _place(item: keys.Key) -> Place:
    return item[keys.PK]["S"], item[keys.SK]["S"]
