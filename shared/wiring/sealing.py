"""The encryption of secrets in the table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.sealing import Seal


@kept
def seal() -> Seal:
    """The service that encrypts content of tenants. It keeps their data keys in memory, for five minutes each."""
    from shared.encryption.data_keys import KmsDataKeys
    from shared.services.sealing import Seal
    from shared.table.webhooks.data_keys import DataKeyTable

    return Seal(DataKeyTable(store()), KmsDataKeys(partial(aws_client, "kms"), environment.secrets_key_arn()))


def encryption(_: Caller) -> None:
    """Load what encryption needs, for `shared.snapshot.prepare`. Without a snapshot it is loaded when a secret is read
    or written, which few calls do.
    """
    from cryptography.hazmat.primitives.ciphers import aead  # noqa: F401

    aws_client("kms")
