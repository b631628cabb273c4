"""Everything that concurrent clients see of a few contacts follows from one order of all they did."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.history import Answer, History, Kind, NoLegalOrder, State, last_states
from tests.support.transport import Attempt, Layer, Send, intercepting, json_answer, json_of

CLIENTS = 8
REQUESTS: dict[Kind, tuple[str, str]] = {
    "read": ("GET", ""),
    "patch": ("PATCH", ""),
    "toggle": ("POST", "/toggle-status"),
    "delete": ("DELETE", ""),
    "restore": ("POST", "/restore"),
}
# Deletions are few and restorations many, so that contacts are live most of the time.
SHARES: dict[Kind, int] = {"read": 6, "patch": 8, "toggle": 2, "delete": 1, "restore": 3}


def state_of(contact: dict[str, Any]) -> State:
    return State(contact["version"], contact["about"], contact["is_active"])


def answer_of(response: Response) -> Answer:
    return Answer(response.status, state_of(response.json) if response.status == 200 else None)


class Clients:
    """Clients that work on the same contacts at once, and the history of what they did."""

    def __init__(self, world: World, contacts: int) -> None:
        self._world = world
        made = [world.create() for _ in range(contacts)]
        self.starts = {contact["id"]: state_of(contact) for contact in made}
        self.history = History()

    def work(self, operations: int, *, in_step: bool) -> None:
        """Each does so many operations, at random but the same in every run, then all contacts are read."""

        def client(seed: int) -> Callable[[], None]:
            return lambda: self._client(seed, operations)

        self._world.racing.together([client(seed) for seed in range(CLIENTS)], in_step=in_step)
        for contact in self.starts:
            self.send(contact, "read")

    def _client(self, seed: int, operations: int) -> None:
        chosen = random.Random(seed)
        versions = dict.fromkeys(self.starts, 1)
        for number in range(operations):
            contact = chosen.choice(list(self.starts))
            (kind,) = chosen.choices(list(SHARES), list(SHARES.values()))
            is_careful = kind != "read" and chosen.random() < 0.4
            answer = self.send(
                contact,
                kind,
                if_match=versions[contact] if is_careful else None,
                value=f"{seed}.{number}" if kind == "patch" else None,
            )
            if answer.seen is not None:
                versions[contact] = answer.seen.version

    def send(
        self, contact: str, kind: Kind, *, if_match: int | None = None, value: str | None = None
    ) -> Answer:
        """One operation, noted; its answer."""
        method, rest = REQUESTS[kind]
        return self.history.note(
            contact,
            kind,
            lambda: answer_of(
                self._world.racing.request(
                    method,
                    f"/contacts/{contact}{rest}",
                    json=None if value is None else {"about": value},
                    token=self._world.t1.admin,
                    headers={} if if_match is None else {"If-Match": f'"{if_match}"'},
                )
            ),
            if_match=if_match,
            value=value,
        )


@contextmanager
def stale_unless_asked_otherwise() -> Iterator[None]:
    """A read that does not ask for the state as of now gets what the same request got the last time."""
    told: dict[str, dict[str, Any]] = {}

    def lag(attempt: Attempt, send: Send) -> AWSResponse:
        body = json.dumps(attempt.params, sort_keys=True)
        if attempt.operation not in ("GetItem", "BatchGetItem") or '"ConsistentRead": true' in body:
            return send(attempt)
        response = send(attempt)
        now = json_of(response)
        before, told[body] = told.get(body, now), now
        return json_answer(attempt, 200, before)

    with intercepting(Layer.METER, lag):
        yield


@pytest.mark.parametrize(("operations", "in_step"), [(200, False), (60, True)])
def test_a_legal_order_explains_what_eight_clients_saw(
    world: World, waits: list[float], operations: int, in_step: bool
) -> None:
    """check 37: eight clients with 200 operations each; fewer in step, where nearly every write meets another."""
    clients = Clients(world, contacts=3)
    with stale_unless_asked_otherwise():
        clients.work(operations, in_step=in_step)
    noted = clients.history.operations
    assert len(noted) == CLIENTS * operations + 3

    ends = last_states(clients.starts, noted)
    content = world.content
    content.assert_whole()
    assert {
        contact["id"]["S"]: (int(contact["version"]["N"]), "deleted_at" in contact)
        for contact in content.contacts
    } == {contact: (end.version, end.is_deleted) for contact, end in ends.items()}

    outcomes = Counter((operation.kind, operation.answer.status) for operation in noted)
    wanted = {(kind, status) for kind in ("read", "patch", "toggle") for status in (200, 404)}
    wanted |= {("patch", 412), ("toggle", 412), ("restore", 200), ("restore", 412), ("delete", 204)}
    assert wanted <= set(outcomes), f"too tame: {outcomes}"
    assert waits, "too tame: nobody was ever slower"


def weakened(
    operation: str, weaker: Callable[[dict[str, Any]], dict[str, Any]]
) -> AbstractContextManager[None]:
    """The program's calls of one operation ask for less than they did."""

    def weaken(attempt: Attempt, send: Send) -> AWSResponse:
        return send(
            attempt.with_params(weaker(attempt.params)) if attempt.operation == operation else attempt
        )

    return intercepting(Layer.FAULTS, weaken)


def unconditional(params: dict[str, Any]) -> dict[str, Any]:
    condition = {"ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
    without = {"Put": condition | {"ExpressionAttributeValues"}, "Update": condition}
    actions = [next(iter(action.items())) for action in params["TransactItems"]]
    return {
        **params,
        "TransactItems": [
            {kind: {name: value for name, value in one.items() if name not in without[kind]}}
            for kind, one in actions
        ],
    }


def inconsistent(params: dict[str, Any]) -> dict[str, Any]:
    wanted = params["RequestItems"].items()
    return {
        **params,
        "RequestItems": {table: {**request, "ConsistentRead": False} for table, request in wanted},
    }


def test_no_order_explains_what_unconditional_writes_do(world: World) -> None:
    """check 37 can fail: two writers at once, and what one of them wrote is lost."""
    clients = Clients(world, contacts=1)
    (contact,) = clients.starts
    with weakened("TransactWriteItems", unconditional):
        world.racing.together(
            [
                lambda: clients.send(contact, "patch", value="a"),
                lambda: clients.send(contact, "patch", value="b"),
            ]
        )
    with pytest.raises(NoLegalOrder):
        last_states(clients.starts, clients.history.operations)


@pytest.mark.parametrize("is_weaker", [True, False])
def test_no_order_explains_what_stale_reads_show(world: World, is_weaker: bool) -> None:
    """check 37 can fail: a write and then a read, by a program that does and does not ask for the state as of now."""
    clients = Clients(world, contacts=1)
    (contact,) = clients.starts
    with (
        stale_unless_asked_otherwise(),
        weakened("BatchGetItem", inconsistent) if is_weaker else nullcontext(),
    ):
        clients.send(contact, "patch", value="a")
        clients.send(contact, "read")
    with pytest.raises(NoLegalOrder) if is_weaker else nullcontext():
        last_states(clients.starts, clients.history.operations)
