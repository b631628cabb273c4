"""Tenants, and whom the authorizer looks up: users by token `sub`, API clients by key id."""

from __future__ import annotations

from dataclasses import asdict

from shared.domain.tenant import ApiClient, Membership, Settings, Tenant
from shared.table import keys
from shared.table.store import Item, Store


class TenantTable:
    """Tenant records. Each is read under its own tenant's key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant_id: str) -> Tenant | None:
        """A tenant, or None."""
        item = self._store.get(keys.tenant(tenant_id), consistent=False)
        if item is None:
            return None
        settings = Settings(
            **{name: _value(value) for name, value in item.get("settings", {"M": {}})["M"].items()}  # type: ignore[arg-type]
        )
        return Tenant(
            id=tenant_id,
            name=item["name"]["S"],
            created_at=item["created_at"]["S"],
            suspended=item.get("suspended", {}).get("BOOL", False),
            settings=settings,
        )

    def put(self, tenant: Tenant) -> None:
        """Write a tenant whole."""
        defaults = asdict(Settings())
        own = {name: value for name, value in asdict(tenant.settings).items() if value != defaults[name]}
        item: Item = {
            **keys.tenant(tenant.id),
            "name": {"S": tenant.name},
            "created_at": {"S": tenant.created_at},
            "suspended": {"BOOL": tenant.suspended},
            "settings": {"M": {name: _attribute(value) for name, value in own.items()}},
        }
        self._store.put(item)


class DirectoryTable:
    """Users and API clients across tenants. For the authorizer and the operator alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def user(self, sub: str) -> Membership | None:
        """The membership of a user, or None."""
        item = self._store.get(keys.user(sub), consistent=False)
        if item is None:
            return None
        return Membership(
            sub=sub,
            tenant_id=item["tenant_id"]["S"],
            role=item["role"]["S"],
            username=item["username"]["S"],
            disabled=item.get("disabled", {}).get("BOOL", False),
        )

    def api_client(self, key_id: str) -> ApiClient | None:
        """The API client of a key, or None."""
        item = self._store.get(keys.api_client(key_id), consistent=False)
        if item is None:
            return None
        return ApiClient(
            key_id=key_id,
            tenant_id=item["tenant_id"]["S"],
            name=item["name"]["S"],
            secret_hash=item["secret_hash"]["S"],
            permissions=item["permissions"]["S"],
            disabled=item.get("disabled", {}).get("BOOL", False),
        )

    def put_user(self, member: Membership) -> None:
        """Write a membership whole."""
        self._store.put(
            {
                **keys.user(member.sub),
                "tenant_id": {"S": member.tenant_id},
                "role": {"S": member.role},
                "username": {"S": member.username},
                "disabled": {"BOOL": member.disabled},
            }
        )

    def put_api_client(self, client: ApiClient) -> None:
        """Write an API client whole."""
        self._store.put(
            {
                **keys.api_client(client.key_id),
                "tenant_id": {"S": client.tenant_id},
                "name": {"S": client.name},
                "secret_hash": {"S": client.secret_hash},
                "permissions": {"S": client.permissions},
                "disabled": {"BOOL": client.disabled},
            }
        )


def _value(attribute: dict[str, str | bool]) -> str | bool | int:
    kind, value = next(iter(attribute.items()))
    return int(value) if kind == "N" else value


def _attribute(value: str | bool | int) -> dict[str, str | bool]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
