"""The CPU time that a call takes: tests of growth measure it, since it hardly depends on what else a machine does."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable


def cpu_seconds(act: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that a call takes. Raises what the call raises.

    Neither the garbage collector, whose work grows with all that the process holds, nor a tracer such as that of
    coverage.py, which slows down Python but not C, runs meanwhile.
    """
    trace = sys.gettrace()
    sys.settrace(None)
    gc.disable()
    try:
        start = time.process_time()
        act()
        return time.process_time() - start
    finally:
        gc.enable()
        sys.settrace(trace)
