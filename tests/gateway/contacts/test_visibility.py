"""Where a tenant's regular users may see only their own contacts, nothing reveals other contacts to them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.ids import new_id
from shared.domain.tenant import TenantSettings
from shared.services.contacts import entry_lists
from shared.services.customers import writing as customers
from shared.wiring.accounts import onboarding_service
from tests.gateway.isolation.test_isolation import CONSENT, FOLLOW_UP, INTERACTION, NOTE, shown
from tests.integration.jobs.bulk import Jobs
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.faults import call, injecting, unreachable
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer

USER, OTHER = "0190a8b0-0000-7000-8000-0000000000aa", "0190a8b0-0000-7000-8000-0000000000bb"
OWNER = TenantSettings(visibility="owner")
SHARED = {"first_name": "Ada", "company": "Analytical Engines", "tags": ["vip"]}
"""The fields that the user's contact and the others share, so that every condition would find both."""


@dataclass(frozen=True)
class Scene:
    """A tenant in which users see their own. `mine` is the user's contact; `hidden` are contacts of
    others and contacts without an owner.
    """

    world: World
    token: str
    mine: dict[str, Any]
    hidden: list[str]
    customer: str
    group: str
    dynamic: str

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> Response:
        """A call of the user who may see only their own contacts."""
        return self.world.send(method, path, body, token=self.token, **how)

    def ids(self, path: str, **query: Any) -> list[str]:
        """The contacts that the user finds in a list, walked to its end."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.ask("GET", path, query={**query, **cursor})
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            assert answer.json["total"] in (None, 0, 1), (path, query)
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}


@pytest.fixture
def scene(aws_stack: Stack, token_issuer: TokenIssuer) -> Scene:
    world = World(aws_stack, token_issuer, OWNER)
    t1 = world.t1
    with as_operator():
        onboarding_service().add_member(USER, "T1", "user", "ada")
        onboarding_service().add_member(OTHER, "T1", "user", "grace")
    token = token_issuer.make_token(USER)
    customer = world.send("POST", "/customers", {"first_name": "Grace"}, token=token).json["id"]
    in_it = {**SHARED, "customer_id": customer, "phone": "+14155552671"}

    def made(name: str, token: str, **fields: Any) -> dict[str, Any]:
        return world.create(f"{name}@example.com", token=token, **{**SHARED, **fields})

    # The other's contact is older and so the customer's primary one.
    hidden = [made("theirs", t1.admin, **in_it)["id"]]
    hidden.append(made("nobodys", t1.program)["id"])
    hidden.append(made("others", t1.other_user)["id"])
    mine = made("mine", token, customer_id=customer, phone="+14155552672")
    group, dynamic = (
        world.send("POST", "/groups", body, token=t1.admin).json["id"]
        for body in (
            {"name": "static"},
            {"name": "dynamic", "kind": "dynamic", "filter": {"tags": "vip"}},
        )
    )
    ids = [*hidden, mine["id"]]
    answer = world.send("POST", f"/groups/{group}/contacts", {"contact_ids": ids})
    assert answer.json["succeeded"] == 4, answer.text
    for name in ("mine", "theirs"):
        world.post_booking(booking(invitee_email=f"{name}@example.com"))
    world.bookings.pump()
    for one in (mine["id"], hidden[0]):
        assert world.send("POST", f"/contacts/{one}/interactions", INTERACTION).status == 201
    world.catch_up()
    mine = world.send("GET", f"/contacts/{mine['id']}").json
    return Scene(world, token, mine, hidden, customer, group, dynamic)


def test_a_hidden_contact_is_answered_like_one_that_never_was(scene: Scene) -> None:
    """check 48, check 52: status, body and headers, whatever is tried."""
    deleted = scene.world.create("deleted@example.com", token=scene.world.t1.other_user)["id"]
    assert scene.world.send("DELETE", f"/contacts/{deleted}").status == 204
    before = scene.world.content.picture()
    put = {"first_name": "X", "email": "x@example.com"}
    for hidden in (*scene.hidden, deleted):
        for method, path, body in (
            ("GET", "", None),
            ("PUT", "", put),
            ("PATCH", "", {"company": "x"}),
            ("PATCH", "", {}),
            ("DELETE", "", None),
            ("POST", "/restore", None),
            ("POST", "/toggle-status", None),
            ("POST", "/set-primary", None),
            ("POST", "/consent", CONSENT),
            ("GET", "/consent", None),
            ("GET", "/interactions", None),
            ("POST", "/interactions", INTERACTION),
            ("GET", f"/interactions/{new_id()}", None),
            ("PATCH", f"/interactions/{new_id()}", {"outcome": "x"}),
            ("DELETE", f"/interactions/{new_id()}", None),
            ("GET", "/follow-ups", None),
            ("POST", "/follow-ups", FOLLOW_UP),
            ("GET", "/notes", None),
            ("POST", "/notes", NOTE),
            ("GET", f"/notes/{new_id()}", None),
            ("PUT", f"/notes/{new_id()}", NOTE),
            ("PATCH", f"/notes/{new_id()}", NOTE),
            ("DELETE", f"/notes/{new_id()}", None),
            ("POST", f"/notes/{new_id()}/retry", None),
            ("PUT", f"/groups/{scene.group}", None),
            ("DELETE", f"/groups/{scene.group}", None),
        ):
            for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"99"'}):
                answers = [
                    scene.ask(method, f"/contacts/{one}{path}", body, headers=headers)
                    for one in (hidden, new_id())
                ]
                assert answers[0].status == 404, (method, path)
                assert shown(answers[0]) == shown(answers[1]), (method, path)
    assert scene.world.content.picture() == before


CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"search": "ada"},
    {"search": "Analytical Eng"},
    {"search": "5552671"},
    {"search": "theirs"},
    {"email": "theirs@example.com"},
    {"phone": "+14155552671"},
    {"tags": "vip"},
    {"group": "static"},
    {"group": "dynamic"},
    {"is_active": "true"},
    {"is_primary": "true"},
    {"is_primary": "false"},
    {"has_bookings": "true"},
    {"source": "api"},
    {"relationship_status": "prospect"},
    {"lifecycle_stage": "awareness"},
    {"owner_id": OTHER},
    {"owner_id": USER},
    {"owner_id": "client"},
    {"created_from": "2020-01-01T00:00:00Z"},
    {"updated_to": "2100-01-01T00:00:00Z"},
    {"last_booking_from": "2000-01-01T00:00:00Z"},
    {"last_contacted_from": "2000-01-01T00:00:00Z"},
    {"tags": "vip", "is_active": "true", "source": "api"},
)
ORDERS = (
    "-created_at",
    "created_at",
    "name",
    "-updated_at",
    "-last_contacted_at",
    "-last_booking_at",
    "-total_bookings",
)


def test_no_list_search_filter_or_order_finds_a_hidden_contact(scene: Scene) -> None:
    """check 52: pages, cursors, skipping and totals alike."""
    found_mine = 0
    for conditions in (*CONDITIONS, {"customer_id": scene.customer}):
        for part in (
            {"limit": 1},
            {"page": 1, "page_size": 5},
            {"skip": 0},
            *({"sort": one} for one in ORDERS),
        ):
            found = scene.ids("/contacts", include_total="true", **conditions, **part)
            assert found in ([], [scene.mine["id"]]), (conditions, part)
            found_mine += bool(found)
        for part in ({"page": 2, "page_size": 1}, {"skip": 1}):
            assert scene.ids("/contacts", **conditions, **part) == [], conditions
        # One owner condition beside the one that is understood: a total of another's would tell.
        answer = scene.ask("GET", "/contacts", query={**conditions, "include_total": "true"})
        assert answer.json["total"] in (0, 1)
    assert found_mine > 100
    for path in (f"/groups/{scene.group}/contacts", f"/groups/{scene.dynamic}/contacts"):
        for order in ORDERS:
            assert scene.ids(path, sort=order, include_total="true", limit=1) == [scene.mine["id"]]


@pytest.mark.parametrize("few", [0, 10])
def test_no_list_of_entries_shows_a_hidden_contact_s(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """check 52: whatever the conditions, and whether the list or the timelines of the caller's contacts are read."""
    monkeypatch.setattr(entry_lists, "MAX_FEW", few)
    for query in ({}, {"type": "call"}, {"type": "booking_created"}, {"date_from": "2000-01-01"}):
        answer = scene.ask("GET", "/interactions", query={**query, "include_total": "true"}).json
        assert {one["contact_id"] for one in answer["items"]} == {scene.mine["id"]}, query
        assert answer["total"] == len(answer["items"])
        assert scene.ask("GET", "/interactions", query=query).json["total"] is None
        seen = scene.world.send("GET", "/interactions", query=query).json
        assert {one["contact_id"] for one in seen["items"]} == {scene.mine["id"], scene.hidden[0]}, query
    for query in ({}, {"sort": "starts_at"}, {"state": "created"}, {"cancelled": "false"}):
        answer = scene.ask("GET", "/bookings", query={**query, "include_total": "true"}).json
        assert [one["contact_id"] for one in answer["items"]] == [scene.mine["id"]], query
        assert answer["total"] == 1
        assert scene.ask("GET", "/bookings", query=query).json["total"] is None
        seen = scene.world.send("GET", "/bookings", query=query).json
        assert {one["contact_id"] for one in seen["items"]} == {scene.mine["id"], scene.hidden[0]}, query
    assert scene.world.send("GET", "/bookings", query={"cancelled": "false"}).json["total"] == 2
    cursor = scene.world.send("GET", "/interactions", query={"limit": 1}).json["next_cursor"]
    assert scene.ask("GET", "/interactions", query={"limit": 1, "cursor": cursor}).status == 400


