"""How often somebody may try to sign in: by account and by address (docs/decisions/0015)."""

from __future__ import annotations

import contextlib
import ipaddress
import time
import unicodedata
from collections.abc import Callable
from typing import Literal, Protocol

from shared.domain.errors import Unavailable
from shared.services.limits.keyed_digests import KeyedDigests
from shared.services.limits.rate_limits import SECOND, Bucket, KnownBucket, Quota, microseconds, remember

ACCOUNT = Quota(6 * SECOND, 10)
"""Ten attempts, then one in six seconds. A success costs none."""
ADDRESS = Quota(SECOND, 100)
"""An office of many people may have one address: so a success costs it none either, and its waits do not grow."""

_LONGEST = 320
"""Characters of an account's name that count: as many as an e-mail address may have."""

Kind = Literal["ACCOUNT", "ADDRESS"]


class Attempts(Protocol):
    """The buckets of attempts; see `shared.table.limits.BucketTable`."""

    def of_attempts(self, kind: str, digest: str) -> Bucket: ...


class SignInGate:
    """Counts attempts to sign in. `secret`: what the keys under which they are counted are made with, so that no
    e-mail and no address can be read or guessed from them.
    """

    def __init__(self, attempts: Attempts, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._attempts = attempts
        self._digests = KeyedDigests(secret, b"attempts to sign in")
        self._clock = clock
        self._known: dict[tuple[Kind, str], KnownBucket] = {}

    def arrive(self, address: str) -> None:
        """Count a call from an address, before anything of it is read. Raises RateLimited. While the table is away
        nothing is counted.
        """
        self._take(self._bucket("ADDRESS", _network(address)), ADDRESS)

    def attempt(self, account: str) -> None:
        """Count an attempt at an account, before anything is compared; `account` is the user's address, or what was
        given as a name that nobody has. Raises as `arrive`."""
        self._take(self._bucket("ACCOUNT", _folded(account)), ACCOUNT)

    def succeeded(self, account: str | None, address: str) -> None:
        """Give account and address their tokens back: who could show to be the account's own is not counted."""
        now = microseconds(self._clock())
        self._bucket("ADDRESS", _network(address)).release(ADDRESS, now)
        if account is not None:
            self._bucket("ACCOUNT", _folded(account)).release(ACCOUNT, now)

    def _take(self, bucket: KnownBucket, quota: Quota) -> None:
        with contextlib.suppress(Unavailable):
            bucket.take(1, quota, microseconds(self._clock()))

    def _bucket(self, kind: Kind, value: str) -> KnownBucket:
        name = self._digests.of(f"{kind} {value}")
        known = self._known.get((kind, name))
        if known is None:
            known = KnownBucket(self._attempts.of_attempts(kind, name), lengthens=kind == "ACCOUNT")
            remember(self._known, (kind, name), known)
        return known


class OpenGate:
    """A gate that lets everybody through, where limits are switched off."""

    def arrive(self, address: str) -> None:
        """Nothing is counted."""

    def attempt(self, account: str) -> None:
        """Nothing is counted."""

    def succeeded(self, account: str | None, address: str) -> None:
        """Nothing was counted."""


def _folded(account: str) -> str:
    """An account's name without case and the like, so that variants of one are one."""
    return unicodedata.normalize("NFKC", account[:_LONGEST]).strip().casefold()


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address: who has one has all of these."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
