"""The emulator's own names, which the modules beside this one reach for."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

VERSION = "1.5.33"
"""The version of ministack that this code was written for. The lock file has the same."""


def check_version() -> None:
    """Exit when another version of the emulator is installed: its parts might have another meaning."""
    if (found := version("ministack")) != VERSION:
        raise SystemExit(
            f"ministack {found} is installed; local/ was written for {VERSION}: run make install"
        )


def require(module: Any, name: str) -> Any:
    """Return a name of the emulator's. Exits when it is gone."""
    try:
        return getattr(module, name)
    except AttributeError:
        raise SystemExit(
            f"{module.__name__}.{name} is gone: local/ was written for ministack {VERSION}"
        ) from None
