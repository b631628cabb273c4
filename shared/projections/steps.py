"""The steps of the transactions by which projections change: list rows, tombstones, counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from shared.domain import timestamps
from shared.domain.contacts.companies import company_key
from shared.domain.errors import ConcurrentChange
from shared.projections.kinds import companies
from shared.projections.kinds.kind import HourlyCount, Projected, row_of
from shared.projections.work import Aim, Work
from shared.table.contacts import items as contact_items
from shared.table.item import Item
from shared.table.keys import counters as counter_keys
from shared.table.keys import hours as hour_keys
from shared.table.keys.spelling import Identity, Key, identity_of, make_key
from shared.table.store import Store
from shared.table.transactions import Transaction

_TOMBSTONE_SECONDS = 3 * 86_400
"""How long a tombstone is kept, in seconds: the stream keeps changes for a day."""
_IS_NEW = "attribute_not_exists(PK)"


def group_for_transactions(works: Iterable[Work], most_steps: int) -> Iterator[list[Work]]:
    """Yield records in groups, each of which one transaction of at most `most_steps` steps can change.

    Records of one company are adjacent, so that few transactions change its counter. A single record that needs
    more steps is a group too.
    """
    group: list[Work] = []
    steps: set[tuple[str, ...]] = set()
    for work in sorted(works, key=lambda one: company_key(one.wanted.company or one.known.company) or ""):
        more = _steps_of(work)
        if group and len(steps | more) > most_steps:
            yield group
            group, steps = [], set()
        group.append(work)
        steps |= more
    if group:
        yield group


def _steps_of(work: Work) -> set[tuple[str, ...]]:
    """Return a name for each item that a record's change may touch."""
    record = identity_of(work.change.row_key)
    steps: set[tuple[str, ...]] = {("row", *record)}
    if work.shown is None or work.state.tombstone is not None:
        steps.add(("tombstone", *record))
    if work.must_repair:
        return steps
    before, after = work.known, work.wanted
    steps.update(
        ("counter", counter_keys.item_name_of(name))
        for name, _ in before.counts.items() ^ after.counts.items()
    )
    steps.update(
        ("hour", metric, hour) for (metric, hour, _), _ in before.hourly.items() ^ after.hourly.items()
    )
    companies_changed = {company_key(before.company)} ^ {company_key(after.company)}
    for key in companies_changed - {None}:
        steps.update((item, str(key)) for item in ("company", "its row before", "its row after"))
    return steps


def build_transaction(store: Store, tenant_id: str, works: Sequence[Work]) -> Transaction:
    """Build the transaction that brings records' list rows and all counters to the state to be shown.

    Each list row changes on condition that it is as it was read: committing raises ConcurrentChange otherwise, and
    CompanyChanged when a company's number has changed since.
    """
    transaction = Transaction()
    totals: Counter[str] = Counter()
    hourly: Counter[HourlyCount] = Counter()
    changes: list[tuple[Projected, Projected]] = []
    for work in works:
        if work.must_repair:
            _mark(transaction, work)
            continue
        before, after = work.known, work.wanted
        totals.update(after.counts)
        totals.subtract(before.counts)
        hourly.update(after.hourly)
        hourly.subtract(before.hourly)
        changes.append((before, after))
        if work.shown is not None:
            row = row_of(work.shown.item, work.change.row_key)
            if work.has_other_key:  # a projector that has read the row before must read it again
                row["part"] = {"N": str(_part_of(work.row_item or {}) + 1)}
            _put_row(transaction, work, row)
        else:
            _remove_row(transaction, work)
    _add_counts(transaction, tenant_id, totals)
    _add_hourly(transaction, tenant_id, hourly)
    companies.add_changes(store, transaction, tenant_id, changes)
    return transaction


def build_partial_transaction(store: Store, tenant_id: str, work: Work, *, labels: int) -> Transaction:
    """Build the transaction that gives a contact's list row some of the labels that it is to have, and takes away
    some of those that it is not to have: up to `labels` of them.

    A single contact may gain and lose more labels than a transaction can count.
    """
    before = work.state.row
    if before is not None:
        row, part = dict(before.item), _part_of(before.item)
    else:
        row, part = {**work.change.last.item, **work.change.row_key, "version": {"N": "0"}}, 0
        row = {name: value for name, value in row.items() if name not in contact_items.LABEL_IDS}
    wanted_item = work.shown.item if work.shown is not None else {}
    left = labels
    for name in contact_items.LABEL_IDS:
        has = [one["S"] for one in row.get(name, {"L": []})["L"]]
        wanted = [one["S"] for one in wanted_item.get(name, {"L": []})["L"]]
        changing = sorted({*has} ^ {*wanted})[:left]
        left -= len(changing)
        has = [one for one in has if one not in changing] + [one for one in changing if one in wanted]
        row[name] = {"L": [{"S": one} for one in has]}
    row["part"] = {"N": str(part + 1)}
    transaction = Transaction()
    _put_row(transaction, work, row)
    after = work.change.image_of(row).projected
    totals = Counter(after.counts)
    totals.subtract(work.known.counts)
    _add_counts(transaction, tenant_id, totals)
    companies.add_changes(store, transaction, tenant_id, [(work.known, after)])
    return transaction


