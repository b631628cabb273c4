"""The number of contacts of each company of a tenant, and the companies with the most.

Each company has a counter. A company with at least two contacts also has a row among the top companies, sorted by its
number. Both change in the transaction that changes a contact's list row, so they are as exact as that row. Removing a
company's old row takes its old number, so the counter is read first, and changes on condition that it is still as it
was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from shared.domain.contacts.companies import LEAST_AT_THE_TOP, company_key
from shared.domain.errors import ConcurrentChange
from shared.projections.kinds.kind import NOTHING, Projected
from shared.table.item import Item
from shared.table.keys import counters as counter_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction

_IS_NEW = "attribute_not_exists(PK)"


class CompanyChanged(ConcurrentChange):
    """Another projector has changed a company's number since it was read."""


def add_changes(
    store: Store, transaction: Transaction, tenant_id: str, changes: Iterable[tuple[Projected, Projected]]
) -> None:
    """Add to a transaction the changes of companies' numbers that follow from records' changes (before, after).

    Costs a consistent read for each company whose number changes. Committing the transaction raises CompanyChanged
    when one has changed since.
    """
    differences, spellings = _count_changes(changes)
    changed = {key: amount for key, amount in sorted(differences.items()) if amount}
    if not changed:
        return
    known = store.get_many([counter_keys.company(tenant_id, key) for key in changed])
    for key, difference in changed.items():
        counter = counter_keys.company(tenant_id, key)
        held = known.get(identity_of(counter))
        before = int(held["amount"]["N"]) if held else 0
        after = before + difference
        # The first spelling stays for as long as the company has contacts.
        spelling = held["spelling"]["S"] if held else spellings.get(key, key)
        condition, values = ("amount = :before", {":before": held["amount"]}) if held else (_IS_NEW, None)
        if after > 0:
            item = {**counter, **_build_attributes(after, spelling)}
            transaction.put(item, condition=condition, values=values, refusal=_refuse)
        elif held:
            transaction.delete(counter, condition=condition, values=values, refusal=_refuse)
        if before >= LEAST_AT_THE_TOP:
            transaction.delete(counter_keys.top_company(tenant_id, key, before))
        if after >= LEAST_AT_THE_TOP:
            transaction.put(
                {**counter_keys.top_company(tenant_id, key, after), **_build_attributes(after, spelling)}
            )


def build_expected(tenant_id: str, records: Iterable[Projected]) -> Iterator[Item]:
    """Yield the counters and the top rows that follow from all live records of a tenant."""
    amounts, spellings = _count_changes((NOTHING, record) for record in records)
    for key, amount in amounts.items():
        attributes = _build_attributes(amount, spellings[key])
        yield {**counter_keys.company(tenant_id, key), **attributes}
        if amount >= LEAST_AT_THE_TOP:
            yield {**counter_keys.top_company(tenant_id, key, amount), **attributes}


def _count_changes(changes: Iterable[tuple[Projected, Projected]]) -> tuple[Counter[str], dict[str, str]]:
    """Return the difference that changes make to each company's number, and a spelling of each that gains contacts."""
    differences: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for before, after in changes:
        for name, difference in ((before.company, -1), (after.company, 1)):
            key = company_key(name)
            if key is not None:
                differences[key] += difference
                if difference > 0:
                    spellings.setdefault(key, name)
    return differences, spellings


def _build_attributes(amount: int, spelling: str) -> Item:
    return {"amount": {"N": str(amount)}, "spelling": {"S": spelling}}


def _refuse(_: Item | None) -> Exception:
    return CompanyChanged()