def test_a_cursor_of_a_wider_sight_leads_nowhere(scene: Scene) -> None:
    """check 44, check 57: nor does a cursor that the caller got when they could see more."""
    query = {"limit": 1, "sort": "name"}
    cursor = scene.world.send("GET", "/contacts", query=query).json["next_cursor"]
    assert scene.ask("GET", "/contacts", query={**query, "cursor": cursor}).status == 400
    assert scene.ask("GET", "/contacts", query={**query, "cursor": cursor, "owner_id": "x"}).status == 400


def test_numbers_are_those_of_one_s_own(scene: Scene) -> None:
    """check 52: statistics, top companies and how often tags are used."""
    stats = scene.ask("GET", "/contacts/stats").json
    assert stats["total"] == stats["active"] == stats["with_bookings"] == stats["bookings"] == 1
    assert (stats["inactive"], stats["primary"], stats["interactions"]) == (0, 0, 2)
    assert stats["customers"] == {"total": 1, "with_contacts": 1, "without_contacts": 0}
    assert stats["by_tag"] == {"vip": 1} and stats["by_group"] == {"static": 1}
    assert stats["by_relationship_status"] == {"prospect": 1} and stats["by_source"] == {"api": 1}
    assert stats["top_companies"] == []
    scene.world.create("second@example.com", token=scene.token, company="ANALYTICAL engines")
    scene.world.catch_up()
    tops = scene.ask("GET", "/contacts/stats").json["top_companies"]
    assert [one["contacts"] for one in tops] == [2]
    # To the admin, what the counters say; and both ways of counting agree where they see the same.
    everything = scene.world.send("GET", "/contacts/stats").json
    assert everything["total"] == 5 and everything["top_companies"][0]["contacts"] == 5
    for hidden in scene.hidden:
        scene.world.send("PATCH", f"/contacts/{hidden}", {"owner_id": USER})
    scene.world.catch_up()
    seen = scene.ask("GET", "/contacts/stats").json
    assert seen == scene.world.send("GET", "/contacts/stats").json
    for path in ("/tags", "/types", "/groups"):
        for one in scene.ask("GET", path).json["items"]:
            assert one.get("usage_count") is None and one.get("contact_count") is None
            again = scene.ask("GET", f"{path}/{one['id']}").json
            assert again.get("usage_count") is None and again.get("contact_count") is None


