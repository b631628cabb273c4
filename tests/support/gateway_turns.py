"""The turns of concurrent requests in one process, and the state of resolvers that is saved between them."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, BaseRouter

LONGEST_WAIT = 300
"""Seconds after which waiting for other requests fails the test."""
STEP_SECONDS = 0.01
"""The seconds that a step counts for when requests in step wait: about those that a call of AWS takes."""


class Turns:
    """Grants the right to run in order of arrival."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[int] = deque()
        self._holder: int | None = None

    def take(self) -> None:
        me = threading.get_ident()
        with self._changed:
            self._waiting.append(me)
            self._changed.wait_for(lambda: self._holder is None and self._waiting[0] == me)
            self._waiting.popleft()
            self._holder = me

    def give_up(self) -> None:
        with self._changed:
            self._holder = None
            self._changed.notify_all()

    @property
    def mine(self) -> bool:
        return self._holder == threading.get_ident()


class Steps:
    """Holds each of several threads at every step until all unfinished threads have reached one."""

    def __init__(self, parties: int) -> None:
        self._changed = threading.Condition()
        self._parties = parties
        self._arrived = 0
        self._step = 0

    def arrive(self) -> None:
        with self._changed:
            mine = self._step
            self._arrived += 1
            self._open_if_complete()
            if not self._changed.wait_for(lambda: self._step > mine, timeout=LONGEST_WAIT):
                raise AssertionError("requests sent together wait for one that neither calls AWS nor ends")

    def leave(self) -> None:
        with self._changed:
            self._parties -= 1
            self._open_if_complete()

    def _open_if_complete(self) -> None:
        if self._arrived >= self._parties:
            self._arrived = 0
            self._step += 1
            self._changed.notify_all()


def _register_resolvers() -> WeakSet[ApiGatewayResolver]:
    """Return a set that holds every resolver of the process, also those to come.

    They are registered as they are made: to search all objects for them takes longer than a request, and does not find
    objects that the garbage collector has been told to leave out (`gc.freeze`).
    """
    known = WeakSet(one for one in gc.get_objects() if issubclass(type(one), ApiGatewayResolver))
    initialize = ApiGatewayResolver.__init__

    def register(self: ApiGatewayResolver, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        known.add(self)

    ApiGatewayResolver.__init__ = register  # type: ignore[method-assign]
    return known


_resolvers = _register_resolvers()


class ResolverState:
    """The state that powertools' resolvers keep of the current request."""

    def __init__(self) -> None:
        self._resolvers = list(_resolvers)

    def put_aside(self) -> Callable[[], None]:
        """Take the state out, so that the next request finds an unused resolver; the result restores it."""
        event = BaseRouter.__dict__.get("current_event")
        context = BaseRouter.__dict__.get("lambda_context")
        kept = [(known, dict(known.context), list(known.processed_stack_frames)) for known in self._resolvers]
        for known in self._resolvers:
            known.context.clear()
            known.processed_stack_frames.clear()

        def bring_back() -> None:
            BaseRouter.current_event = event  # type: ignore[assignment]
            BaseRouter.lambda_context = context  # type: ignore[assignment]
            # In place: request objects keep a reference to the same dict.
            for known, contents, frames in kept:
                known.context.clear()
                known.context.update(contents)
                known.processed_stack_frames[:] = frames

        return bring_back
