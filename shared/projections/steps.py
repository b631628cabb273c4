"""The steps of the transactions by which projections change: list rows, the traces of those that went, counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.projections.kinds import companies
from shared.projections.kinds import kind as kinds
from shared.projections.work import Aim, Work
from shared.table import items, keys
from shared.table.store import Item, Store, Transaction

_TOMBSTONE_SECONDS = 3 * 86_400  # the stream remembers a day
_IS_NEW = "attribute_not_exists(PK)"


def transaction_of(store: Store, tenant_id: str, works: Sequence[Work]) -> Transaction:
    """The step that brings records' list rows and all counters to what is to be shown.

    Each list row changes on condition that it is as it was read: committing raises ConcurrentChange otherwise, and
    CompanyMoved when a company's number is not.
    """
    transaction = Transaction()
    totals: Counter[str] = Counter()
    changes: list[tuple[Item | None, Item | None]] = []
    for work in works:
        if work.compares:
            _mark(transaction, work)
            continue
        totals.update(kinds.counts(work.change.last, work.shown))
        totals.subtract(kinds.counts(work.change.last, work.state.row))
        changes.append((work.state.row, work.shown))
        if work.shown is not None:
            _show(transaction, work, {**work.shown, **work.change.row})
        else:
            _remove(transaction, work)
    _count(transaction, tenant_id, totals)
    companies.move(store, transaction, tenant_id, changes)
    return transaction


def part_of_the_way(store: Store, tenant_id: str, work: Work, *, labels: int) -> Transaction:
    """The step that gives a contact's list row some of the labels that it is to have, and takes some of those that it
    is not: up to `labels` of them.

    One contact alone may gain and lose more labels than a transaction can count.
    """
    before = work.state.row
    if before is not None:
        row, part = dict(before), _part_of(before)
    else:
        row, part = {**work.change.last, **work.change.row, "version": {"N": "0"}}, 0
        row = {name: value for name, value in row.items() if name not in items.LABEL_IDS}
    left = labels
    for name in items.LABEL_IDS:
        has = [one["S"] for one in row.get(name, {"L": []})["L"]]
        wanted = [one["S"] for one in (work.shown or {}).get(name, {"L": []})["L"]]
        moving = sorted({*has} ^ {*wanted})[:left]
        left -= len(moving)
        has = [one for one in has if one not in moving] + [one for one in moving if one in wanted]
        row[name] = {"L": [{"S": one} for one in has]}
    row["part"] = {"N": str(part + 1)}
    transaction = Transaction()
    _show(transaction, work, row)
    totals = kinds.counts(work.change.last, row)
    totals.subtract(kinds.counts(work.change.last, before))
    _count(transaction, tenant_id, totals)
    companies.move(store, transaction, tenant_id, [(before, row)])
    return transaction


def _show(transaction: Transaction, work: Work, row: Item) -> None:
    condition, values = _as_read(work.state.row)
    transaction.put(row, condition=condition, values=values, refusal=_overtaken)
    if work.state.row is None and work.state.gone is not None:
        # It may have come and gone again since it was read, which the absence of the row does not show.
        _check(transaction, keys.tombstone(work.change.last), work.state.gone)


def _remove(transaction: Transaction, work: Work) -> None:
    condition, values = _as_read(work.state.row)
    if work.state.row is not None:
        transaction.delete(work.change.row, condition=condition, values=values, refusal=_overtaken)
    else:
        transaction.check(work.change.row, condition=condition, values=values, refusal=_overtaken)
    if work.aim is Aim.BURY:
        _mark_tombstone(transaction, work)
        return
    expires_at = timestamps.to_milliseconds(timestamps.now()) // 1000 + _TOMBSTONE_SECONDS
    version = work.change.last["version"]
    is_older = "version < :version"
    transaction.put(
        {
            **keys.tombstone(work.change.last),
            "version": version,
            "expires_at": {"N": str(expires_at)},
        },
        condition=f"{_IS_NEW} OR {is_older}",
        values={":version": version},
        refusal=_overtaken,
    )


def _mark(transaction: Transaction, work: Work) -> None:
    """Change what shows a record in nothing but a number, so that whoever has read it before cannot commit."""
    if work.state.row is None:
        _check(transaction, work.change.row, None)
        _mark_tombstone(transaction, work)
    else:
        _update_part(transaction, work.change.row, work.state.row)


def _mark_tombstone(transaction: Transaction, work: Work) -> None:
    if work.state.gone is not None:
        _update_part(transaction, keys.tombstone(work.change.last), work.state.gone)


def _update_part(transaction: Transaction, key: keys.Key, item: Item) -> None:
    condition, values = _as_read(item)
    transaction.update(
        key,
        "SET part = :next",
        {**values, ":next": {"N": str(_part_of(item) + 1)}},
        condition=condition,
        refusal=_overtaken,
    )


def _check(transaction: Transaction, key: keys.Key, item: Item | None) -> None:
    condition, values = _as_read(item)
    transaction.check(key, condition=condition, values=values, refusal=_overtaken)


def _as_read(item: Item | None) -> tuple[str, Item]:
    """The condition, with its values, that a list row or a trace is as it was read."""
    if item is None:
        return _IS_NEW, {}
    if "part" in item:
        return "version = :before AND part = :part", {":before": item["version"], ":part": item["part"]}
    return "version = :before AND attribute_not_exists(part)", {":before": item["version"]}


def _part_of(item: Item) -> int:
    return int(item.get("part", {"N": "0"})["N"])


def _count(transaction: Transaction, tenant_id: str, differences: Counter[str]) -> None:
    for name, difference in sorted(differences.items()):
        if difference:
            transaction.update(keys.counter(tenant_id, name), "ADD amount :d", {":d": {"N": str(difference)}})


def _overtaken(_: Item | None) -> Exception:
    return ConcurrentChange()
