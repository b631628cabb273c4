"""Removes from botocore what it does again in each test because each starts with a cold process, and what no emulator
looks at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType

import botocore.session
import pytest
from botocore import hooks
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.hooks import EventAliaser


@contextmanager
def faster_botocore() -> Iterator[None]:
    """Read the descriptions of services from disk once, find the current name of each event once, and look once at what
    each handler of events accepts; do not sign requests whose signature nobody verifies. Until the block ends.
    """
    find: Callable[[EventAliaser, str], str] = EventAliaser._alias_event_name
    # The names depend on botocore's own table, which all sessions share.
    names = EventAliaser(None)
    uncached = hooks.accepts_kwargs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        patch.setattr(EventAliaser, "_alias_event_name", lambda self, name: known(name))
        known = functools.lru_cache(maxsize=10_000)(functools.partial(find, names))
        accepts = functools.cache(uncached)
        patch.setattr(
            hooks,
            "accepts_kwargs",
            lambda handler: accepts(handler) if isinstance(handler, FunctionType) else uncached(handler),
        )
        inject = SigV4Auth.add_auth

        def add_auth(self: SigV4Auth, request: AWSRequest) -> None:
            # Signing takes a tenth of a call. Signed URLs and uploads have signers of their own.
            if type(self) is not SigV4Auth or self.credentials is None:
                inject(self, request)
                return
            request.context["timestamp"] = get_current_datetime().strftime(SIGV4_TIMESTAMP)
            self._modify_request_before_signing(request)
            scope = self.scope(request)
            value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
            request.headers["Authorization"] = value

        patch.setattr(SigV4Auth, "add_auth", add_auth)
        yield
