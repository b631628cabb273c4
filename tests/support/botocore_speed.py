"""Removes from botocore what it does again in each test because each starts with a cold process, and what no emulator
looks at.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore import hooks
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.compat import get_current_datetime
from botocore.hooks import EventAliaser


@contextmanager
def faster_botocore() -> Iterator[None]:
    """Read the descriptions of services from disk once, find the current name of each event once, look once at what
    each handler of events accepts, and do not sign requests whose signature nobody verifies, until the block ends.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        _find_event_names_once(patch)
        _inspect_handlers_once(patch)
        _leave_requests_unsigned(patch)
        yield


def _find_event_names_once(patch: pytest.MonkeyPatch) -> None:
    aliaser: Any = EventAliaser
    # The names depend on botocore's own table, which all sessions share.
    name_of = functools.lru_cache(maxsize=10_000)(aliaser(None)._alias_event_name)
    patch.setattr(EventAliaser, "_alias_event_name", lambda self, name: name_of(name))


def _inspect_handlers_once(patch: pytest.MonkeyPatch) -> None:
    inspect: Any = hooks.accepts_kwargs
    known = functools.cache(inspect)
    patch.setattr(
        hooks,
        "accepts_kwargs",
        lambda handler: known(handler) if isinstance(handler, FunctionType) else inspect(handler),
    )


def _is_address_of_aws(url: str) -> bool:
    """Whether a request is for an address of AWS, which moto answers within the process."""
    return (urlsplit(url).hostname or "").endswith(".amazonaws.com")


def _leave_requests_unsigned(patch: pytest.MonkeyPatch) -> None:
    signer: Any = SigV4Auth
    sign = signer.add_auth

    def add_auth(self: Any, request: Any) -> None:
        # Signing takes a tenth of a call. Signed URLs and uploads have signers of their own. A server that is not AWS's
        # is the emulator of the deployed stack, which verifies signatures.
        if type(self) is not signer or self.credentials is None or not _is_address_of_aws(request.url):
            sign(self, request)
            return
        request.context["timestamp"] = get_current_datetime().strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        scope = self.scope(request)
        value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
        request.headers["Authorization"] = value

    patch.setattr(SigV4Auth, "add_auth", add_auth)
