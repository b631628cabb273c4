"""A contact and its notes, for the tests of notes."""

from __future__ import annotations

from typing import Any

from tests.integration.world import World
from tests.support.gateway import Response

TEXT = "Call (202) 555-0143,  mail ada@home.example.com. #offer"
TIDIED = TEXT.replace("  ", " ")


class Notebook:
    """A contact and its notes."""

    def __init__(self, world: World, email: str = "ada@example.com") -> None:
        self.world = world
        self.id: str = world.create(email)["id"]

    @classmethod
    def of(cls, world: World) -> Notebook:
        """Return the notes of the only contact of a world."""
        notebook = object.__new__(cls)
        (contact,) = world.content.contacts
        notebook.world, notebook.id = world, contact["id"]["S"]
        return notebook

    def ask(self, method: str, path: str = "", json: Any = None, **how: Any) -> Response:
        return self.world.send(method, f"/contacts/{self.id}/notes{path}", json, **how)

    def write(self, body: str = TEXT, **given: Any) -> dict[str, Any]:
        answer = self.ask("POST", json={"body": body, **given})
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def read(self, note_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/{note_id}")
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def process(self) -> int:
        """Publish all events, and let the function process what is in its queue. Return how many messages it took."""
        self.world.catch_up()
        return self.world.notes.pump()

    def list(self, **query: Any) -> list[str]:
        """The ids of a list, walked to its end."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.ask("GET", query={**query, **cursor})
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    @property
    def count(self) -> int:
        """How many notes there are, checked against the contact's figure and the list."""
        self.world.content.assert_whole()
        items = self.world.content.of("T#T1#C#", "NOTE#")
        own = [item for item in items if item["contact_id"]["S"] == self.id]
        assert len(own) == len(self.list())
        answer = self.ask("GET", query={"limit": 1}).json
        assert answer["total"] == len(own)
        return len(own)

    def events(self, type: str) -> list[dict[str, Any]]:
        """The contact's events of a type, in the order of its versions."""
        found = [
            item
            for item in self.world.content.events
            if item["type"]["S"] == type and item["entity_id"]["S"] == self.id
        ]
        return sorted(found, key=lambda item: int(item["version"]["N"]))


def picture(world: World) -> list[str]:
    """The table, checked and without the claims of Idempotency-Keys, as text to compare."""
    content = world.content
    content.assert_whole()
    content.items = [item for item in content.items if "#IDEMPOTENCY#" not in item["PK"]["S"]]
    return content.picture()
