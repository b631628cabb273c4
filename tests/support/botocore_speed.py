"""Removes from botocore what it does again in each test because each starts with a cold process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType

import botocore.session
import pytest
from botocore import hooks
from botocore.hooks import EventAliaser


@contextmanager
def faster_botocore() -> Iterator[None]:
    """Read the descriptions of services from disk once, find the current name of each event once, and look once at what
    each handler of events accepts, until the block ends.
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
        yield