def test_bulk_calls_and_jobs_pass_hidden_contacts_over(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 52: by ids they are missing ones, and no filter finds them."""
    before = {one: scene.world.send("GET", f"/contacts/{one}").json for one in scene.hidden}
    mine = scene.mine["id"]
    ids = [*scene.hidden, new_id(), mine]
    change = {"set": {"department": "x"}}
    answer = scene.ask("POST", "/contacts/bulk-update", {"contact_ids": ids, **change})
    assert [one["status"] for one in answer.json["items"]] == [404, 404, 404, 404, 200]
    refused = [{**one["error"], "request_id": ""} for one in answer.json["items"][:4]]
    assert all(one == refused[0] for one in refused)
    for wanted in ({"tags": "vip"}, {"search": "ada"}, {"email": "theirs@example.com"}, {"is_active": True},
                   {"owner_id": OTHER}, {"group": "dynamic"}, {"phone": "+14155552671"}):  # fmt: skip
        answer = scene.ask("POST", "/contacts/bulk-update", {"filter": wanted, **change})
        assert [one.get("id") for one in answer.json["items"]] in ([], [mine]), wanted
        answer = scene.ask("POST", "/contacts/bulk-delete", {"filter": {**wanted, "search": "theirs"}})
        assert answer.json["items"] == []
    for path in (f"/groups/{scene.group}/contacts",):
        for method in ("DELETE", "POST"):
            answer = scene.ask(method, path, {"contact_ids": ids})
            assert [one["status"] for one in answer.json["items"]] == [404, 404, 404, 404, 200]
    for number in range(2):
        scene.world.create(f"further{number}@example.com", token=scene.token, tags=["vip"])
    scene.world.catch_up()
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 1)
    job = scene.ask("POST", "/contacts/bulk-update", {"filter": {"tags": "vip"}, **change})
    assert job.status == 202 and job.json["matched"] in (None, 3)
    Jobs(scene.world).work()
    done = scene.ask("GET", f"/contacts/bulk-jobs/{job.json['id']}").json
    assert (done["state"], done["counts"]["succeeded"], done["failures"]) == ("completed", 3, [])
    assert {one: scene.world.send("GET", f"/contacts/{one}").json for one in scene.hidden} == before


def test_a_customer_shows_the_contacts_that_one_sees(scene: Scene) -> None:
    """check 52: included contacts, their list, its total, the count and the primary one's id."""
    path = f"/customers/{scene.customer}"
    for query in ({}, {"include": "contacts"}):
        one = scene.ask("GET", path, query=query)
        assert one.json["contact_count"] == 1 and one.json["primary_contact"] is None
        assert [entry["id"] for entry in one.json.get("contacts", [])] in ([], [scene.mine["id"]])
        assert scene.hidden[0] not in one.text
    assert scene.ids(f"{path}/contacts", limit=1) == [scene.mine["id"]]
    for method, body in (("PATCH", {"last_name": "H"}), ("PUT", {"first_name": "Grace"}), ("PATCH", {})):
        changed = scene.ask(method, path, body)
        assert changed.status == 200 and changed.json["contact_count"] == 1
        assert scene.hidden[0] not in changed.text
    assert scene.world.send("GET", path).json["contact_count"] == 2
    # The error says that it cannot be deleted yet, and not which contacts prevent it.
    scene.ask("DELETE", f"/contacts/{scene.mine['id']}")
    left = scene.ask("DELETE", path)
    assert left.status == 409 and not any(letter.isdigit() for letter in left.json["detail"])
    assert scene.ask("GET", path, query={"include": "contacts"}).json["contacts"] == []
    assert scene.ask("GET", "/customers").status == 403
    theirs = scene.world.send("POST", "/customers", {"first_name": "X", "username": "x"}).json["id"]
    assert scene.ask("GET", f"/customers/{theirs}").status == 404
    joined = scene.ask("PATCH", f"/contacts/{scene.mine['id']}", {"customer_id": theirs})
    assert joined.status in (404, 422)
    taken = scene.ask("PATCH", path, {"username": "X"})
    assert taken.status == 409 and theirs not in taken.text


def test_of_a_customer_with_very_many_contacts_one_s_own_are_not_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 52: reading it costs no more for that, and the hidden contacts are not revealed."""
    path = f"/customers/{scene.customer}"
    monkeypatch.setattr(customers, "MAX_COUNTED", 2)
    assert scene.ask("GET", path).json["contact_count"] == 1, "as many as are counted"
    monkeypatch.setattr(customers, "MAX_COUNTED", 1)
    with injecting() as calls:
        one = scene.ask("GET", path).json
    assert (one["contact_count"], one["primary_contact"]) == (None, None)
    assert "dynamodb.Query" not in calls.calls
    shown = scene.ask("GET", path, query={"include": "contacts"})
    assert shown.json["contact_count"] is None and scene.hidden[0] not in shown.text
    changed = scene.ask("PATCH", path, {"last_name": "Hopper"})
    assert changed.status == 200 and changed.json["contact_count"] is None
    # One who is primary and one's own is named all the same.
    mine = scene.mine["id"]
    assert scene.world.send("POST", f"/contacts/{mine}/set-primary").status == 200
    assert scene.ask("GET", path).json["primary_contact"] == mine
    whole = scene.ask("GET", path, query={"include": "contacts"}).json
    assert whole["primary_contact"]["id"] == mine
    assert scene.world.send("GET", path).json["contact_count"] == 2
    # Pages have them all, and no total, which would be counted with each.
    page = scene.ask("GET", f"{path}/contacts").json
    assert ([entry["id"] for entry in page["items"]], page["total"]) == ([mine], None)


def test_whom_a_bulk_call_s_conflicts_are_with_is_looked_up_together(scene: Scene) -> None:
    """check 48: with one read; if that fails, the results of what was written are returned all the same."""
    taken = ["theirs@example.com", "mine@example.com", "theirs@example.com"]
    given = [{"first_name": "X", "email": one} for one in (*taken, "new@example.com")]

    def holders(answer: Response) -> list[str | None]:
        assert answer.status == 207, answer.text
        assert [one["status"] for one in answer.json["items"]] == [409, 409, 409, 201]
        assert scene.hidden[0] not in answer.text
        return [one["error"]["errors"][0].get("contact_id") for one in answer.json["items"][:3]]

    mine = scene.mine["id"]
    with injecting() as calls:
        created = scene.ask("POST", "/contacts/bulk-create", {"contacts": given})
    assert holders(created) == [None, mine, None]
    behind = calls.calls[calls.calls.index("dynamodb.TransactWriteItems") + 1 :]
    assert behind == ["dynamodb.BatchGetItem", "dynamodb.GetItem"], "the holders, and what labels are called"
    reads = calls.calls.count("dynamodb.BatchGetItem")
    given[-1]["email"] = "newer@example.com"
    with injecting(unreachable(call("dynamodb", "BatchGetItem"), at=reads)):
        away = scene.ask("POST", "/contacts/bulk-create", {"contacts": given})
    assert holders(away) == [None, None, None]


def test_a_conflict_is_told_without_naming_whom_one_may_not_see(scene: Scene) -> None:
    """check 48: the error must say that an address is in use, and need not say by which contact."""
    mine, taken = f"/contacts/{scene.mine['id']}", "theirs@example.com"
    body = {"first_name": "X", "email": taken}
    scene.world.create("restored@example.com", token=scene.token)
    gone = scene.ask("POST", "/contacts", {"first_name": "X", "email": "gone@example.com"}).json["id"]
    scene.ask("DELETE", f"/contacts/{gone}")
    scene.world.create("gone@example.com", token=scene.world.t1.other_user)
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/contacts", body),
        ("POST", "/contacts", {**body, "customer_id": scene.customer}),
        ("POST", "/contacts", {**body, "email": None, "other_emails": [taken], "phone": "+14155552673"}),
        ("PUT", mine, body),
        ("PATCH", mine, {"email": taken}),
        ("PATCH", mine, {"other_emails": [taken]}),
        ("PATCH", mine, {"email": taken, "customer_id": None}),
        ("POST", f"/contacts/{gone}/restore", None),
    ]
    for method, path, given in calls:
        for headers in ({}, {"Idempotency-Key": new_id()}):
            answers = [scene.ask(method, path, given, headers=headers) for _ in range(2 if headers else 1)]
            for answer in answers:
                if given is not None and given.get("email", "") is None and answer.status == 422:
                    continue  # an address of one's own is required
                assert (answer.status, answer.json["code"]) == (409, "duplicate"), (method, path, answer.text)
                assert "contact_id" not in answer.json["errors"][0], (method, path)
                assert not any(one in answer.text for one in scene.hidden)
    created = scene.ask(
        "POST", "/contacts/bulk-create", {"contacts": [body, {**body, "email": "n@example.com"}]}
    )
    assert [one["status"] for one in created.json["items"]] == [409, 201]
    assert scene.hidden[0] not in created.text
    # A caller who may see the contact gets its id, also for their own contacts.
    assert scene.world.send("POST", "/contacts", body).json["errors"][0]["contact_id"] == scene.hidden[0]
    own = scene.ask("POST", "/contacts", {**body, "email": "mine@example.com"})
    assert own.json["errors"][0]["contact_id"] == scene.mine["id"]


def test_who_may_write_and_not_read_is_named_nobody(scene: Scene) -> None:
    with as_operator():
        writer = onboarding_service().add_api_client("T1", "writer", "contacts:write:all")
    answer = scene.world.send(
        "POST", "/contacts", {"first_name": "X", "email": "mine@example.com"}, token=writer
    )
    assert answer.status == 409 and "contact_id" not in answer.json["errors"][0]


def test_what_one_sees_follows_the_owner(scene: Scene) -> None:
    """A contact given to another user disappears, one given to this user appears; the admin sees all as before."""
    first, mine = scene.hidden[0], scene.mine["id"]
    with as_operator():
        onboarding_service().add_member(OTHER, "T1", "user", "other")
    assert scene.world.send("PATCH", f"/contacts/{first}", {"owner_id": USER}).status == 200
    assert scene.world.send("PATCH", f"/contacts/{mine}", {"owner_id": OTHER}).status == 200
    assert scene.ask("GET", f"/contacts/{first}").status == 200
    assert scene.ask("GET", f"/contacts/{mine}").status == 404
    scene.world.catch_up()
    assert scene.ids("/contacts") == [first]
    assert len(scene.world.listed()) == len(scene.world.listed(token=scene.world.t1.program)) == 4


def test_the_scene_is_one_in_which_others_see_everything(scene: Scene) -> None:
    """So that the tests above could fail."""
    for conditions in CONDITIONS:
        found = [one["id"] for one in scene.world.listed(**conditions)]
        if "owner_id" not in conditions:
            assert set(found) & set(scene.hidden), conditions
    assert dataclasses.asdict(OWNER)["visibility"] == "owner"
