"""moto's contents as bytes: saved once, and restored for each test that starts from the same contents.

Restoring takes a few milliseconds, creating a template's resources by AWS calls about forty. The objects of each
restoration are new ones, so that no test sees another's changes.
"""

from __future__ import annotations

import io
import pickle
import threading
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

_RLock = type(threading.RLock())


class SavedMoto:
    """The contents of all backends of moto at the time of creation."""

    def __init__(self) -> None:
        services: Any = BackendDict
        backends = [
            (known, account, region, backend)
            for known in services._instances
            for account, region, backend in known.iter_backends()
        ]
        self._places = [(known, account, region) for known, account, region, _ in backends]
        file = io.BytesIO()
        pickler = _Pickler(file, {id(backend): number for number, (*_, backend) in enumerate(backends)})
        pickler.dump([vars(backend) for *_, backend in backends])
        self._saved = file.getvalue()
        self._shared = pickler.shared

    def restore(self) -> None:
        """Replace the contents of the backends of moto, which must be new ones."""
        backends = [known[account][region] for known, account, region in self._places]
        contents = _Unpickler(self._saved, [*backends, *self._shared]).load()
        for backend, members in zip(backends, contents, strict=True):
            vars(backend).update(members)


class _Pickler(pickle.Pickler):
    """Leaves out references to backends, and objects that cannot be pickled and never change (keys)."""

    def __init__(self, file: io.BytesIO, backends: dict[int, int]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._backends = backends
        self.shared: list[Any] = []

    def persistent_id(self, found: Any) -> int | None:
        if isinstance(found, BaseBackend):
            return self._backends[id(found)]
        if type(found).__name__ in ("RSAKey", "RSAPrivateKey"):
            self.shared.append(found)
            return len(self._backends) + len(self.shared) - 1
        return None

    def reducer_override(self, found: Any) -> Any:
        return (threading.RLock, ()) if type(found) is _RLock else NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, saved: bytes, persistent: list[Any]) -> None:
        super().__init__(io.BytesIO(saved))
        self._persistent = persistent

    def persistent_load(self, number: int) -> Any:
        return self._persistent[number]
