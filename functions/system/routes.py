"""Health and the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, RootModel

from shared.http.call import Call
from shared.http.routes import Reply, Routes

routes = Routes("System")

_DOCUMENT = Path(__file__).with_name("openapi.json")


class Health(BaseModel):
    """That the API answers."""

    status: Literal["ok"] = "ok"


class Document(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""


@cache
def _document() -> Document:
    return Document(json.loads(_DOCUMENT.read_bytes()))


@routes.route("GET", "/health", summary="Whether the API answers", answer=Health, public=True)
def health(call: Call) -> Reply:
    return Reply(record=Health())


@routes.route("GET", "/openapi.json", summary="This document", answer=Document, public=True)
def openapi(call: Call) -> Reply:
    return Reply(record=_document())
