"""docs/events.md describes the code correctly."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from shared.domain.events import Event
from shared.domain.webhooks.addresses import PORTS
from shared.domain.webhooks.delivery import WAIT_SECONDS
from shared.domain.webhooks.subscription import MAX_WEBHOOKS
from shared.publishing.contracts import to_body
from shared.publishing.signing import headers

TEXT = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def signed(secret: str, body: bytes, age: int = 0) -> dict[str, str]:
    return headers([secret], "0190", int(time.time()) - age, body)


def test_the_body_shown_is_one_that_is_sent() -> None:
    (shown,) = re.findall(r'```json\n(\{\n  "type".*?)```', TEXT, re.DOTALL)
    body = json.loads(shown)
    data = body["data"]
    event = Event(
        id="0190",
        type=body["type"],
        entity=data["object"],
        entity_id=data["id"],
        at=body["timestamp"],
        actor="user:1",
        origin=data["source"],
        version=data["version"],
        changes={name: (change["old"], change["new"]) for name, change in data["changes"].items()},
    )
    assert json.loads(to_body(event)) == body


def test_the_figures_are_those_of_the_program() -> None:
    assert f"at most {MAX_WEBHOOKS} webhooks" in WORDS
    assert "port {}, {}, {} or {};".format(*PORTS) in WORDS
    seconds = {"s": 1, "min": 60, "h": 3600}
    (waits,) = re.findall(r"made ([\d smin,handh]+?) later", WORDS)
    stated = [int(number) * seconds[unit] for number, unit in re.findall(r"(\d+) (s|min|h)", waits)]
    assert tuple(stated) == WAIT_SECONDS
