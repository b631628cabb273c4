"""Two tenants take turns in one warm process; each is answered as if it were alone in a cold one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from shared.domain.ids import new_id
from shared.domain.tenant import RateLimit, TenantSettings
from shared.wiring.kept import reset_wiring
from tests.integration.world import World
from tests.support.aws import stack_in_moto
from tests.support.gateway import Response
from tests.support.template import Template
from tests.support.tenant_guard import TenantGuard
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy, settle

REQUESTS = 500
"""By each of the two tenants."""
CALLERS = ("admin", "admin", "user", "user", "other_user", "program", "powerless", "nobody")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RATES = {"T1": RateLimit(1_000, 2_000), "T10": RateLimit(2_000, 3_000)}
"""Nobody comes near them; which one counts is told with every answer."""
SETTINGS = {
    "T1": TenantSettings(default_country="US", rate_limit=RATES["T1"]),
    "T10": TenantSettings(
        default_country="GB", visibility="owner", max_tags_per_contact=2, rate_limit=RATES["T10"]
    ),
}
"""In which the tenants differ, so that a setting of one that is used for the other changes an answer."""
CHANGING = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|whsec_[\w+/=]+")


class Tenant:
    """One tenant's part of the play: what it sends next, and its answers without what no two runs have alike.

    The requests follow from the seed and from ids answered before. `elsewhere`: ids of another tenant's records.
    """

    def __init__(self, world: World, tenancy: Tenancy, seed: int, elsewhere: list[str]) -> None:
        self.world, self.tenancy = world, tenancy
        self.chosen = Random(seed)
        self.elsewhere = elsewhere
        self.contacts: list[str] = []
        self.others: dict[str, list[str]] = {"groups": [], "customers": [], "webhooks": []}
        self.answers: list[Any] = []
        self._names: dict[str, str] = {}
        self._number = 0

    def turn(self) -> None:
        """Send the next request."""
        self._number += 1
        token = getattr(self.tenancy, self.chosen.choice(CALLERS), None)
        method, path, body, headers = self._request()
        answer = self.world.gateway.request(method, path, json=body, token=token, headers=headers)
        self._remember(method, path, answer)
        # How much of the limit is left follows from the time of day; which limit it is of stays.
        kept = {
            name: value
            for name, value in answer.headers.items()
            if "requestid" not in name.lower() and name != "RateLimit"
        }
        self.answers.append((method, answer.status, self._plain(kept), self._plain(answer.json)))

    def _remember(self, method: str, path: str, answer: Response) -> None:
        if method == "POST" and answer.status == 201:
            kind = path.strip("/")
            (self.contacts if kind == "contacts" else self.others.setdefault(kind, [])).append(
                answer.json["id"]
            )

    def _request(self) -> tuple[str, str, Any, dict[str, str]]:
        pick, number = self.chosen.random(), self._number
        contact = self._one(self.contacts)
        person: dict[str, Any] = {
            "first_name": f"P{number}",
            "email": f"p{number}@example.com",
            "tags": [f"t{number % 7}"],
        }
        if number % 3 == 0:  # how it is read follows from the country: a number of Maine, or of London
            person["phone"] = f"20794609{10 + number % 90}"
        if number % 5 == 0:
            person["tags"] = ["t1", "t2", "t3"]
        if pick < 0.22:
            return "POST", "/contacts", person, {}
        if pick < 0.26:  # the same addresses and keys as the other tenant's
            twin = {**person, "email": f"p{self.chosen.randrange(1, number + 1)}@example.com"}
            return "POST", "/contacts", twin, {"Idempotency-Key": f"key-{number % 9}"}
        if pick < 0.42:
            return "GET", f"/contacts/{contact}", None, {}
        if pick < 0.52:
            version = f'"{self.chosen.randrange(1, 3)}"'
            return "PATCH", f"/contacts/{contact}", {"company": f"C{number % 5}"}, {"If-Match": version}
        if pick < 0.55:
            return "DELETE", f"/contacts/{contact}", None, {}
        if pick < 0.62:
            # Ids of the other's records, and in a run alone ids of none.
            path = self.chosen.choice(("/contacts/{}", "/contacts/{}/consent", "/groups/{}", "/webhooks/{}"))
            foreign = self._one(self.elsewhere)
            method = "GET" if "consent" in path else self.chosen.choice(("GET", "DELETE"))
            return method, path.format(foreign), None, {}
        if pick < 0.70:
            query = self.chosen.choice(
                ("", "&tags=t1", "&search=p1", "&sort=name", "&is_active=true&tags=t2")
            )
            return "GET", f"/contacts?limit=5{query}", None, {}
        if pick < 0.74:
            kind = self.chosen.choice(("groups", "customers", "webhooks"))
            bodies = {
                "groups": {"name": f"g{number % 20}"},
                "customers": {"first_name": "C", "username": f"u{number % 20}"},
                "webhooks": {"url": f"https://hooks.example.com/{number}", "events": ["contact.created"]},
            }
            return "POST", f"/{kind}", bodies[kind], {}
        if pick < 0.82:
            path = self.chosen.choice(
                ("tags", "groups", "customers", "webhooks", "contacts/stats", "imports")
            )
            return "GET", f"/{path}", None, {}
        if pick < 0.86:
            group = self._one(self.others["groups"])
            return self.chosen.choice(("PUT", "DELETE")), f"/contacts/{contact}/groups/{group}", None, {}
        if pick < 0.89:
            return "POST", f"/contacts/{contact}/toggle-status", None, {}
        if pick < 0.92:
            return "PATCH", f"/contacts/{contact}", {"tenant_id": "T10"}, {}
        if pick < 0.95:
            body = {"contact_ids": [contact, new_id()], "set": {"department": f"D{number}"}}
            return "POST", "/contacts/bulk-update", body, {}
        if pick < 0.97:
            return "GET", f"/customers/{self._one(self.others['customers'])}?include=contacts", None, {}
        return "GET", self.chosen.choice(("/nothing", "/contacts?limit=0", "/contacts?cursor=x")), None, {}

    def _one(self, ids: list[str]) -> str:
        number = self.chosen.randrange(1 << 20)
        return ids[number % len(ids)] if ids else "0190a8b0-0000-7000-8000-00000000000a"

    def _plain(self, value: Any) -> Any:
        """Without times, secrets and cursors, and with ids told by when they first came up."""
        if isinstance(value, dict):
            return {
                name: bool(one) if name == "next_cursor" else self._plain(one)
                for name, one in value.items()
                if name != "request_id"
            }
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if isinstance(value, str):
            told = UUID.sub(lambda found: self._names.setdefault(found[0], f"id-{len(self._names)}"), value)
            return CHANGING.sub("…", told)
        return value


def play(world: World, tenants: list[Tenant], *, cold: bool) -> Iterator[int]:
    for number in range(REQUESTS):
        for tenant in tenants:
            if cold and number % 5 == 0:
                reset_wiring()
            tenant.turn()
        if number % 50 == 49:
            world.catch_up()
            yield number


def test_a_thousand_requests_of_alternating_tenants_are_answered_as_each_would_be_alone(
    template: Template, token_issuer: TokenIssuer, tenant_guard: TenantGuard
) -> None:
    """check 58: reads, writes, lists, errors, by several callers; with the other's addresses, keys and ids.
    The settings of the two differ, and calls are limited."""

    def alone(tenant_id: str, seed: int) -> list[Any]:
        with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
            world = World(stack, token_issuer, SETTINGS["T1"])
            tenancy = world.t1 if tenant_id == "T1" else settle(token_issuer, "T10", SETTINGS["T10"])
            tenant = Tenant(world, tenancy, seed, [])
            tenant.elsewhere = _Nowhere()
            list(play(world, [tenant], cold=True))
            return tenant.answers

    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        world = World(stack, token_issuer, SETTINGS["T1"])
        first = Tenant(world, world.t1, 1, [])
        second = Tenant(world, settle(token_issuer, "T10", SETTINGS["T10"]), 2, first.contacts)
        first.elsewhere = second.contacts
        for _ in play(world, [first, second], cold=False):
            assert tenant_guard.violations == []
        assert world.gateway.failures == []
    assert len(first.answers) + len(second.answers) == 1000
    statuses = {answer[1] for answer in (*first.answers, *second.answers)}
    assert {200, 201, 204, 207, 400, 401, 403, 404, 409, 412, 422} <= statuses, statuses
    for tenant, answers in (("T1", first.answers), ("T10", second.answers)):
        burst = f'"caller";q={RATES[tenant].burst};'
        told = [one[2]["RateLimit-Policy"] for one in answers if "RateLimit-Policy" in one[2]]
        assert len(told) > REQUESTS / 2 and all(one.startswith(burst) for one in told)
    for tenant, mixed, seed in (("T1", first.answers, 1), ("T10", second.answers, 2)):
        for number, (together, by_itself) in enumerate(zip(mixed, alone(tenant, seed), strict=True)):
            assert together == by_itself, (tenant, number)


class _Nowhere(list[str]):
    """As many ids as are asked for, of nothing."""

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, _: Any) -> Any:
        return new_id()
