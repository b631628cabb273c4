"""Writes the OpenAPI document from the routes: `python -m local.openapi` (with `--check`: only compares)."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from shared.http.openapi import document
from shared.http.routes import Operation

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "functions" / "system" / "openapi.json"
VERSION = "0.1.0"


def operations() -> list[Operation]:
    """The operations of every resource: the modules of `functions/` that are named for routes."""
    found: list[Operation] = []
    for path in sorted((ROOT / "functions").glob("*/*routes.py")):
        # By name: a tool over the sources, which are no part of the stack that the rest of this package runs.
        module = importlib.import_module(f"functions.{path.parent.name}.{path.stem}")
        found.extend(module.routes.operations)
    return found


def text() -> str:
    """The document as it lies in the file."""
    return json.dumps(document(operations(), version=VERSION), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    made = text()
    if "--check" in sys.argv:
        if FILE.read_text() != made:
            sys.exit("The OpenAPI document does not tell of the routes as they are. Run `make openapi`.")
        return
    FILE.write_text(made)


if __name__ == "__main__":
    main()
