"""The files in which a running one-machine stack keeps its state, such as its addresses, passwords and tokens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class StackNotRunning(Exception):
    """No stack runs with its state in the folder; the message says in which."""


def state_folder() -> Path:
    """Return the folder of the stack's state, which STATE_DIR names."""
    return Path(os.environ.get("STATE_DIR") or ".local")


def read_state() -> dict[str, Any]:
    """Return the state of the running stack, `state.json`. Raises StackNotRunning."""
    folder = state_folder()
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise StackNotRunning(f"No stack runs with its state in {folder}.") from error
    return state


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON in one step, readable only by its owner."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    draft.replace(path)
