"""Writes the OpenAPI document from the routes, and the schemas of events: `python -m local.openapi` (with `--check`:
only compares).
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from local import event_schemas
from shared.domain.payloads.registry import DATA, payload
from shared.http.examples import Example
from shared.http.openapi import document
from shared.http.routes import Operation

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "functions" / "system" / "openapi.json"
VERSION = "0.1.0"


def operations() -> list[Operation]:
    """Return the operations of every resource, from the modules of `functions/` whose names end with `routes`."""
    return [
        operation
        for path in sorted((ROOT / "functions").glob("*/*routes.py"))
        for operation in _module(path.parent.name, path.stem).routes.operations
    ]


def examples() -> dict[str, Example]:
    """Return the examples of every resource's `examples.py`, by the names of the handlers."""
    found: dict[str, Example] = {}
    for resource in resources():
        if (ROOT / "functions" / resource / "examples.py").exists():
            kept = _module(resource, "examples")
            common: Mapping[str, Any] = kept.PARAMETERS
            for name, example in kept.EXAMPLES.items():
                found[name] = replace(example, parameters={**common, **example.parameters})
    return found


def resources() -> list[str]:
    """Return the names of the folders of `functions/` that serve routes."""
    return [path.parent.name for path in sorted((ROOT / "functions").glob("*/routes.py"))]


def _module(resource: str, name: str) -> Any:
    # By name, since only this tool of the package works on the sources of functions.
    return importlib.import_module(f"functions.{resource}.{name}")


def render() -> str:
    """Return the text of the document, as in the file."""
    payloads = {event_type: payload(event_type) for event_type in DATA}
    made = document(operations(), examples(), version=VERSION, payloads=payloads)
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    rendered = {FILE: render(), **event_schemas.render()}
    if "--check" in sys.argv:
        if any(not file.exists() or file.read_text() != text for file, text in rendered.items()):
            sys.exit(
                "The OpenAPI document or docs/events/ does not match the routes and events. Run `make openapi`."
            )
        return
    for file, text in rendered.items():
        file.write_text(text)


if __name__ == "__main__":
    main()