def _put_row(transaction: Transaction, work: Work, row: Item) -> None:
    condition, values = _is_as_read(work.row_item)
    transaction.put(row, condition=condition, values=values, refusal=_refuse)
    if work.state.row is None and work.state.tombstone is not None:
        # The row may have been put and removed again since it was read, which its absence does not show.
        _check(transaction, work.change.tombstone_key, work.state.tombstone)


def _remove_row(transaction: Transaction, work: Work) -> None:
    condition, values = _is_as_read(work.row_item)
    if work.state.row is not None:
        transaction.delete(work.change.row_key, condition=condition, values=values, refusal=_refuse)
    else:
        transaction.check(work.change.row_key, condition=condition, values=values, refusal=_refuse)
    if work.aim is Aim.REMOVE:
        _mark_tombstone(transaction, work)
        return
    expires_at = timestamps.to_milliseconds(timestamps.now()) // 1000 + _TOMBSTONE_SECONDS
    version = work.change.last.item["version"]
    is_older = "version < :version"
    transaction.put(
        {**work.change.tombstone_key, "version": version, "expires_at": {"N": str(expires_at)}},
        condition=f"{_IS_NEW} OR {is_older}",
        values={":version": version},
        refusal=_refuse,
    )


def _mark(transaction: Transaction, work: Work) -> None:
    """Change a number on a record's list row or tombstone, and nothing else, so that no projector that has read it
    before can commit.
    """
    if work.state.row is None:
        _check(transaction, work.change.row_key, None)
        _mark_tombstone(transaction, work)
    else:
        _update_part(transaction, work.change.row_key, work.state.row.item)


def _mark_tombstone(transaction: Transaction, work: Work) -> None:
    if work.state.tombstone is not None:
        _update_part(transaction, work.change.tombstone_key, work.state.tombstone)


def _update_part(transaction: Transaction, key: Key, item: Item) -> None:
    condition, values = _is_as_read(item)
    transaction.update(
        key,
        "SET part = :next",
        {**values, ":next": {"N": str(_part_of(item) + 1)}},
        condition=condition,
        refusal=_refuse,
    )


def _check(transaction: Transaction, key: Key, item: Item | None) -> None:
    condition, values = _is_as_read(item)
    transaction.check(key, condition=condition, values=values, refusal=_refuse)


def _is_as_read(item: Item | None) -> tuple[str, Item]:
    """Return the condition, and its values, that a list row or a tombstone is as it was read."""
    if item is None:
        return _IS_NEW, {}
    if "part" in item:
        return "version = :before AND part = :part", {":before": item["version"], ":part": item["part"]}
    return "version = :before AND attribute_not_exists(part)", {":before": item["version"]}


def _part_of(item: Item) -> int:
    return int(item.get("part", {"N": "0"})["N"])


def _add_counts(transaction: Transaction, tenant_id: str, differences: Counter[str]) -> None:
    _add_amounts(
        transaction,
        (
            (counter_keys.counter(tenant_id, name), counter_keys.attribute_of(name), difference)
            for name, difference in sorted(differences.items())
        ),
    )


def _add_hourly(transaction: Transaction, tenant_id: str, differences: Counter[HourlyCount]) -> None:
    _add_amounts(
        transaction,
        (
            (hour_keys.hour(tenant_id, metric, hour), name, difference)
            for (metric, hour, name), difference in sorted(differences.items())
        ),
    )


def _add_amounts(transaction: Transaction, differences: Iterable[tuple[Key, str, int]]) -> None:
    """Add differences that are not zero to attributes of items, with one step for each item."""
    by_item: defaultdict[Identity, dict[str, int]] = defaultdict(dict)
    for key, name, difference in differences:
        if difference:
            by_item[identity_of(key)][name] = difference
    for identity, amounts in by_item.items():
        transaction.update(
            make_key(*identity),
            "ADD " + ", ".join(f"#{n} :{n}" for n in range(len(amounts))),
            {f":{n}": {"N": str(difference)} for n, difference in enumerate(amounts.values())},
            names={f"#{n}": name for n, name in enumerate(amounts)},
        )


def _refuse(_: Item | None) -> Exception:
    return ConcurrentChange()
