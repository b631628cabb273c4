"""Tenants, and the look-ups of the authorizer: users by token `sub`, API clients by key id."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.domain.accounts.credentials import ApiKey, Membership
from shared.domain.events import Event
from shared.domain.import_options import ImportOptions
from shared.domain.tag_rules import TagRule
from shared.domain.tenant import RateLimit, Tenant, TenantSettings
from shared.table import event_items, guards
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class TenantTable:
    """The records of tenants. Each has a key of its own tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, or None."""
        # A tenant that an eventually consistent read does not find may have been created just now.
        item = self._store.get(account_keys.tenant(tenant_id), consistent=False) or self._store.get(
            account_keys.tenant(tenant_id)
        )
        return tenant_from_item(tenant_id, item) if item else None

    def add(self, tenant: Tenant, event: Event) -> None:
        """Write a new tenant and its event. Raises ConcurrentChange if there is one with its id."""
        transaction = Transaction()
        transaction.put(tenant_to_item(tenant), **guards.is_new_or_own(event.id))
        event_items.add_event(transaction, tenant.id, event)
        self._store.commit(transaction)


class DirectoryTable:
    """Users and API clients across tenants. Only for the authorizer and the operator."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def user(self, sub: str, *, consistent: bool = False) -> Membership | None:
        """Return the membership of a user; None when there is none, or a claim.

        `consistent`: as of now, instead of as of a moment ago.
        """
        item = self._store.get(account_keys.membership(sub), consistent=consistent)
        if item is None or "claim" in item:
            return None
        return Membership(
            sub=sub,
            tenant_id=item["tenant_id"]["S"],
            role=item["role"]["S"],
            username=item["username"]["S"],
            disabled=item.get("disabled", {}).get("BOOL", False),
            since=int(item.get("since", {}).get("N", 0)),
        )

    def email_of(self, name: str) -> str | None:
        """Return the e-mail address, as of now, of the user with a username (in its stored form), or None."""
        item = self._store.get(account_keys.username_lock(name))
        return item["email"]["S"] if item else None

    def api_key(self, key_id: str) -> ApiKey | None:
        """Return an API client's key, or None."""
        # A key that is not found may have been created just now, and the gateway caches a refusal for a minute.
        item = self._store.get(account_keys.api_key(key_id), consistent=False) or self._store.get(
            account_keys.api_key(key_id)
        )
        if item is None:
            return None
        return ApiKey(
            key_id=key_id,
            tenant_id=item["tenant_id"]["S"],
            client_id=item["client_id"]["S"],
            secret_hash=item["secret_hash"]["S"],
            permissions=item["permissions"]["S"],
            disabled=item.get("disabled", {}).get("BOOL", False),
            valid_until=item.get("valid_until", {}).get("S"),
        )

    def record_use(self, tenant_id: str, client_id: str, *, at: str, unless_since: str) -> None:
        """Note at its record that an API client was used, unless that was noted since a time, or it is gone."""
        is_there = "attribute_exists(PK)"
        is_stale = "attribute_not_exists(last_used_at) OR last_used_at < :since"
        self._store.update(
            account_keys.api_client(tenant_id, client_id),
            "SET last_used_at = :at",
            {":at": {"S": at}, ":since": {"S": unless_since}},
            condition=f"{is_there} AND ({is_stale})",
        )


def api_key_to_item(key: ApiKey) -> Item:
    """Return the look-up of a key."""
    item: Item = {
        **account_keys.api_key(key.key_id),
        "tenant_id": {"S": key.tenant_id},
        "client_id": {"S": key.client_id},
        "secret_hash": {"S": key.secret_hash},
        "permissions": {"S": key.permissions},
        "disabled": {"BOOL": key.disabled},
    }
    if key.valid_until is not None:
        item["valid_until"] = {"S": key.valid_until}
    return item


def tenant_from_item(tenant_id: str, item: Item) -> Tenant:
    """Return the tenant of an item."""
    given = {name: _value(value) for name, value in item.get("settings", {"M": {}})["M"].items()}
    if "rate_limit" in given:
        given["rate_limit"] = RateLimit(**given["rate_limit"])
    if "import_defaults" in given:
        given["import_defaults"] = ImportOptions.from_json(given["import_defaults"])
    if "tag_rules" in given:
        given["tag_rules"] = tuple(map(TagRule.from_stored, given["tag_rules"]))
    return Tenant(
        id=tenant_id,
        name=item["name"]["S"],
        created_at=item["created_at"]["S"],
        suspended=item.get("suspended", {}).get("BOOL", False),
        settings=TenantSettings(**given),
        # Tenants whose settings were never changed have none of these.
        version=int(item["version"]["N"]) if "version" in item else 1,
        updated_at=item.get("updated_at", {}).get("S"),
        updated_by=item.get("updated_by", {}).get("S"),
        last_event=item.get("last_event", {}).get("S", ""),
    )


def settings_attribute(settings: TenantSettings) -> dict[str, Any]:
    """Return the attribute of the settings that differ from the defaults."""
    defaults = asdict(TenantSettings())
    given = {name: value for name, value in asdict(settings).items() if value != defaults[name]}
    if "import_defaults" in given:
        # A text, since `_attribute` leaves out what is None, and None means that a column is not read.
        given["import_defaults"] = settings.import_defaults.to_json()
    return _attribute(given)


def tenant_to_item(tenant: Tenant) -> Item:
    """Return the item of a new tenant."""
    last_event: Item = {"last_event": {"S": tenant.last_event}} if tenant.last_event else {}
    return {
        **account_keys.tenant(tenant.id),
        "name": {"S": tenant.name},
        "created_at": {"S": tenant.created_at},
        "suspended": {"BOOL": tenant.suspended},
        "settings": settings_attribute(tenant.settings),
        **last_event,
    }


def member_to_item(member: Membership) -> Item:
    """Return the look-up of a membership."""
    return {
        **account_keys.membership(member.sub),
        "tenant_id": {"S": member.tenant_id},
        "role": {"S": member.role},
        "username": {"S": member.username},
        "disabled": {"BOOL": member.disabled},
        "since": {"N": str(member.since)},
    }


def _value(attribute: dict[str, Any]) -> Any:
    kind, value = next(iter(attribute.items()))
    if kind == "M":
        return {name: _value(one) for name, one in value.items()}
    if kind == "L":
        return [_value(one) for one in value]
    return int(value) if kind == "N" else value


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"M": {name: _attribute(one) for name, one in value.items() if one is not None}}
    if isinstance(value, list | tuple):
        return {"L": [_attribute(one) for one in value]}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
