"""Examples of the system's routes; see `shared.http.examples`."""

from __future__ import annotations

from functions.system.routes import Document, Health
from shared.http.examples import Example

PARAMETERS: dict[str, str] = {}

EXAMPLES = {
    "docs": Example(answer="<!doctype html>…"),
    "docs_style": Example(answer=".swagger-ui{…}"),
    "docs_script": Example(answer="!function(){…}()"),
    "docs_start": Example(answer="window.ui = SwaggerUIBundle({…});"),
    "health": Example(answer=Health()),
    "root": Example(),
    "openapi": Example(answer=Document({"openapi": "3.1.0", "info": {"title": "Contacts"}, "paths": {}})),
}
