"""The names of users, API clients and customers that records are shown with."""

from __future__ import annotations

import json
from collections.abc import Collection

from shared.domain.callers import Kind
from shared.domain.contacts.shown import CustomerName
from shared.domain.text import join_name
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.store import Store


class NameTable:
    """The names of the users, API clients and customers of one tenant."""

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

    def read_addresses(
        self, *, users: Collection[str], customers: Collection[str]
    ) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
        """Return the e-mail addresses of the users, and (number, actor who created it) of the live customers, that
        exist, by id. One call; half a read unit for each.
        """
        of_users = {one: account_keys.user(self._tenant, one) for one in users}
        of_customers = {one: customer_keys.customer(self._tenant, one) for one in customers}
        found = self._store.get_many([*of_users.values(), *of_customers.values()], consistent=False)
        records = {one: found.get(identity_of(key)) for one, key in {**of_users, **of_customers}.items()}
        return (
            {one: str(json.loads(item["user"]["S"])["email"]) for one in of_users if (item := records[one])},
            {
                one: (item["number"]["S"], item["created_by"]["S"])
                for one in of_customers
                if (item := records[one]) and "deleted_at" not in item
            },
        )

    def read_caller(self, kind: Kind, caller_id: str) -> str | None:
        """Return the name of a user or an API client; None for one that does not exist, and for the system."""
        if kind == "user":
            return self.read(users=(caller_id,), customers=())[0].get(caller_id)
        if kind == "client":
            item = self._store.get(account_keys.api_client(self._tenant, caller_id), consistent=False)
            return _client_name(item) if item else None
        return None

    def read_actors(self, actors: Collection[str]) -> dict[str, str]:
        """Return the present names of the users and API clients among some actors, such as `user:0190…`, by actor.

        One call; half a read unit for each user and client.
        """
        keys: dict[str, Key] = {}
        for actor in actors:
            kind, _, caller_id = actor.partition(":")
            if kind == "user":
                keys[actor] = account_keys.user(self._tenant, caller_id)
            elif kind == "client":
                keys[actor] = account_keys.api_client(self._tenant, caller_id)
        found = self._store.get_many(list(keys.values()), consistent=False)
        items = {actor: found.get(identity_of(key)) for actor, key in keys.items()}
        return {
            actor: _user_name(item) if "user" in item else _client_name(item)
            for actor, item in items.items()
            if item
        }


def _user_name(item: Item) -> str:
    user = json.loads(item["user"]["S"])
    return join_name(user["first_name"], user["last_name"]) or str(user["email"])


def _client_name(item: Item) -> str:
    return str(json.loads(item["api_client"]["S"])["name"])
