"""Data keys of AWS KMS: one for each tenant, encrypted by the deployment's key."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.domain.errors import Unavailable
from shared.services.sealing import DataKey, Unsealable

_FOREIGN = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
"""The errors for a ciphertext that is damaged, or that was encrypted in another context or by another key (AWS KMS API
reference, "Decrypt"). No retry helps."""


class KmsDataKeys:
    """The data keys that one KMS key encrypts. `kms` returns the AWS client, when it is first needed.

    The tenant's id is the encryption context: KMS refuses to decrypt a data key for another tenant, and writes the id
    to CloudTrail. Every other failure of KMS raises Unavailable: the key may be enabled again, and rights restored.
    """

    def __init__(self, kms: Callable[[], Any], key_arn: str) -> None:
        self._kms = kms
        self._key = key_arn

    def generate(self, tenant_id: str) -> DataKey:
        """Return a new data key of 256 bits for a tenant. Raises Unavailable."""
        with _translate_errors("GenerateDataKey"):
            answer = self._kms().generate_data_key(
                KeyId=self._key, KeySpec="AES_256", EncryptionContext=_context(tenant_id)
            )
        return DataKey(_binary(answer["Plaintext"]), _binary(answer["CiphertextBlob"]))

    def decrypt(self, tenant_id: str, encrypted: bytes) -> bytes:
        """Return the data key of a tenant. Raises Unavailable, and Unsealable when it is not this tenant's."""
        with _translate_errors("Decrypt"):
            answer = self._kms().decrypt(
                CiphertextBlob=encrypted, KeyId=self._key, EncryptionContext=_context(tenant_id)
            )
        return _binary(answer["Plaintext"])


def _context(tenant_id: str) -> dict[str, str]:
    return {"tenant_id": tenant_id}


def _binary(found: bytes | str) -> bytes:
    # Base64 as KMS sends it (`shared.table.answers`), bytes from botocore's own parser.
    return found if isinstance(found, bytes) else b64decode(found)


@contextmanager
def _translate_errors(operation: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        # Only the code: the message may repeat the request.
        observability.warn("KMS failed", operation=operation, reason=code)
        if code in _FOREIGN:
            raise Unsealable from None
        raise Unavailable from None
