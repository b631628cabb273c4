"""How many contacts each company of a tenant has, and which have the most.

Each company has a counter, and one with at least two contacts a row among the top companies, at the place of its
number. Both change in the transaction that shows a contact (`shared.projections.kinds.contacts`), so they are as
exact as
its list row. To take a company's row from its old place one must know the number, so the counter is read first, and
changes on condition that it is still as it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from shared.domain.contacts.companies import LEAST_AT_THE_TOP, company_key
from shared.domain.errors import ConcurrentChange
from shared.table import keys
from shared.table.store import Item, Store, Transaction

_Place = tuple[str, str]


class CompanyMoved(ConcurrentChange):
    """Another projector has changed a company's number since it was read."""


def move(
    store: Store,
    transaction: Transaction,
    tenant_id: str,
    changes: Iterable[tuple[Item | None, Item | None]],
) -> None:
    """Add to a transaction what contacts' changes, each (before, after), make of their companies' numbers.

    Costs a consistent read for each company whose number changes. Committing the transaction raises CompanyMoved
    when one has changed meanwhile.
    """
    differences, spellings = _counted(changes)
    moved = {key: amount for key, amount in sorted(differences.items()) if amount}
    if not moved:
        return
    known = store.get_many([keys.company(tenant_id, key) for key in moved])
    for key, difference in moved.items():
        counter = keys.company(tenant_id, key)
        held = known.get(_place(counter))
        before = int(held["amount"]["N"]) if held else 0
        after = before + difference
        # The first spelling stays for as long as the company has contacts.
        spelling = held["spelling"]["S"] if held else spellings.get(key, key)
        condition, values = ("amount = :before", {":before": held["amount"]}) if held else (_IS_NEW, None)
        if after > 0:
            item = {**counter, **_told(after, spelling)}
            transaction.put(item, condition=condition, values=values, refusal=_moved)
        elif held:
            transaction.delete(counter, condition=condition, values=values, refusal=_moved)
        if before >= LEAST_AT_THE_TOP:
            transaction.delete(keys.top(tenant_id, key, before))
        if after >= LEAST_AT_THE_TOP:
            transaction.put({**keys.top(tenant_id, key, after), **_told(after, spelling)})


def expected(tenant_id: str, images: Iterable[Item]) -> Iterator[Item]:
    """The counters and the top that a tenant's live contacts make."""
    amounts, spellings = _counted((None, image) for image in images)
    for key, amount in amounts.items():
        told = _told(amount, spellings[key])
        yield {**keys.company(tenant_id, key), **told}
        if amount >= LEAST_AT_THE_TOP:
            yield {**keys.top(tenant_id, key, amount), **told}


_IS_NEW = "attribute_not_exists(PK)"


def _counted(
    changes: Iterable[tuple[Item | None, Item | None]],
) -> tuple[Counter[str], dict[str, str]]:
    """What changes add to each company's number, and a spelling of each that gains contacts."""
    differences: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for before, after in changes:
        for image, sign in ((before, -1), (after, 1)):
            name = image["company"]["S"] if image is not None and "company" in image else ""
            key = company_key(name)
            if key is not None:
                differences[key] += sign
                if sign > 0:
                    spellings.setdefault(key, name)
    return differences, spellings


def _told(amount: int, spelling: str) -> Item:
    return {"amount": {"N": str(amount)}, "spelling": {"S": spelling}}


def _moved(_: Item | None) -> Exception:
    return CompanyMoved()


def _place(key: keys.Key) -> _Place:
    return key[keys.PK]["S"], key[keys.SK]["S"]
