"""Sealing: the encryption of what the table must not show, with a data key for each tenant.

A data key is stored encrypted by AWS KMS. Its plaintext is in memory only, and is used for DATA_KEY_SECONDS before KMS
is asked again, so KMS is called once in five minutes for a tenant and process, and not for each record.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

DATA_KEY_SECONDS = 300
"""Seconds for which a decrypted data key is used."""
_MAX_DATA_KEYS = 1_000
"""The most data keys in memory; the oldest is dropped for a new one."""

_FORMAT = b"\x01"
"""The first byte of what is sealed, followed by a nonce and AES-256-GCM's ciphertext with its tag."""
_NONCE_BYTES = 12
"""The length of a nonce, in bytes (NIST SP 800-38D, section 8.2). Nonces are random, which is safe for 2^32 records of
one key (section 8.3)."""


class Unsealable(Exception):
    """Sealed content is damaged, belongs to another record or tenant, or its data key is missing. No retry helps."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key of 256 bits, in plaintext and encrypted by KMS."""

    plaintext: bytes = field(repr=False)
    encrypted: bytes


class KeyService(Protocol):
    """Makes and decrypts data keys; see `shared.encryption.data_keys.KmsDataKeys`."""

    def generate(self, tenant_id: str) -> DataKey: ...

    def decrypt(self, tenant_id: str, encrypted: bytes) -> bytes: ...


class KeyRepository(Protocol):
    """The encrypted data keys of all tenants; see `shared.table.webhooks.data_keys.DataKeyTable`."""

    def get(self, tenant_id: str) -> bytes | None: ...

    def add(self, tenant_id: str, encrypted: bytes) -> bytes: ...


class Seal:
    """Encrypts and decrypts content of tenants. `clock` returns Unix time in seconds.

    The clock is the wall clock, which goes on while Lambda freezes the process; a key from the clock's future is not
    used either.
    """

    def __init__(
        self, keys: KeyRepository, service: KeyService, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._service = service
        self._clock = clock
        self._in_memory: dict[str, tuple[float, bytes]] = {}

    def seal(self, tenant_id: str, purpose: tuple[str, ...], content: bytes) -> bytes:
        """Return content encrypted for a tenant and purpose, such as the kind and id of its record.

        Only `open` with the same tenant and purpose returns it. Creates the tenant's data key if there is none.
        Raises Unavailable when KMS or the table is unavailable.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self._data_key(tenant_id, may_create=True), secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + AESGCM(key).encrypt(nonce, content, _bound_to(tenant_id, purpose))

    def open(self, tenant_id: str, purpose: tuple[str, ...], sealed: bytes) -> bytes:
        """Return the content of what `seal` returned. Raises Unsealable, and Unavailable when KMS or the table is
        unavailable.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not sealed.startswith(_FORMAT):
            raise Unsealable
        nonce, encrypted = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        key = self._data_key(tenant_id, may_create=False)
        try:
            return AESGCM(key).decrypt(nonce, encrypted, _bound_to(tenant_id, purpose))
        except (InvalidTag, ValueError):  # ValueError: the nonce is cut off
            raise Unsealable from None

    def _data_key(self, tenant_id: str, *, may_create: bool) -> bytes:
        now = self._clock()
        self._forget_old(now)
        if (known := self._in_memory.get(tenant_id)) is not None:
            return known[1]
        key = self._read(tenant_id) or (self._create(tenant_id) if may_create else None)
        if key is None:
            raise Unsealable
        while len(self._in_memory) >= _MAX_DATA_KEYS:
            self._in_memory.pop(next(iter(self._in_memory)), None)
        self._in_memory[tenant_id] = now, key
        return key

    def _forget_old(self, now: float) -> None:
        # Of all tenants, so that no plaintext stays longer than the process is idle.
        for tenant_id, (since, _) in list(self._in_memory.items()):
            if not 0 <= now - since < DATA_KEY_SECONDS:
                self._in_memory.pop(tenant_id, None)

    def _read(self, tenant_id: str) -> bytes | None:
        encrypted = self._keys.get(tenant_id)
        return None if encrypted is None else self._service.decrypt(tenant_id, encrypted)

    def _create(self, tenant_id: str) -> bytes:
        """Return a new data key, or that of another call which was faster."""
        made = self._service.generate(tenant_id)
        kept = self._keys.add(tenant_id, made.encrypted)
        return made.plaintext if kept == made.encrypted else self._service.decrypt(tenant_id, kept)


def _bound_to(tenant_id: str, purpose: tuple[str, ...]) -> bytes:
    """Return the additional data that AES-GCM authenticates. As JSON, no two purposes have the same."""
    return json.dumps([tenant_id, *purpose], separators=(",", ":")).encode()
