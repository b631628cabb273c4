"""Compares answers with the OpenAPI document."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.support.gateway import Response

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "functions" / "system" / "openapi.json"


@cache
def document() -> dict[str, Any]:
    """Return the document as it is served."""
    read: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return read


@cache
def _strict() -> dict[str, Any]:
    """Return the document with every object closed: an answer may have no member that the document does not name."""
    closed = copy.deepcopy(document())

    def close(schema: Any) -> None:
        if isinstance(schema, dict):
            if "properties" in schema and schema.get("type") == "object":
                schema.setdefault("additionalProperties", False)
            for part in schema.values():
                close(part)
        elif isinstance(schema, list):
            for part in schema:
                close(part)

    close(closed["components"]["schemas"])
    close(closed["paths"])
    return closed


@cache
def _validator(path: str, method: str, status: str, media_type: str) -> Draft202012Validator:
    content = _strict()["paths"][path][method]["responses"][status]["content"]
    schema = {"components": _strict()["components"], **content[media_type]["schema"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def faults_of(method: str, path: str, answer: Response) -> list[str]:
    """Return the faults of an answer to `method` on the document's `path`, compared with the document."""
    told = document()["paths"][path][method.lower()]["responses"].get(str(answer.status))
    if told is None:
        return [f"{answer.status} is not told of: {answer.text[:300]}"]
    if "content" not in told:
        return ["there is a body"] if answer.body else []
    media_type = answer.headers["Content-Type"].split(";")[0]
    if media_type not in told["content"]:
        return [f"{media_type} is not told of"]
    schema = _validator(path, method.lower(), str(answer.status), media_type)
    body = answer.json if "json" in media_type else answer.text
    faults = [f"{error.json_path}: {error.message[:200]}" for error in schema.iter_errors(body)]
    faults += [
        f"no header {name}"
        for name, about in told.get("headers", {}).items()
        if about.get("required") and name not in answer.headers
    ]
    is_problem = media_type == "application/problem+json"
    if is_problem and answer.json.get("status") != answer.status:
        faults.append("the problem's status is another than the answer's")
    return faults
