"""What requests to S3 have in common: the errors that they raise, and the URLs that are signed for others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Unavailable

_BUSY = ("SlowDown", "RequestTimeout", "Throttling")
"""The codes below 500 of a request that may succeed later (Amazon S3 API Reference, "Error responses")."""


@contextmanager
def translate_errors(gone: Collection[str], refusal: Callable[[], Exception]) -> Iterator[None]:
    """Raise `refusal` for the codes `gone`, and Unavailable when S3 cannot be reached or stays busy.

    Any other error of botocore is raised as it is.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in gone:
            raise refusal() from error
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        if status >= 500 or code in _BUSY:
            raise Unavailable() from error
        raise
    except BotoCoreError as error:  # no connection, time-outs
        raise Unavailable() from error


def sign_url(client: Any, bucket: str, key: str, seconds: int) -> str:
    """Return a URL from which an object can be fetched for some seconds without credentials."""
    url: str = client.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
    )
    return url
