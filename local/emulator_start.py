"""Starts the emulator, `python -m local.emulator_start`, without packages that it imports and does not need here."""

from __future__ import annotations

import sys

UNNEEDED = ("docker", "duckdb", "jsonata")
"""Packages that ministack runs without: they serve containers, Athena and JSONata, which this stack does not use.
Importing them takes a third of the emulator's start."""


def main() -> None:
    """Serve until a signal arrives or standard input ends."""
    for name in UNNEEDED:
        sys.modules[name] = None  # type: ignore[assignment] # makes the import fail (importlib's reference)
    from local import emulator

    emulator.main()


if __name__ == "__main__":
    main()
