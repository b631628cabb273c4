"""Routes of health, the OpenAPI document and Swagger UI."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, RootModel

from functions.system import docs_page
from shared.http.call import Call
from shared.http.routes import Reply, Routes

routes = Routes("System")

_DOCUMENT = Path(__file__).with_name("openapi.json")


class Health(BaseModel):
    """The health of the API."""

    status: Literal["ok"] = "ok"


class Document(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""


@cache
def _document() -> Document:
    return Document(json.loads(_DOCUMENT.read_bytes()))


@routes.route("GET", "/", summary="Redirect to Swagger UI", status=302, public=True)
def root(call: Call) -> Reply:
    """The page is below the requested path, which starts with the stage or with a domain's base path."""
    path = str(call.event["requestContext"].get("path", ""))
    return Reply(headers={"Location": f"{path.rstrip('/')}/docs"})


@routes.route("GET", "/health", summary="Check that the API answers", answer=Health, public=True)
def health(call: Call) -> Reply:
    return Reply(record=Health())


@routes.route("GET", "/openapi.json", summary="Read this document", answer=Document, public=True)
def openapi(call: Call) -> Reply:
    return Reply(record=_document())


@routes.route("GET", "/docs", summary="Open Swagger UI", answer_type="text/html; charset=utf-8", public=True)
def docs(call: Call) -> Reply:
    """Signs in with user name and password, or uses a pasted token or API key."""
    path = call.event["requestContext"].get("path", "")
    return Reply(text=docs_page.page(path), headers=docs_page.PAGE_HEADERS)


@routes.route(
    "GET",
    f"/docs/{docs_page.STYLE}",
    summary="Get the style sheet of Swagger UI",
    answer_type="text/css",
    public=True,
)
def docs_style(call: Call) -> Reply:
    return _file(docs_page.STYLE)


@routes.route(
    "GET",
    f"/docs/{docs_page.SCRIPT}",
    summary="Get the script of Swagger UI",
    answer_type="text/javascript",
    public=True,
)
def docs_script(call: Call) -> Reply:
    return _file(docs_page.SCRIPT)


@routes.route(
    "GET",
    f"/docs/{docs_page.START}",
    summary="Get the script that starts Swagger UI",
    answer_type="text/javascript",
    public=True,
)
def docs_start(call: Call) -> Reply:
    return _file(docs_page.START)


def _file(name: str) -> Reply:
    text, headers = docs_page.file(name)
    return Reply(text=text, headers=headers)
