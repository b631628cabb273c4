"""Plain HTTP to this machine, past any proxy the environment names."""

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
    """Status, headers and body of an answer, whatever its status. Sends `body` as JSON, or `form` as a form.

    Raises OSError when there is no answer.
    """
    headers = {"Accept": "application/json", **(headers or {})}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    elif form is not None:
        data = urlencode(form).encode()  # urllib names the type of such a body by itself
    asked = urllib.request.Request(url, method=method, headers=headers, data=data)
    try:
        with _OPENER.open(asked, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
