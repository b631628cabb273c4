"""Many writers at once, through the API's front door."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from tests.integration.world import World

WRITERS = 16
WRITES = 1_000


def test_of_a_thousand_writes_from_sixteen_threads_none_fails(world: World, waits: list[float]) -> None:
    """check 1: creations, and changes (every third of the address) of whatever contact anyone has made."""
    made = [world.create("first@example.com")["id"]]

    def writer(number: int) -> Callable[[], list[int]]:
        chosen = random.Random(number)
        token = chosen.choice([world.t1.admin, world.t1.program])

        def write(of_mine: int) -> int:
            name = f"w{number}.{of_mine}"
            if chosen.random() < 0.5:
                body = {"first_name": name, "email": f"{name}@example.com"}
                answer = world.racing.request("POST", "/contacts", json=body, token=token)
                if answer.status == HTTPStatus.CREATED:
                    made.append(answer.json["id"])
            else:
                body = {"email": f"{name}@example.com"} if chosen.randrange(3) == 0 else {"about": name}
                path = f"/contacts/{chosen.choice(made)}"
                answer = world.racing.request("PATCH", path, json=body, token=token)
            return answer.status

        return lambda: [write(of_mine) for of_mine in range(number, WRITES, WRITERS)]

    statuses = world.racing.together([writer(number) for number in range(WRITERS)], in_step=False)
    counted = Counter(status for of_one in statuses for status in of_one)
    assert set(counted) == {HTTPStatus.CREATED, HTTPStatus.OK}
    assert counted.total() == WRITES
    content = world.content
    assert len(content.contacts) == len(made) == 1 + counted[HTTPStatus.CREATED]
    assert len(content.events) == 1 + WRITES
    content.assert_whole()
    assert waits, "too tame: no two ever met"
