"""The contents that projections should have according to the records, and their differences from those they have.

For the operator's commands that compare projections with records and rebuild them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from shared.projections import shared_keys
from shared.projections.kinds import companies
from shared.projections.kinds.contacts import CONTACT_KIND, with_duplicate_key
from shared.projections.kinds.kind import HourlyCount, is_live, row_of
from shared.projections.kinds.registry import kind_of
from shared.projections.work import by_key
from shared.table.accounts.directory import tenant_from_item
from shared.table.contacts.items import DUPLICATE_KEY
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.keys import counters as counter_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys import hours as hour_keys
from shared.table.keys import postings as posting_keys
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import Identity, Key, identity_of, key_of
from shared.table.postings import chunks_of, ids_in


def build_expected(
    tenant_id: str, images: Iterable[Item], duplicate_key: str | None = None
) -> dict[Identity, Item]:
    """Return all items that a tenant's projections should have, by key, from the items of its records.

    `duplicate_key`: the custom field by which the tenant has chosen to find duplicates. Posting lists are packed as
    densely as allowed. Counters that would be 0 are left out.
    """
    expected: dict[Identity, Item] = {}
    postings: defaultdict[str, list[str]] = defaultdict(list)
    totals: Counter[str] = Counter()
    hourly: Counter[HourlyCount] = Counter()
    live = []
    for image in images:
        kind = kind_of(image)
        if kind is None or not is_live(image):
            continue
        if kind is CONTACT_KIND:
            image = with_duplicate_key(image, duplicate_key)
        projected = kind.project(tenant_id, image)
        row = kind.row_key(image)
        expected[identity_of(row)] = row_of(image, row)
        expected.update(by_key(projected.rows))
        for facet in projected.facets:
            postings[posting_keys.partition(tenant_id, *facet)].append(image["id"]["S"])
        totals.update(projected.counts)
        hourly.update(projected.hourly)
        live.append(projected)
    expected.update(by_key(companies.build_expected(tenant_id, live)))
    expected.update(by_key(shared_keys.build_expected(tenant_id, expected)))
    for partition, contact_ids in postings.items():
        expected.update(by_key(chunks_of(partition, contact_ids)))
    for name, amount in totals.items():
        if amount:
            counter = counter_keys.counter(tenant_id, name)
            counted = expected.setdefault(identity_of(counter), {**counter})
            counted[counter_keys.attribute_of(name)] = {"N": str(amount)}
    for (metric, hour, name), amount in hourly.items():
        key = hour_keys.hour(tenant_id, metric, hour)
        expected.setdefault(identity_of(key), {**key})[name] = {"N": str(amount)}
    return expected


def find_discrepancies(tenant_id: str, present: Iterable[Item]) -> tuple[dict[Identity, Item], list[Key]]:
    """Compare a tenant's projections with its records, both among all items of the tenant.

    Returns the items that the projections lack or have with other contents, as they should be, and the keys of the
    items that should not be there. The division of a posting list into chunks depends on its past, so only the
    contacts that a list names are compared. Counts of purged contacts' entries have no records, and stay as they are.
    Markers of shared match keys, and keys of the tenant's choice, are compared unless the tenant is waiting for the
    pass that brings them in line.
    """
    records: list[Item] = []
    held: dict[Identity, Item] = {}
    is_waiting, duplicate_key = False, None
    for item in present:
        is_waiting = is_waiting or shared_keys.is_waiting(tenant_id, item)
        if identity_of(item) == identity_of(account_keys.tenant(tenant_id)):
            duplicate_key = tenant_from_item(tenant_id, item).settings.duplicate_key
        if kind_of(item) is not None:
            records.append(item)
        elif projection_keys.is_projected(item) and not _is_zero(item):
            held[identity_of(item)] = item
    expected = build_expected(tenant_id, records, duplicate_key)
    _add_purged_counts(expected, held)
    if is_waiting:
        late = duplicate_keys.late_partitions(tenant_id)
        for items in (expected, held):
            for pair in [pair for pair in items if pair[0] in late]:
                del items[pair]
    expected_postings, held_postings = _group_postings(expected), _group_postings(held)
    equal = {
        partition
        for partition, chunks in held_postings.items()
        if ids_in(chunks) == ids_in(expected_postings.get(partition, ()))
    }
    differing = {
        pair: item
        for pair, item in expected.items()
        if pair[0] not in equal and not _agrees(held.get(pair), item)
    }
    surplus = [key_of(item) for pair, item in held.items() if pair not in expected and pair[0] not in equal]
    return differing, surplus


def _add_purged_counts(expected: dict[Identity, Item], held: dict[Identity, Item]) -> None:
    """Add to the expected counts by hour those that are held of purged contacts; drop held hours without counts."""
    for pair, item in [*held.items()]:
        if not hour_keys.is_hour(item):
            continue
        purged = {name: amount for name, amount in item.items() if name.startswith(hour_keys.PURGED)}
        if purged:
            expected.setdefault(pair, key_of(item)).update(purged)
        if _without_marks(item) == key_of(item):
            del held[pair]


def _is_zero(item: Item) -> bool:
    """Return whether an item is a counter of which nothing is counted."""
    return item.get(counter_keys.AMOUNT, {}).get("N") == "0" and (
        not counter_keys.is_counter(item) or _without_marks(item) == key_of(item)
    )


def _group_postings(items: dict[Identity, Item]) -> dict[str, list[Item]]:
    """Return the chunks of posting lists among items, by the partition key of their list."""
    chunks: defaultdict[str, list[Item]] = defaultdict(list)
    for (partition, _), item in items.items():
        if posting_keys.is_posting(item):
            chunks[partition].append(item)
    return chunks


def _agrees(held: Item | None, expected: Item) -> bool:
    """Return whether an item is as expected. Ignores the spelling of a company, the mark that an overtaken projector
    leaves on a list row, the choice of the tenant when it was projected, and counts of zero.
    """
    return held is not None and _without_marks(held) == _without_marks(expected)


def _has_counts(item: Item) -> bool:
    """Return whether the attributes of an item are counts, of which one that is zero is like none."""
    return hour_keys.is_hour(item) or counter_keys.is_counter(item)


def _without_marks(item: Item) -> Item:
    return {
        name: value
        for name, value in item.items()
        if name not in ("spelling", "part", DUPLICATE_KEY) and not (value == {"N": "0"} and _has_counts(item))
    }
