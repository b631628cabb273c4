"""The functions' sources as a zip, for the emulator, whose functions run on the packages of this environment."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("functions", "shared")
BUILD_TIME = ("functions/*/examples.py", "shared/http/examples.py", "shared/http/openapi.py")
"""Modules that build the OpenAPI document. No function loads them."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def source_files() -> list[Path]:
    """Return the deployed files in order, relative to the repository's root."""
    found = [
        path.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    ]
    return sorted(path for path in found if not any(path.match(pattern) for pattern in BUILD_TIME))


def add_file(archive: zipfile.ZipFile, name: str, content: bytes, *, level: int = 9) -> None:
    """Add a file so that the same content makes the same bytes: no times, no owner, one mode."""
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    archive.writestr(entry, content, compresslevel=level)


def source_zip() -> bytes:
    """Return a zip of `functions/` and `shared/`, the same bytes for the same sources."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in source_files():
            add_file(archive, path.as_posix(), (ROOT / path).read_bytes(), level=1)
    return packed.getvalue()
