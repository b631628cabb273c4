"""Limits on attempts to sign in, by account and by network address (docs/decisions/0015)."""

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
"""Attempts at an account: ten at once, then one in six seconds. Successful attempts are not counted."""
ADDRESS = Quota(SECOND, 100)
"""Attempts from an address: 100 at once, then one a second. Many people of an office may share an address, so
successful attempts are not counted here either, and refusals do not grow longer."""

_LONGEST = 320
"""The characters of an account's name that are compared: the longest length of an e-mail address."""

Kind = Literal["ACCOUNT", "ADDRESS"]


class Attempts(Protocol):
    """The buckets of attempts; see `shared.table.limits.BucketTable`."""

    def of_attempts(self, kind: str, digest: str) -> Bucket: ...


class SignInGate:
    """Counts attempts to sign in.

    `secret`: the key of the digests under which attempts are counted, so that neither e-mail addresses nor network
    addresses can be guessed from the table.
    """

    def __init__(self, attempts: Attempts, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._attempts = attempts
        self._digests = KeyedDigests(secret, b"attempts to sign in")
        self._clock = clock
        self._known: dict[tuple[Kind, str], KnownBucket] = {}

    def count_request(self, address: str) -> None:
        """Count a request from a network address, before the request is read. Raises RateLimited.

        While the table is unavailable nothing is counted.
        """
        self._take(self._bucket("ADDRESS", _network(address)), ADDRESS)

    def count_attempt(self, account: str) -> None:
        """Count an attempt to sign in to an account, before any credential is compared. Raises RateLimited.

        `account`: the e-mail address of the user, or a name that no user has.
        """
        self._take(self._bucket("ACCOUNT", _fold_account(account)), ACCOUNT)

    def release_success(self, account: str | None, address: str) -> None:
        """Release the tokens of account and address: attempts with the right credentials are not counted."""
        now = microseconds(self._clock())
        self._bucket("ADDRESS", _network(address)).release(ADDRESS, now)
        if account is not None:
            self._bucket("ACCOUNT", _fold_account(account)).release(ACCOUNT, now)

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
    """A gate without limits, for deployments that switch them off."""

    def count_request(self, address: str) -> None:
        """Do nothing."""

    def count_attempt(self, account: str) -> None:
        """Do nothing."""

    def release_success(self, account: str | None, address: str) -> None:
        """Do nothing."""


def _fold_account(account: str) -> str:
    """Return the case-folded NFKC form of an account's name, so that its variants are counted together."""
    return unicodedata.normalize("NFKC", account[:_LONGEST]).strip().casefold()


def _network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address, whose addresses usually have one owner."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
