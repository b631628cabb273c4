"""API clients in the table: each with what the authorizer looks up by the ids of its keys."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.accounts.api_client import MAX_API_CLIENTS, ApiClient
from shared.domain.accounts.credentials import ApiKey
from shared.domain.errors import ConcurrentChange, Conflict
from shared.domain.events import Event
from shared.table import items
from shared.table.accounts.directory import api_key_to_item
from shared.table.keys import accounts as account_keys
from shared.table.store import Item, Store, Transaction, at_version


class ApiClientTable:
    """The API clients of one tenant.

    The record is what counts; each of its keys has a look-up, written with it. Nobody but the authorizer reads those,
    so they are put whole, and only over one of the same client.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, client_id: str) -> ApiClient | None:
        """An API client as of now, or None."""
        item = self._store.get(account_keys.api_client(self._tenant, client_id))
        return _from_item(item) if item else None

    def newest(self, *, limit: int, after: str | None) -> list[ApiClient]:
        """API clients as of now, newest first, behind the id `after`."""
        partition = account_keys.api_clients(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True, consistent=True)
        return [_from_item(row) for row in rows]

    def add(self, client: ApiClient, event: Event) -> None:
        """Write a new API client, its keys and its event. Raises Conflict when the tenant has MAX_API_CLIENTS."""
        transaction = Transaction()
        is_new = "attribute_not_exists(PK)"
        is_own_write = "last_event = :event"
        transaction.put(
            {
                **account_keys.api_client(self._tenant, client.id),
                "api_client": {"S": _to_json(client)},
                "version": {"N": str(client.version)},
                "last_event": {"S": client.last_event},
            },
            condition=f"{is_new} OR {is_own_write}",
            values={":event": {"S": client.last_event}},
            refusal=lambda _: ConcurrentChange(),
        )
        self._write_look_ups(transaction, {}, client.build_api_keys(self._tenant))
        is_first = "attribute_not_exists(api_clients)"
        is_below_limit = "api_clients < :limit"
        transaction.update(
            account_keys.api_client_count(self._tenant),
            "ADD api_clients :one",
            {":one": {"N": "1"}, ":limit": {"N": str(MAX_API_CLIENTS)}},
            condition=f"{is_first} OR {is_below_limit}",
            refusal=lambda _: Conflict(
                f"A tenant has at most {MAX_API_CLIENTS} API clients. Delete one that is no longer needed.",
                code="too_many_api_clients",
            ),
        )
        self._commit(transaction, event)

    def replace(self, before: ApiClient, after: ApiClient, event: Event) -> None:
        """Write a changed API client, those of its keys that changed with it, and its event.

        Raises ConcurrentChange when it is no longer at the version of `before`.
        """
        transaction = Transaction()
        is_unchanged = "version = :before"
        is_own_write = "last_event = :event"
        # In place, so that what the authorizer notes of its use meanwhile stays.
        transaction.update(
            account_keys.api_client(self._tenant, after.id),
            "SET api_client = :client, version = :version, last_event = :event",
            {
                ":client": {"S": _to_json(after)},
                ":version": {"N": str(after.version)},
                ":event": {"S": after.last_event},
                ":before": {"N": str(before.version)},
            },
            condition=f"{is_unchanged} OR {is_own_write}",
            refusal=lambda _: ConcurrentChange(),
        )
        self._write_look_ups(
            transaction, before.build_api_keys(self._tenant), after.build_api_keys(self._tenant)
        )
        self._commit(transaction, event)

    def remove(self, before: ApiClient, event: Event) -> None:
        """Remove an API client and its keys, with its event. Raises ConcurrentChange as `replace` does."""
        transaction = Transaction()
        transaction.delete(account_keys.api_client(self._tenant, before.id), **at_version(before.version))
        self._write_look_ups(transaction, before.build_api_keys(self._tenant), {})
        transaction.update(
            account_keys.api_client_count(self._tenant), "ADD api_clients :less", {":less": {"N": "-1"}}
        )
        self._commit(transaction, event)

    def _write_look_ups(
        self, transaction: Transaction, before: dict[str, ApiKey], after: dict[str, ApiKey]
    ) -> None:
        for key_id, look_up in after.items():
            if before.get(key_id) != look_up:
                transaction.put(api_key_to_item(look_up), **_of_its_client(look_up))
        for key_id, look_up in before.items():
            if key_id not in after:
                transaction.delete(account_keys.api_key(key_id), **_of_its_client(look_up))

    def _commit(self, transaction: Transaction, event: Event) -> None:
        transaction.put(items.event_to_item(self._tenant, event))
        self._store.commit(transaction)


def _of_its_client(look_up: ApiKey) -> dict[str, Any]:
    """The condition of a look-up's write: it is the same client's, or is not there."""
    is_free = "attribute_not_exists(PK)"
    is_own = "tenant_id = :tenant AND client_id = :owner"
    return {
        "condition": f"{is_free} OR ({is_own})",
        "values": {":tenant": {"S": look_up.tenant_id}, ":owner": {"S": look_up.client_id}},
        "refusal": lambda _: ConcurrentChange(),
    }


def _to_json(client: ApiClient) -> str:
    kept = client.model_dump(exclude={"keys", "version", "last_used_at"})
    kept["keys"] = [key.__dict__ for key in client.keys]
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def _from_item(item: Item) -> ApiClient:
    return ApiClient(
        **json.loads(item["api_client"]["S"]),
        version=int(item["version"]["N"]),
        last_event=item["last_event"]["S"],
        last_used_at=item["last_used_at"]["S"] if "last_used_at" in item else None,
    )
