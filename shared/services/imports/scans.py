"""Scans of files for malware, where the deployment has them: files wait for theirs, and only clean ones are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.domain.errors import Unavailable
from shared.domain.imports.malware import ScanPending, require_clean, require_scan


class ScanResults(Protocol):
    """The results of scans; see `shared.files.drop_bucket.DropBucket`."""

    def scan_status(self, key: str) -> str | None: ...


class Scans:
    """The scans of files, by their keys. Without `results`, no file is scanned and every file is read."""

    def __init__(self, results: Callable[[], ScanResults] | None = None) -> None:
        self._results = results

    def require_ended(self, key: str) -> None:
        """Raise ScanPending while the scan of a file has not ended."""
        if self._results is not None:
            require_scan(self._results().scan_status(key))

    def require_clean(self, key: str) -> None:
        """Raise BadFile unless the scan of a file found nothing; Unavailable while it has not ended, which it had when
        the import was started: the file was put again."""
        if self._results is not None:
            try:
                require_clean(self._results().scan_status(key))
            except ScanPending as error:
                raise Unavailable() from error


NO_SCANS = Scans()
"""The scans of a deployment that has none."""
