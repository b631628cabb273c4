"""The peak memory of each step of an import, for a file and for one of ten times as many rows.

Each step runs in a process of its own, whose peak (VmHWM in proc(5)) is read at its end. A step may hold a chunk, a
block or a cache of fixed size, so its peak may not grow with the rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import fixtures, import_files
from benchmarks.import_stack import ImportStack
from benchmarks.report import Figure
from local.sources import ROOT

_LIMIT_MEGABYTES = 5
_CHUNK_ROWS = 200


def _split(folder: Path, rows: int) -> None:
    """Split the file."""
    ImportStack(folder).split(rows)


def _work(folder: Path, rows: int) -> None:
    """Work on all chunks of the file, which are written first, by another process."""
    stack = ImportStack(folder)
    stack.work(stack.tasks_of_chunks(rows // _CHUNK_ROWS))


def _gather(folder: Path, rows: int) -> None:
    """Gather the results of all rows, which are written first, chunk by chunk."""
    ImportStack(folder)  # the clients of its services
    from shared.domain.import_options import ImportOptions
    from shared.domain.imports.dialect import survey
    from shared.domain.imports.results import result_header
    from shared.services.imports.gathering import Part, encode_lines, gather
    from shared.wiring.imports import drop_bucket

    layout, _ = survey(import_files.HEADER.encode(), ImportOptions())
    bucket = drop_bucket()

    def keys() -> Iterator[str]:
        # A chunk has every n-th row: groups take rows of the whole file together.
        chunks = rows // _CHUNK_ROWS
        lines = [line for _, line in zip(range(_CHUNK_ROWS), import_files.lines(_CHUNK_ROWS), strict=False)]
        for chunk in range(chunks):
            numbers = range(chunk + 1, rows + 1, chunks)
            body = encode_lines((n, lines[n % _CHUNK_ROWS]) for n in numbers)
            yield bucket.put_output("t1", "i", "r1", f"{chunk:06d}", body)

    parts = (Part("output", body) for body in bucket.read_outputs(keys()) if body is not None)
    bucket.put_results("t1", "i", "r1", "people.csv", result_header(layout), gather(layout, parts, rows=rows))


def _gather_kept(folder: Path, rows: int) -> None:
    """Gather what an undo kept where it kept every contact, which are written first, chunk by chunk."""
    ImportStack(folder)  # the clients of its services
    from shared.domain.contacts.reversal import KeptField
    from shared.domain.ids import derived_id
    from shared.domain.imports.undone import UndoneContact, encode_kept, kept_header
    from shared.services.imports.undo import gather_kept
    from shared.wiring.imports import drop_bucket

    bucket = drop_bucket()
    fields = (KeptField("company", "edited"), KeptField("phone", "edited"))

    def keys() -> Iterator[str]:
        for chunk, first in enumerate(range(1, rows + 1, _CHUNK_ROWS)):
            kept = (
                UndoneContact(
                    derived_id(0, "i", ordinal=row), "changed", (row,), "kept", "fields_kept", fields
                )
                for row in range(first, first + _CHUNK_ROWS)
            )
            yield bucket.put_output("t1", "i", "u1", f"{chunk:06d}", encode_kept(kept))

    bucket.put_kept(
        "t1", "i", "u1", "people.csv", kept_header(), gather_kept(bucket.read_outputs(keys()), [])
    )


STEPS: dict[str, tuple[Callable[[Path, int], None], tuple[int, int]]] = {
    "splitting the file": (_split, (100_000, 1_000_000)),
    "gathering the results": (_gather, (100_000, 1_000_000)),
    "listing what an undo kept": (_gather_kept, (100_000, 1_000_000)),
    "working on the rows": (_work, (10_000, 100_000)),
}
"""Each step with the two numbers of rows that are compared. Working on a row takes ten times as long as the others;
with `--whole` it has as many rows as they have."""


def figures(*, whole: bool = False) -> list[Figure]:
    """Measure by how many megabytes the peak of each step grows."""
    measured = []
    for name, (_, sizes) in STEPS.items():
        small, large = (100_000, 1_000_000) if whole else sizes
        growth = _peak(name, large) - _peak(name, small)
        title = f"import, {name}: memory of {large:,} rows over {small:,}"
        measured.append(Figure(title, growth, None, "MB", None, _LIMIT_MEGABYTES))
    return measured


def _peak(step: str, rows: int) -> float:
    """Return the peak of a step in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        if STEPS[step][0] is _work:
            _run("splitting the file", rows, folder)
        return _run(step, rows, folder)


def _run(step: str, rows: int, folder: str) -> float:
    command = [sys.executable, "-m", "benchmarks.import_memory", "--step", step, str(rows), folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=3600)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _peak_of_this_process() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    """Run one step in this process and print its peak, or print the table of all steps."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_memory")
    parser.add_argument(
        "--whole", action="store_true", help="all steps with up to a million rows: half an hour"
    )
    parser.add_argument("--step", nargs=3, metavar=("STEP", "ROWS", "FOLDER"), help="run one step")
    given = parser.parse_args()
    if given.step is None:
        from benchmarks.report import table

        print(table(figures(whole=given.whole)))
        return
    fixtures.set_environment()
    step, rows, folder = given.step
    STEPS[step][0](Path(folder), int(rows))
    print(json.dumps(_peak_of_this_process()))


if __name__ == "__main__":
    main()
