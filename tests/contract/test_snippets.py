"""The snippets of docs/events.md in Python and in JavaScript tell genuine requests from others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from shared.domain.webhooks.secrets import generate_secret
from shared.publishing.signing import headers
from tests.contract.answers import ROOT
from tests.support.browser import browsing, needs_chromium
from tests.support.receiver import Receiver

PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
LIBRARY, PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(JAVASCRIPT,) = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)

SECRET, OLD, OTHER = (generate_secret() for _ in range(3))
BODY = '{"name":"Zoë 🦊","line":"\u2028"}'.encode()

Request = tuple[bytes, dict[str, str]]
Verify = Callable[[str, list[Request]], list[bool]]


def sent(age: int = 0, *, secrets: tuple[str, ...] = (SECRET,)) -> Request:
    return BODY, headers(secrets, "0190", int(time.time()) - age, BODY)


def changed(name: str, change: Callable[[str], str]) -> Request:
    body, given = sent()
    return body, {**given, name: change(given[name])}


def cases() -> list[tuple[Request, bool]]:
    """Return requests, each with whether it is genuine."""
    body, given = sent()
    return [
        ((body, given), True),
        (sent(age=290), True),
        (sent(secrets=(OLD, SECRET)), True),
        (sent(secrets=(SECRET, OLD)), True),
        (changed("webhook-signature", lambda one: f"v1,x v1a,AAAA {one}"), True),
        ((body + b" ", given), False),
        ((b"", given), False),
        (sent(age=310), False),
        (sent(age=-310), False),
        (sent(secrets=(OTHER,)), False),
        (changed("webhook-id", lambda one: f"{one}1"), False),
        (changed("webhook-timestamp", lambda one: str(int(one) + 1)), False),
        (changed("webhook-timestamp", lambda one: "soon"), False),
        (changed("webhook-signature", lambda one: one.removeprefix("v1,")), False),
        (changed("webhook-signature", lambda one: f"v2{one.removeprefix('v1')}"), False),
        (changed("webhook-signature", lambda one: ""), False),
        (changed("webhook-signature", lambda one: "v1,"), False),
        (changed("webhook-signature", lambda one: f"v1,{'A' * 43}="), False),
        (changed("webhook-signature", lambda one: f"{one[:-3]}é=="), False),
    ]


def check(verify: Verify) -> None:
    given = cases()
    assert verify(SECRET, [request for request, _ in given]) == [genuine for _, genuine in given]


def test_check_61_the_snippet_in_python_tells_genuine_requests() -> None:
    shown: dict[str, Any] = {}
    exec(PYTHON, shown)  # as readers of the page do
    check(lambda secret, requests: [shown["is_genuine"](secret, *one) for one in requests])


def test_check_61_the_snippet_with_the_library_returns_the_event() -> None:
    body, given = sent()
    shown: dict[str, Any] = {"secret": SECRET, "body": body, "headers": given}
    exec(LIBRARY, shown)
    assert shown["event"] == Verifier(SECRET).verify(body, given) == {"name": "Zoë 🦊", "line": "\u2028"}


@pytest.fixture
def in_browser(tmp_path: Path, receiver: Receiver) -> Iterator[Verify]:
    """The snippet in JavaScript, in a page of this machine: WebCrypto needs a secure context."""
    script = f"""
        {JAVASCRIPT}
        const [secret, requests, done] = arguments;
        const bytes = (text) => Uint8Array.from(text, (one) => one.charCodeAt(0));
        Promise.all(requests.map(([body, headers]) => isGenuine(secret, bytes(body), headers)))
          .then(done, (error) => done(String(error)));
    """
    with browsing(tmp_path) as browser:
        browser.get(receiver.url)
        browser.set_script_timeout(300)

        def verify(secret: str, requests: list[Request]) -> list[bool]:
            given = [(body.decode("latin-1"), headers) for body, headers in requests]
            found: list[bool] = browser.execute_async_script(script, secret, given)
            return found

        yield verify


@needs_chromium
def test_check_61_the_snippet_in_javascript_tells_genuine_requests(in_browser: Verify) -> None:
    check(in_browser)
