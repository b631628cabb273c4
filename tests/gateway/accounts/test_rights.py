"""Every route × every role × own, another's, another tenant's and no record: what docs/security.md says.

The tests read the table in that document, so it describes the actual behaviour. A route that is missing there, or one
that does not exist, fails the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from shared.domain.callers import PERMISSIONS
from shared.domain.ids import new_id
from shared.domain.tenant import TenantSettings
from tests.contract.answers import ROOT, document, faults_of
from tests.gateway.isolation.test_isolation import CASES, NOWHERE, OPEN, WITHOUT_ID, Case, at, shown
from tests.integration.merges.jobs import allow_many_merge_jobs
from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.tenant_guard import TenantGuard
from tests.tenants import EVERYTHING, Tenancy, caller_of, program, settle

Route = tuple[str, str]
PAGE = ROOT / "docs" / "security.md"
COLUMNS = ("admin", "user own", "user", "user owner", "client", "client own own", "client own", "without")
WORDS = {"yes", "no", "403", "404"}
INNER = (
    '"PK"',
    '"SK"',
    "WPK",
    "T#T",
    "secret_hash",
    "last_event",
    '"deleted_at"',
    '"tenant_id"',
    "ck_",
    "eyJ",
)


TOLD_ONCE = {
    ("POST", "/api-clients"): "ck_",
    ("POST", "/api-clients/{client_id}/rotate-key"): "ck_",
    ("POST", "/imports"): "eyJ",  # the upload's policy contains no secrets
}
"""What an answer is there to tell."""


@cache
def matrix() -> dict[Route, tuple[str, dict[str, str]]]:
    """The table of docs/security.md: for each route what it takes, and what happens by column."""
    found = {}
    for line in PAGE.read_text().splitlines():
        row = re.fullmatch(r"\| `([A-Z]+) (/[^`]*)` \|(.*)\|", line)
        if row:
            takes, *cells = (cell.strip() for cell in row[3].split("|"))
            assert len(cells) == len(COLUMNS) and set(cells) <= WORDS, line
            route = (row[1], row[2])
            assert route not in found, f"{route} is in the table twice"
            found[route] = (takes, dict(zip(COLUMNS, cells, strict=True)))
    return found


def permissions(text: str) -> list[str]:
    """The permissions that a text names."""
    return re.findall(r"`([a-z]+:[a-z]+)`", text)


@pytest.fixture(autouse=True)
def many_merge_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_many_merge_jobs(monkeypatch)


ROUTES = {**WITHOUT_ID, **CASES}


def test_the_table_has_each_route_of_the_document_once_and_no_other() -> None:
    """check 48, check 52: a route not listed fails the build."""
    told = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert set(matrix()) == told - OPEN
    assert set(ROUTES) == told - OPEN
    for takes, _ in matrix().values():
        assert set(permissions(takes)) <= set(PERMISSIONS)


@dataclass(frozen=True)
class Actor:
    """A caller of a column. `tenancy`: the caller's tenant; its `user` creates the caller's own records."""

    token: str
    tenancy: Tenancy
    column: str
    own_column: str | None = None


def actors(world: World, t2: Tenancy, takes: str) -> Iterator[Actor]:
    """A caller for each column: API clients with exactly the permissions of the route, and API clients that lack one.

    Permissions in brackets are never left out, since the route checks them after it has read the record. Of
    permissions joined by "or", one suffices, so all of them are left out together.
    """
    t1 = world.t1
    yield Actor(t1.admin, replace(t1, user=t1.admin), "admin")
    yield Actor(t1.user, t1, "user", "user own")
    yield Actor(t2.user, t2, "user owner")
    for column, own_column, level in (("client", None, "all"), ("client own", "client own own", "own")):
        maker = program("T1", EVERYTHING)
        granted = ",".join(f"{permission}:{level}" for permission in permissions(takes))
        token = program("T1", granted, client_id=caller_of(maker)[1])
        yield Actor(token, replace(t1, user=maker), column, own_column)
    always = permissions(takes.partition("(")[0])
    for lacking in [always] if " or " in takes else [[one] for one in always]:
        others = ",".join(f"{permission}:all" for permission in PERMISSIONS if permission not in lacking)
        yield Actor(program("T1", others), t1, "without")
    if always:
        yield Actor(t1.powerless, t1, "without")


def others(tenancy: Tenancy) -> Tenancy:
    """The tenancy in which another user creates records."""
    return replace(tenancy, user=tenancy.other_user)


def succeeded(method: str, path: str) -> int:
    """The status of a success in the OpenAPI document."""
    statuses = [int(one) for one in document()["paths"][path][method.lower()]["responses"]]
    return min((one for one in statuses if one < 300), key=lambda one: (one == 202, one))


class Walk:
    """The calls of one route, and the faults of their answers."""

    def __init__(self, world: World, method: str, path: str, case: Case) -> None:
        self.world, self.method, self.path, self.case = world, method, path, case
        self.faults: list[str] = []
        self._made: dict[str, str] = {}

    def record(self, tenancy: Tenancy) -> str:
        """A record of `tenancy.user`; calls that only read share a record."""
        if self.method != "GET":
            return self.case.made(self.world, tenancy)
        if tenancy.user not in self._made:
            self._made[tenancy.user] = self.case.made(self.world, tenancy)
        return self._made[tenancy.user]

    def send(self, actor: Actor, record: str = NOWHERE, second: str = NOWHERE, **how: object) -> Response:
        target = at(self.path, record, second) if "{" in self.path else self.path
        body = self.case.sent(record)
        answer = self.world.send(self.method, target, body, token=actor.token, **how)
        if faults := faults_of(self.method, self.path, answer):
            self.faults.append(f"{actor.column}: {answer.status} {faults}")
        inner = [one for one in INNER if one != TOLD_ONCE.get((self.method, self.path))]
        if leaked := [one for one in inner if one in answer.text]:
            self.faults.append(f"{actor.column}: {leaked} in the answer")
        return answer

    def expect(self, answer: Response, column: str, cell: str) -> None:
        wanted = {"yes": succeeded(self.method, self.path), "no": 403}.get(cell) or int(cell)
        if answer.status != wanted:
            self.faults.append(f"{column}: {answer.status} and not {cell}: {answer.text[:200]}")


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_a_route_does_for_each_role_what_the_table_says(
    world: World, t10: Tenancy, tenant_guard: TenantGuard, method: str, path: str
) -> None:
    """checks 48, 49, 52 and 54: the guard would fail this for any call beyond the caller's tenant."""
    takes, cells = matrix()[method, path]
    case = ROUTES[method, path]
    walk = Walk(world, method, path, case)
    t2 = settle(world.issuer, "T2", TenantSettings(visibility="owner"))
    foreign = case.made(world, t10) if case.make else NOWHERE
    for actor in actors(world, t2, takes):
        cell = cells[actor.column]
        if case.make is None:
            walk.expect(walk.send(actor), actor.column, cell)
            if actor.own_column:
                walk.expect(walk.send(actor), actor.own_column, cells[actor.own_column])
            continue
        if actor.own_column:
            record = walk.record(actor.tenancy)
            answer = walk.send(actor, record, case.second_of(world, actor.tenancy, record))
            walk.expect(answer, actor.own_column, cells[actor.own_column])
        record = walk.record(others(actor.tenancy))
        second = case.second_of(world, actor.tenancy, record)
        answer = walk.send(actor, record, second)
        walk.expect(answer, actor.column, cell)
        for headers in ({}, {"If-Match": '"1"'}):
            missing, again, elsewhere = (
                walk.send(actor, one, second, headers=headers) for one in (new_id(), new_id(), foreign)
            )
            walk.expect(missing, f"{actor.column}, missing", "no" if cell == "no" else "404")
            if not shown(missing) == shown(again) == shown(elsewhere) or len(missing.body) != len(
                elsewhere.body
            ):
                walk.faults.append(f"{actor.column}: another tenant's id is told from a missing one")
            if cell == "404" and shown(answer) != shown(missing) and not headers:
                walk.faults.append(f"{actor.column}: a hidden record is told from a missing one")
        if (case.second or case.part) and cell != "no":
            record, alien = walk.record(actor.tenancy), case.second_of(world, t10, foreign)
            nowhere, elsewhere = (walk.send(actor, record, one) for one in (NOWHERE, alien))
            walk.expect(nowhere, f"{actor.column}, missing second", "404")
            if shown(nowhere) != shown(elsewhere):
                walk.faults.append(f"{actor.column}: another tenant's second id is told from a missing one")
    assert walk.faults == []
    assert tenant_guard.violations == []


