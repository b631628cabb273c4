"""The pairs of contacts that were dismissed as duplicates.

Each is in the partition of the older contact, with whose purge it goes. It names the other contact by its id only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shared.domain.contacts.record import Contact
from shared.domain.duplicates.views import Dismissal
from shared.services.reading_budget import Budget
from shared.table import guards
from shared.table.budgeted_reads import BudgetedReads
from shared.table.keys import contacts as contact_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class DismissalTable:
    """The dismissed pairs of one tenant. What is read is charged to `budget`."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget | None = None) -> None:
        self._store = store
        self._reads = BudgetedReads(store, budget or Budget.unlimited())
        self._tenant = tenant_id

    def read(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return those of some pairs, each the ids of two contacts with the older one first, that were dismissed, each
        with the digest of what the contacts had in common. As of now; a unit for each pair asked for.
        """
        keys = {pair: duplicate_keys.dismissed(self._tenant, *pair) for pair in pairs}
        found = self._reads.get_many(list(keys.values()))
        items = {pair: found.get(identity_of(key)) for pair, key in keys.items()}
        return {pair: item["digest"]["S"] for pair, item in items.items() if item is not None}

    def add(self, dismissal: Dismissal, digest: str, contacts: Iterable[Contact]) -> None:
        """Write a dismissal in place of an earlier one of the pair. `digest`: of what the contacts have in common.

        Raises ConcurrentChange unless the contacts are as they were read, so that the digest is that of now, and
        nothing is written into the partition of a contact that is being purged.
        """
        transaction = Transaction()
        transaction.put(
            {
                **duplicate_keys.dismissed(self._tenant, *dismissal.contact_ids),
                "digest": {"S": digest},
                "by": {"S": dismissal.by},
                "at": {"S": dismissal.at},
            }
        )
        for contact in contacts:
            key = contact_keys.contact(self._tenant, contact.id)
            transaction.check(key, **guards.at_version(contact.version))
        self._store.commit(transaction)
