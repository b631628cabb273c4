"""Objects that a process builds once and keeps while it is warm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import _lru_cache_wrapper

T = TypeVar("T")

_factories: list[_lru_cache_wrapper[Any]] = []


def kept(factory: Callable[..., T]) -> _lru_cache_wrapper[T]:
    """Return a factory that builds an object on the first call, and returns the same object on every later call with
    the same arguments.
    """
    keeping = cache(factory)
    _factories.append(keeping)
    return keeping


def reset_wiring() -> None:
    """Forget every kept object, so that the process is like a new one. For tests."""
    for factory in _factories:
        factory.cache_clear()
