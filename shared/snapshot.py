"""Makes clients and services before Lambda takes the snapshot from which instances are restored (SnapStart).

Whatever is made at import then costs no caller anything; without a snapshot it would be paid for at every cold start,
needed or not, so that nothing is made there (`shared.wiring`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from shared import environment, observability
from shared.domain.callers import Caller
from shared.wiring.accounts import directory
from shared.wiring.base import store
from shared.wiring.limits import rate_limits

_ANYBODY = Caller("-", "system", "-", "admin")


def prepare(*factories: Callable[[Caller], object]) -> None:
    """Make a function's parts, with their modules and AWS clients, when a snapshot is about to be taken; else nothing.

    `factories`: from a caller to what serves calls; that is thrown away, and what it rests on stays. None may call AWS:
    what is read, and each connection, is an instance's own. Credentials come from an endpoint of
    Lambda's, and botocore gets new ones from there when they expire, a restored instance too (AWS Lambda developer
    guide, "Improving startup performance with Lambda SnapStart").
    """
    if not environment.is_before_snapshot():
        return
    observability.logger()
    store()
    rate_limits()
    directory()
    for factory in factories:
        factory(_ANYBODY)
    _build_models()
    _register_hooks()


def _build_models() -> None:
    """Build every model that the function has loaded.

    Models defer their validators to first use, which keeps cold starts short where there is no snapshot.
    """
    from pydantic import BaseModel

    models = BaseModel.__subclasses__()
    for model in models:
        models += model.__subclasses__()
        if not model.__pydantic_complete__:
            model.model_rebuild()


def _register_hooks() -> None:
    # Part of Lambda's runtime, and of no package (AWS Lambda developer guide, "Lambda SnapStart runtime hooks for
    # Python").
    if find_spec("snapshot_restore_py") is not None:
        # botocore draws its pauses between attempts from there; all instances would draw the same.
        import_module("snapshot_restore_py").register_after_restore(random.seed)
