"""A tenant: one business, and the settings under which its records are validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

UniqueScope = Literal["tenant", "customer"]
"""Among whose contacts an e-mail address is unique: all the tenant's, or those of one customer. In the second case
telephone and WhatsApp numbers are too, and contacts without a customer share one scope of their own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a tenant may set; the defaults are those of a new tenant."""

    default_country: str = "US"
    auto_clean_phone_numbers: bool = True
    max_tags_per_contact: int = 10
    require_email: bool = True
    unique_scope: UniqueScope = "tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One business. A suspended tenant's doors are shut."""

    id: str
    name: str
    created_at: str
    suspended: bool = False
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Membership:
    """That a user, known by the token's `sub`, acts for a tenant in a role (admin or user)."""

    sub: str
    tenant_id: str
    role: str
    username: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A program that calls the API. `secret_hash` is the SHA-256 of its key's secret half, in hex."""

    key_id: str
    tenant_id: str
    name: str
    secret_hash: str
    permissions: str
    disabled: bool = False
