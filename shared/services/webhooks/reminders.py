"""Work that is done beside other work that takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def call_after(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call a function, in a thread of its own, when the body has taken so many seconds. It has ended when this ends."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
