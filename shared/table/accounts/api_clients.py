"""API clients in the table, with the look-ups by which the authorizer finds their keys."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.accounts.api_client import MAX_API_CLIENTS, ApiClient
from shared.domain.accounts.credentials import ApiKey
from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.table import event_items, guards
from shared.table.accounts.directory import api_key_to_item
from shared.table.codec import to_json, whole_record
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class ApiClientTable:
    """The API clients of one tenant.

    The record is authoritative; each of its keys has a look-up, written with it. Only the authorizer reads look-ups, so
    they are replaced without having been read, on condition that they belong to the same client.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, client_id: str) -> ApiClient | None:
        """Return an API client as of now, or None."""
        item = self._store.get(account_keys.api_client(self._tenant, client_id))
        return _from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[ApiClient]:
        """Return API clients as of now, newest first, after the id `after`."""
        partition = account_keys.api_clients(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True, consistent=True)
        return [_from_item(row) for row in rows]

    def add(self, client: ApiClient, event: Event) -> None:
        """Write a new API client, its keys and its event. Raises Conflict when the tenant has MAX_API_CLIENTS."""
        transaction = Transaction()
        transaction.put(
            whole_record(
                account_keys.api_client(self._tenant, client.id),
                "api_client",
                _to_json(client),
                version=client.version,
                last_event=client.last_event,
            ),
            **guards.is_new_or_own(client.last_event),
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
        self._commit(transaction, event, follows="")

    def replace(self, before: ApiClient, after: ApiClient, event: Event) -> None:
        """Write a changed API client, the look-ups of its keys that changed, and its event.

        Raises ConcurrentChange when it is no longer at the version of `before`.
        """
        transaction = Transaction()
        guard = guards.at_version_or_own(before.version, after.last_event)
        # In place, so that the last use, which the authorizer writes, is kept.
        transaction.update(
            account_keys.api_client(self._tenant, after.id),
            "SET api_client = :client, version = :version, last_event = :event",
            {
                ":client": {"S": _to_json(after)},
                ":version": {"N": str(after.version)},
                **guard["values"],
            },
            condition=guard["condition"],
            refusal=guard["refusal"],
        )
        self._write_look_ups(
            transaction, before.build_api_keys(self._tenant), after.build_api_keys(self._tenant)
        )
        self._commit(transaction, event, follows=before.last_event)

    def remove(self, before: ApiClient, event: Event) -> None:
        """Remove an API client and its keys, with its event. Raises the errors of `replace`."""
        transaction = Transaction()
        transaction.delete(
            account_keys.api_client(self._tenant, before.id), **guards.at_version(before.version)
        )
        self._write_look_ups(transaction, before.build_api_keys(self._tenant), {})
        transaction.update(
            account_keys.api_client_count(self._tenant), "ADD api_clients :less", {":less": {"N": "-1"}}
        )
        self._commit(transaction, event, follows=before.last_event)

    def _write_look_ups(
        self, transaction: Transaction, before: dict[str, ApiKey], after: dict[str, ApiKey]
    ) -> None:
        for key_id, look_up in after.items():
            if before.get(key_id) != look_up:
                transaction.put(api_key_to_item(look_up), **_belongs_to_client(look_up))
        for key_id, look_up in before.items():
            if key_id not in after:
                transaction.delete(account_keys.api_key(key_id), **_belongs_to_client(look_up))

    def _commit(self, transaction: Transaction, event: Event, *, follows: str) -> None:
        event_items.add_event(transaction, self._tenant, event, follows=follows)
        self._store.commit(transaction)


def _belongs_to_client(look_up: ApiKey) -> dict[str, Any]:
    """Guard the write of a look-up, which must belong to the same client or not exist."""
    is_own = "tenant_id = :tenant AND client_id = :owner"
    return {
        "condition": f"{guards.IS_NEW} OR ({is_own})",
        "values": {":tenant": {"S": look_up.tenant_id}, ":owner": {"S": look_up.client_id}},
        "refusal": guards.concurrent_change,
    }


def _to_json(client: ApiClient) -> str:
    fields = client.model_dump(exclude={"keys", "version", "last_used_at"})
    fields["keys"] = [key.__dict__ for key in client.keys]
    return to_json(fields)


def _from_item(item: Item) -> ApiClient:
    return ApiClient(
        **json.loads(item["api_client"]["S"]),
        version=int(item["version"]["N"]),
        last_event=item["last_event"]["S"],
        last_used_at=item["last_used_at"]["S"] if "last_used_at" in item else None,
    )
