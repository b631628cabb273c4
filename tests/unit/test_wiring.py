"""Objects that a process keeps are built once, and forgotten by `reset_wiring`."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import shared.wiring
from shared.wiring import kept
from shared.wiring.kept import reset_wiring

CACHE = type(functools.cache(lambda: None))


def test_a_kept_object_is_built_once_and_again_after_a_reset() -> None:
    build = kept.kept(lambda name: [name])
    first = build("a")
    assert build("a") is first
    assert build("b") == ["b"]
    reset_wiring()
    assert build("a") == first and build("a") is not first


def test_every_factory_that_keeps_its_object_is_reset() -> None:
    """A bare `functools.cache` would keep its object from one test to the next."""
    names = [f"shared.wiring.{module.name}" for module in pkgutil.iter_modules(shared.wiring.__path__)]
    modules = [importlib.import_module(name) for name in ("shared.aws", "shared.environment", *names)]
    keeping = [value for module in modules for value in vars(module).values() if isinstance(value, CACHE)]
    assert len(keeping) > 15
    assert [factory.__name__ for factory in keeping if factory not in kept._factories] == []
