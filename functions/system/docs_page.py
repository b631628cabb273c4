"""Swagger UI: a page, its style sheet and script as powertools brings them along, and what starts it.

The files are read when they are asked for: no other call pays for them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import aws_lambda_powertools

STYLE, SCRIPT, START = "swagger-ui.css", "swagger-ui.js", "start.js"
_BROUGHT_ALONG = Path(aws_lambda_powertools.__file__).parent / "event_handler" / "openapi" / "swagger_ui"
_FILES = {
    STYLE: _BROUGHT_ALONG / "swagger-ui.min.css",
    SCRIPT: _BROUGHT_ALONG / "swagger-ui-bundle.min.js",
    START: Path(__file__).with_name("docs_start.js"),
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Contacts API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
<script src="{script}" defer></script>
<script src="{start}" defer></script>
</head>
<body>
<div id="swagger-ui"></div>
</body>
</html>
"""

PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    # Everything from this API alone; written into the page nothing but images, which Swagger UI's style sheet holds.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(path: str) -> str:
    """The page. `path`: that under which it was asked for; its files lie below it."""
    folder = "" if path.endswith("/") else "docs/"
    style, script, start = (f"{folder}{name}?{_digest(name)}" for name in (STYLE, SCRIPT, START))
    return _PAGE.format(style=style, script=script, start=start)


def file(name: str) -> tuple[str, dict[str, str]]:
    """The text of one of the page's files, and its headers. The page names it with its digest, so it never changes."""
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{_digest(name)}"',
        "X-Content-Type-Options": "nosniff",
    }
    return _text(name), headers


@cache
def _text(name: str) -> str:
    return _FILES[name].read_text(encoding="utf-8")


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_text(name).encode()).hexdigest()[:16]
