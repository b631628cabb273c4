"""Examples of the open routes; see `shared.http.examples`."""

from __future__ import annotations

from functions.system.routes import Document, Health
from shared.http.examples import Example

PARAMETERS: dict[str, str] = {}

EXAMPLES = {
    "health": Example(answer=Health()),
    "openapi": Example(answer=Document({"openapi": "3.1.0", "info": {"title": "Contacts"}, "paths": {}})),
}
