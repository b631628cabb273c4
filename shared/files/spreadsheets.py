"""Excel workbooks as CSV."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from shared.domain.imports.file import BadFile

_SECONDS = 240
"""Seconds after which a conversion is given up, whatever it waits for."""
_INHERITED = ("LD_LIBRARY_PATH", "PATH")
"""Environment variables of the process that converts: what Python itself needs, and no credentials."""


@contextmanager
def open_workbook(blocks: Iterable[bytes]) -> Iterator[BinaryIO]:
    """Return the first sheet of a workbook as a file of CSV in UTF-8.

    `blocks`: the bytes of the workbook. A line break in a cell is LINE_BREAK of `shared.files.workbook`. A process of
    its own reads the workbook; see there. The files have no names, so nothing is left of them, even after a kill.
    Raises BadFile.
    """
    with TemporaryFile() as workbook, TemporaryFile() as sheet:
        workbook.writelines(blocks)
        workbook.seek(0)
        _convert(workbook.fileno(), sheet.fileno())
        workbook.truncate(0)
        sheet.seek(0)
        yield sheet


def _convert(workbook: int, sheet: int) -> None:
    environment = {variable: os.environ[variable] for variable in _INHERITED if variable in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(  # noqa: S603 (this program and files of its own)
            [sys.executable, "-m", "shared.files.workbook", str(workbook), str(sheet)],
            env=environment,
            pass_fds=(workbook, sheet),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable() from error
    if done.returncode != 0:
        raise _unreadable()
    answer = json.loads(done.stdout)
    if answer:
        raise BadFile(answer["detail"], code=answer["code"])


def _unreadable() -> BadFile:
    """Return the refusal of a workbook at which the process was ended: it took too much memory or time, or crashed."""
    return BadFile(
        "The workbook takes too much memory or time to be read. Save it as CSV.", code="workbook_too_large"
    )
