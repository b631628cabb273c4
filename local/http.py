"""Plain HTTP to this machine, without the proxy that the environment may name."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.parse import urlencode

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def request(
    method: str,
    url: str,
    *,
    token: str | None = None,
    body: Any = None,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    seconds: float = 60,
) -> tuple[int, Message, bytes]:
    """Make a request, with `body` as JSON or `form` as a form; return the status, headers and body of the response.

    Raises OSError when there is no response.
    """
    headers = {"Accept": "application/json", **(headers or {})}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    elif form is not None:
        data = urlencode(form).encode()  # urllib sets the content type of a form itself
    asked = urllib.request.Request(url, method=method, headers=headers, data=data)
    try:
        with _OPENER.open(asked, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
