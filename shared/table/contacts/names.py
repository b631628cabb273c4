"""The names of users and customers that contacts are shown with, read together."""

from __future__ import annotations

import json
from collections.abc import Collection

from shared.domain.contacts.shown import CustomerName
from shared.domain.text import join_name
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.store import Store


class NameTable:
    """The names of the users and customers of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def read(
        self, *, users: Collection[str], customers: Collection[str]
    ) -> tuple[dict[str, str], dict[str, CustomerName]]:
        """Return the names of the users and the live customers that exist, by id."""
        of_users = {one: account_keys.user(self._tenant, one) for one in users}
        of_customers = {one: customer_keys.customer(self._tenant, one) for one in customers}
        found = self._store.get_many([*of_users.values(), *of_customers.values()], consistent=False)

        def item(key: Key) -> Item | None:
            return found.get(identity_of(key))

        return (
            {one: _user_name(record) for one, key in of_users.items() if (record := item(key))},
            {
                one: CustomerName(
                    record["full_name"]["S"], record.get("username", {}).get("S"), record["created_by"]["S"]
                )
                for one, key in of_customers.items()
                if (record := item(key)) and "deleted_at" not in record
            },
        )


def _user_name(item: Item) -> str:
    user = json.loads(item["user"]["S"])
    return join_name(user["first_name"], user["last_name"]) or str(user["email"])
