"""Secrets that a receiver repeats are not in the log of deliveries, in whatever form it repeats them (check 77)."""

from __future__ import annotations

import base64
import html
import json
import tracemalloc
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from shared.domain.webhooks.redaction import hide_secrets
from shared.domain.webhooks.secrets import WebhookSecrets

SECRET = "ab\"cd'ef <gh>\\ij/kl&mn+op%41"
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON without ASCII": lambda text: "".join(f"\\u{ord(one):04X}" for one in text),
    "HTML": html.escape,
    "HTML in numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "HTML in hexadecimal": lambda text: "".join(f"&#x{ord(one):x};" for one in text),
    "HTML with names": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "URL": lambda text: quote(text, safe=""),
    "URL in small letters": lambda text: "".join(f"%{ord(one):02x}" for one in text),
    "form": quote_plus,
}


@pytest.mark.parametrize("inner", FORMS)
@pytest.mark.parametrize("outer", FORMS)
def test_check_77_a_secret_is_hidden_in_each_form_and_in_one_form_within_another(
    inner: str, outer: str
) -> None:
    repeated = FORMS[outer](FORMS[inner](SECRET))
    hidden = hide_secrets(f"before {repeated} after".encode(), [SECRET]).decode()
    assert hidden.replace('\\"', "").replace('"', "").replace("&quot;", "").replace("%22", "") in {
        "before [hidden] after",
        "before &#34;[hidden]&#34; after",
        "before &#x22;[hidden]&#x22; after",
        "before \\u0022[hidden]\\u0022 after",
    }


def test_check_77_what_a_receiver_decodes_or_takes_apart_is_hidden() -> None:
    basic = base64.b64encode("contacts:p\xe4ssw0rd-\U0001f511".encode()).decode()
    secrets = WebhookSecrets.create(
        {
            "Authorization": f"Basic {basic}",
            "Cookie": "session=0123456789; theme=x",
            "X-Key": "one%2Ftwo%2Fthree",
        }
    )
    echo = {
        "password": "pässw0rd-\U0001f511",
        "raw": basic,
        "session": "0123456789",
        "theme": "x",
        "key": "one/two/three",
    }
    for ascii_only in (True, False):
        shown = secrets.redact(json.dumps(echo, ensure_ascii=ascii_only).encode()).decode()
        assert json.loads(shown) == {
            "password": "[hidden]", "raw": "[hidden]", "session": "[hidden]", "theme": "x", "key": "[hidden]",
        }  # fmt: skip
    key = secrets.latest.removeprefix("whsec_")
    assert secrets.redact(f"{secrets.latest} {key}".encode()) == b"[hidden] [hidden]"


def test_what_is_no_secret_stays() -> None:
    text = b'{"error": "no such \\"tenant\\"", "url": "a%20b", "html": "&lt;p&gt;"} \xff\\u12'
    assert hide_secrets(text, [SECRET, "short"]) == text
    assert hide_secrets(text, ["short"]) == text
    assert hide_secrets(b"a0123456789012345678b", ["0123456789", "9012345678"]) == b"a[hidden]b"


def test_no_part_of_a_secret_is_left_at_the_end_of_what_is_searched() -> None:
    value = "v" * 200 + "w" * 800
    long = json.dumps([value] * 100).encode()
    shown = hide_secrets(long, [value])
    assert b"v" not in shown and b"w" not in shown
    assert len(hide_secrets(b"x" * 65_536, [value])) >= 1_024


def test_values_that_are_found_everywhere_take_neither_memory_nor_time() -> None:
    """A tenant chooses the values of the headers and the response, and all tenants share the senders."""
    values = [" ".join("a" * length for length in range(first, first + 12)) for first in range(8, 68, 12)]
    escapes = b"%2541&amp;amp;\\\\n+&#x25;41%26amp;"  # so that each way of decoding finds another text
    tracemalloc.start()
    shown = hide_secrets(b"a" * 3_000 + escapes, values)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown == b"[hidden]"
    assert most < 8_000_000
