"""Builds clients and services before Lambda takes the snapshot from which it restores instances (SnapStart).

What is built at import costs no caller time then. Without a snapshot every cold start would pay for it, needed or not,
so nothing is built at import there (`shared.wiring`).
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

_CALLER = Caller("-", "system", "-", "admin")


def prepare(*factories: Callable[[Caller], object]) -> None:
    """Build a function's services, with their modules and AWS clients, if a snapshot is about to be taken.

    `factories`: from a caller to a service. The service is discarded; the modules and clients that it uses stay. A
    factory may not call AWS: an instance needs data and connections of its own. Credentials come from an endpoint of
    Lambda's, from which botocore, in a restored instance too, gets new ones when they expire (AWS Lambda developer
    guide, "Improving startup performance with Lambda SnapStart").
    """
    if not environment.is_before_snapshot():
        return
    observability.logger()
    store()
    rate_limits()
    directory()
    for factory in factories:
        factory(_CALLER)
    _build_models()
    _register_hooks()


def _build_models() -> None:
    """Build the validators of every model that the function has loaded.

    Models build their validators on first use, which keeps cold starts short where there is no snapshot.
    """
    from pydantic import BaseModel

    models = BaseModel.__subclasses__()
    for model in models:
        models += model.__subclasses__()
        if not model.__pydantic_complete__:
            model.model_rebuild()


def _register_hooks() -> None:
    # Part of Lambda's runtime and of no package (AWS Lambda developer guide, "Lambda SnapStart runtime hooks for
    # Python").
    if find_spec("snapshot_restore_py") is not None:
        # botocore takes its pauses between attempts from `random`; all instances would pause alike.
        import_module("snapshot_restore_py").register_after_restore(random.seed)