def test_a_foreign_record_is_untouched_by_all_of_that(world: World, t10: Tenancy) -> None:
    """check 48: the calls above that change something, once more, with the other tenant's state compared."""
    foreign = {route: case.made(world, t10) for route, case in CASES.items() if route[0] != "GET"}
    before = world.content.picture()
    for (method, path), record in foreign.items():
        for token in (world.t1.admin, world.t1.program):
            assert world.send(method, at(path, record), CASES[method, path].sent(), token=token).status == 404
    assert world.content.picture() == before


def test_other_methods_and_paths_tell_nothing_of_what_is_there(world: World, t10: Tenancy) -> None:
    """check 48: HEAD, OPTIONS and unknown paths beneath a record."""
    for (method, path), case in CASES.items():
        if method != "GET" or case.second or case.part:
            continue
        own, foreign = case.made(world, world.t1), case.made(world, t10)
        for verb in ("HEAD", "OPTIONS", "TRACE", "POST", "CONNECT", "get"):
            for suffix in ("", "/", "/nothing", "/..", "//", "/%2e%2e", ";x=1", ".json"):
                if verb == "POST" and (verb, path) in CASES and suffix in ("", "/", "//"):
                    continue
                if (
                    suffix.startswith("/")
                    and suffix.strip("/")
                    and any(one.rpartition("/")[0] == path for _, one in CASES)
                ):
                    continue  # a route of its own, which answers differently for a record that is there
                if verb == "get" and suffix in ("", "/", "//", "/.."):
                    continue  # the method's case is the HTTP library's business
                answers = [
                    world.send(verb, at(path, one) + suffix, token=world.t1.admin)
                    for one in (own, foreign, new_id())
                ]
                assert shown(answers[0]) == shown(answers[1]) == shown(answers[2]), (verb, path, suffix)
                assert answers[0].status == 404, (verb, path, suffix, answers[0].text)
