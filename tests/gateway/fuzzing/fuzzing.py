"""Requests of every kind to every route, right but for a few strokes; the same ones for the same seed."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from shared.domain.ids import new_id
from tests.contract.answers import document, faults_of
from tests.gateway.fuzzing.test_fuzz import OTHER_FIELDS, QUERIES, TEXTS, assert_sound, mangled, value
from tests.gateway.isolation.test_isolation import CASES, OPEN
from tests.integration.world import World
from tests.support.gateway import Gateway, Response

IDS = [
    "x",
    "%00",
    "..",
    "%2e%2e%2f",
    "T%23T10",
    "0" * 36,
    "%ff",
    "null",
    "-",
    "x" * 900,
    "é",
    "%F0%9F%91%A9",
    "{id}",
]
HEADERS = {
    "If-Match": ['"1"', '"99"', "*", "W/1", "", '"' * 500, "\x00"],
    "Idempotency-Key": ["k", "k2", "", "x" * 256, "é", "a,b", " "],
    "Content-Type": ["text/plain", "application/json; charset=x", "application/merge-patch+json", ""],
    "Content-Encoding": ["gzip", "identity", "x"],
    "Accept": ["text/html", ""],
}


class Fuzz:
    """A stranger at the door with a good token and bad manners. `statuses`: how they were answered."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chosen = random.Random(seed)
        self.statuses = Counter[int]()
        # As deployed, the gateway asks the authorizer again after a minute: here after 600 requests.
        world.gateway = Gateway(world.stack.template, cached=True, clock=lambda: self.statuses.total() / 10)
        self._known = {
            name: case.made(world, world.t1)
            for (method, path), case in CASES.items()
            if method == "GET"
            for name in re.findall(r"{(\w+)}", path)[:1]
        }

    def writes(self, count: int) -> None:
        """Requests with bodies, and those that delete."""
        self._run(count, [one for one in self._routes() if one[0] != "GET"])

    def reads(self, count: int) -> None:
        self._run(count, [one for one in self._routes() if one[0] == "GET"])

    def _routes(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, methods in document()["paths"].items():
            for method, operation in methods.items():
                if (method.upper(), path) not in OPEN or method == "get":
                    yield method.upper(), path, operation

    def _run(self, count: int, routes: list[tuple[str, str, dict[str, Any]]]) -> None:
        tokens = [self.world.t1.admin] * 8 + [self.world.t1.user, self.world.t1.program]
        for number in range(count):
            method, path, operation = routes[number % len(routes)]
            body = self._body(operation)
            answer = self.world.gateway.request(
                method,
                self._target(path) + self._query(operation),
                body=body,
                headers=self._headers(operation, body),
                token=self.chosen.choice(tokens),
            )
            self._judge(method, path, answer)

    def _judge(self, method: str, path: str, answer: Response) -> None:
        self.statuses[answer.status] += 1
        assert answer.status < 500, (method, path, answer.status, answer.text[:300])
        # An odd path may be that of another route, or of none.
        if (
            answer.status in (404, 403)
            or str(answer.status) not in document()["paths"][path][method.lower()]["responses"]
        ):
            assert answer.status < 300 or answer.json["status"] == answer.status, (method, path, answer.text)
        else:
            assert (faults := faults_of(method, path, answer)) == [], (method, path, faults)

    def _target(self, path: str) -> str:
        for name in re.findall(r"{(\w+)}", path):
            pick = self.chosen.random()
            record = self._known.get(name, new_id()) if pick < 0.7 else new_id()
            path = path.replace(f"{{{name}}}", record if pick < 0.85 else self.chosen.choice(IDS))
        return path

    def _query(self, operation: dict[str, Any]) -> str:
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        pick = self.chosen.random()
        if pick < 0.05:
            return "?" + self.chosen.choice(QUERIES)
        if not names or pick < 0.2:
            return ""
        parts = []
        for _ in range(self.chosen.randrange(1, 4)):
            given = self.chosen.choice(
                [*TEXTS, "true", "1", "2026-01-01T00:00:00Z", "-created_at", self._known["tag_id"]]
            )
            text = given.encode("utf-8", "surrogatepass")[:3000]
            parts.append(f"{self.chosen.choice(names)}={quote(text)}")
        return "?" + "&".join(parts)

    def _headers(self, operation: dict[str, Any], body: bytes | None) -> dict[str, str]:
        headers = {}
        if body is not None:
            headers["Content-Type"] = next(iter(operation["requestBody"]["content"]))
        if self.chosen.random() < 0.15:
            name = self.chosen.choice([*HEADERS])
            headers[name] = self.chosen.choice(HEADERS[name])
        return headers

    def _body(self, operation: dict[str, Any]) -> bytes | None:
        if "requestBody" not in operation:
            return None
        content = next(iter(operation["requestBody"]["content"].values()))
        example = content.get("example", {})
        text = self._struck(example) if isinstance(example, dict) else json.dumps(example)
        if self.chosen.random() < 0.1:
            text = mangled(self.chosen, text)
        return text.encode("utf-8", "surrogatepass")

    def _struck(self, example: dict[str, Any]) -> str:
        made: Any = json.loads(
            json.dumps(example).replace("@example.com", f"{self.chosen.randrange(10**6)}@example.com")
        )
        for _ in range(self.chosen.randrange(0, 3)):
            place = made
            while isinstance(place, dict | list) and place and self.chosen.random() < 0.4:
                inner = self.chosen.choice([*place.values()] if isinstance(place, dict) else place)
                place = inner if isinstance(inner, dict | list) and inner else place
                if inner is not place:
                    break
            self._strike(place)
        return json.dumps(made, ensure_ascii=self.chosen.random() < 0.5)

    def _strike(self, place: dict[str, Any] | list[Any]) -> None:
        odd = value(self.chosen)
        if isinstance(place, list):
            place[self.chosen.randrange(len(place))] = odd
        elif self.chosen.random() < 0.15 or not place:
            place[self.chosen.choice(OTHER_FIELDS)] = odd
        elif self.chosen.random() < 0.15:
            place.pop(self.chosen.choice([*place]))
        else:
            place[self.chosen.choice([*place])] = odd


def assert_stood(fuzz: Fuzz, *statuses: int) -> None:
    """Nothing broke, and it was not for want of trying."""
    assert set(statuses) <= set(fuzz.statuses), f"too tame: {fuzz.statuses}"
    assert_sound(fuzz.world)
