"""Swagger UI: the page, its style sheet and script from powertools, and the script that starts it.

The files are read when they are requested, so that other calls do not pay for them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import aws_lambda_powertools

STYLE, SCRIPT, START = "swagger-ui.css", "swagger-ui.js", "start.js"
_POWERTOOLS_FILES = Path(aws_lambda_powertools.__file__).parent / "event_handler" / "openapi" / "swagger_ui"
_FILES = {
    STYLE: _POWERTOOLS_FILES / "swagger-ui.min.css",
    SCRIPT: _POWERTOOLS_FILES / "swagger-ui-bundle.min.js",
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
    # Everything comes from this API. Only images may be inline: Swagger UI's style sheet contains some.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(path: str) -> str:
    """Return the page. `path`: the path of the request; the page's files are below it."""
    folder = "" if path.endswith("/") else "docs/"
    style, script, start = (f"{folder}{name}?{_digest(name)}" for name in (STYLE, SCRIPT, START))
    return _PAGE.format(style=style, script=script, start=start)


def file(name: str) -> tuple[str, dict[str, str]]:
    """Return the text and the headers of one of the page's files. Its URL contains its digest, so it never changes."""
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
