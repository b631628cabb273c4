"""Unique values: among the contacts of the tenant, or by its setting among those of each customer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.tenant import TenantSettings
from tests.integration.customers.test_customers import Made, at, customer_of, now, racing
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World, booking
from tests.support.aws import Stack, stack_in_moto
from tests.support.budgets import repetitions
from tests.support.gateway import Response
from tests.support.template import Template
from tests.support.tenant_guard import guarding
from tests.support.tokens import TokenIssuer

BY_CUSTOMER = TenantSettings(require_email=False, unique_scope="customer")
EMAIL, PHONE, OTHER_PHONE = "a@example.com", "+14155552671", "+12025550143"
NOWHERE = "0190a8b0-0000-7000-8000-00000000000a"


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    """A stack with the tenant T1 in it, where values are unique among each customer's contacts."""
    return World(aws_stack, token_issuer, BY_CUSTOMER)


def refused_for(answer: Response) -> tuple[int, str, str]:
    (error,) = answer.json["errors"]
    return answer.status, error["field"], error["contact_id"]


def sent(world: World, **fields: Any) -> Response:
    return world.send("POST", "/contacts", {"first_name": "Ada", **fields})


def held_within(world: World) -> Counter[str]:
    """How many locks there are within each customer, and without one."""
    return Counter(lock["SK"]["S"].removeprefix("LOCK#") for lock in world.content.locks)


def test_customers_may_have_the_same_values_each(world: World) -> None:
    a, b = customer_of(world)["id"], customer_of(world)["id"]
    for customer in (a, b, None):
        answer = sent(world, email=EMAIL, phone=PHONE, whatsapp=PHONE, customer_id=customer)
        assert answer.status == 201, answer.text
    assert held_within(world) == {a: 3, b: 3, "!": 3}
    world.content.assert_whole()
    world.catch_up()
    found = world.send("GET", "/contacts", query={"email": EMAIL}).json["items"]
    assert {one["customer_id"] for one in found} == {a, b, None}


@pytest.mark.parametrize("within", [True, False])
def test_within_a_customer_each_value_is_of_one_contact(world: World, within: bool) -> None:
    customer = customer_of(world)["id"] if within else None
    made = sent(
        world,
        email=EMAIL,
        other_emails=["b@example.com"],
        phone=PHONE,
        whatsapp=OTHER_PHONE,
        customer_id=customer,
    ).json
    other = sent(world, customer_id=customer).json
    for fields, field in (
        ({"email": EMAIL}, "email"),
        ({"email": "b@example.com"}, "email"),
        ({"other_emails": ["x@example.com", EMAIL]}, "other_emails.1"),
        ({"phone": "(415) 555-2671"}, "phone"),
        ({"whatsapp": OTHER_PHONE}, "whatsapp"),
    ):
        refusal = (409, field, made["id"])
        assert refused_for(sent(world, **fields, customer_id=customer)) == refusal
        assert refused_for(world.send("PATCH", at(other), fields)) == refusal
    # A telephone number is no WhatsApp number, and other numbers are nobody's alone.
    free = {"phone": OTHER_PHONE, "whatsapp": PHONE, "other_phones": [{"number": PHONE}]}
    assert world.send("PATCH", at(other), free).status == 200
    world.content.assert_whole()


def test_a_move_takes_the_locks_along_or_is_refused(world: World) -> None:
    a, b = customer_of(world), customer_of(world)
    moving = sent(world, email=EMAIL, phone=PHONE, customer_id=a["id"]).json
    there = sent(world, phone=PHONE, customer_id=b["id"]).json
    answer = world.send("PATCH", at(moving), {"customer_id": b["id"]})
    assert refused_for(answer) == (409, "phone", there["id"])
    assert now(world, a)["primary_contact"] == moving["id"]
    world.content.assert_whole()
    body = {"customer_id": b["id"], "phone": OTHER_PHONE}
    assert world.send("PATCH", at(moving), body).status == 200
    assert held_within(world) == {b["id"]: 3}
    assert world.send("PATCH", at(moving), {"customer_id": None}).status == 200
    assert held_within(world) == {b["id"]: 1, "!": 2}
    world.content.assert_whole()


def test_a_restored_contact_takes_its_locks_where_it_is_then(world: World) -> None:
    customer = customer_of(world)
    gone = sent(world, email=EMAIL, phone=PHONE, customer_id=customer["id"]).json
    assert world.send("DELETE", at(gone)).status == 204
    assert held_within(world) == {}
    heir = sent(world, phone=PHONE, customer_id=customer["id"]).json
    assert refused_for(world.send("POST", at(gone, "/restore"))) == (409, "phone", heir["id"])
    world.send("DELETE", at(heir))
    world.send("DELETE", at(customer))
    assert world.send("POST", at(gone, "/restore")).json["customer_id"] is None
    assert held_within(world) == {"!": 2}
    world.content.assert_whole()


def test_a_customer_s_contacts_that_take_one_value_at_once_leave_it_to_one(
    world: World, waits: list[float]
) -> None:
    """check 22, within a customer"""
    customer = customer_of(world)["id"]
    body = {"first_name": "A", "phone": PHONE, "customer_id": customer}
    answers = racing(world, *[("POST", "/contacts", body)] * 8)
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}


def test_contacts_with_one_value_that_move_to_one_customer_at_once_do_not_both_get_there(
    world: World, waits: list[float]
) -> None:
    a, b, c = (customer_of(world) for _ in "abc")
    moving = [sent(world, email=EMAIL, customer_id=one["id"]).json for one in (a, b)]
    answers = racing(world, *(("PATCH", at(one), {"customer_id": c["id"]}) for one in moving))
    assert sorted(answer.status for answer in answers) == [200, 409]


def take(world: World, **detail: Any) -> None:
    world.post_booking(booking(invitee_email=EMAIL, **detail))
    world.bookings.pump()
    assert world.dead_bookings() == []


def test_a_booking_finds_the_contact_without_a_customer_first_and_then_the_oldest_customer_s(
    world: World,
) -> None:
    older, newer = customer_of(world), customer_of(world)
    second = sent(world, email=EMAIL, customer_id=newer["id"]).json
    first = sent(world, email=EMAIL, customer_id=older["id"]).json
    take(world)
    loose = sent(world, email=EMAIL).json
    take(world)
    counted = [now(world, one)["total_bookings"] for one in (first, second, loose)]
    assert counted == [1, 0, 1]
    world.content.assert_whole()


def test_a_number_that_another_contact_has_does_not_cost_a_booking(world: World) -> None:
    sent(world, phone=PHONE)
    take(world, invitee_phone=PHONE)
    (made,) = [one for one in world.content.live if "email" in one]
    assert (made["total_bookings"]["N"], "phone" in made) == ("1", False)
    world.content.assert_whole()


def test_an_import_passes_over_rows_whose_values_are_taken_and_creates_the_others(world: World) -> None:
    customer = customer_of(world)["id"]
    theirs = sent(world, email=EMAIL, phone=OTHER_PHONE, customer_id=customer).json
    loose = sent(world, phone=PHONE).json
    folder = DropFolder(world, "T1")
    rows = [
        f"{EMAIL},",  # a customer's contact has it
        f"phone@example.com,{PHONE}",  # a contact without a customer has the number
        f"free@example.com,{OTHER_PHONE}",  # a customer's contact has it, which is no hindrance
        f"twice@example.com,{OTHER_PHONE}",  # the row before has it by now
        "last@example.com,",
    ]
    folder.deliver(folder.put("email,phone\n" + "\n".join(rows) + "\n"))
    folder.work()
    (run,) = world.send("GET", "/imports").json["items"]
    assert run["state"] == "completed"
    counts = {name: amount for name, amount in run["counts"].items() if amount}
    assert counts == {"rows": 5, "created": 2, "skipped": 3}
    emails = {one["email"]["S"] for one in world.content.live if "email" in one}
    assert emails == {EMAIL, "free@example.com", "last@example.com"}
    assert {theirs["id"], loose["id"]} < {one["id"]["S"] for one in world.content.live}
    world.content.assert_whole()


def test_in_a_tenant_s_scope_numbers_are_nobody_s_alone(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    world = World(aws_stack, token_issuer, TenantSettings())
    a, b = customer_of(world), customer_of(world)
    first = sent(world, email=EMAIL, phone=PHONE, whatsapp=PHONE, customer_id=a["id"]).json
    assert sent(world, email="b@example.com", phone=PHONE, whatsapp=PHONE, customer_id=a["id"]).status == 201
    refused = sent(world, email=EMAIL, customer_id=b["id"])
    assert refused_for(refused) == (409, "email", first["id"])
    world.content.assert_whole()


# Everything together


class CustomerMachine(RuleBasedStateMachine):
    """check 24: contacts made, changed, moved, promoted, deleted and restored in any order, under few customers.

    The model says which contact belongs where and who is primary; the table must agree after each step.
    """

    template: Template
    issuer: TokenIssuer
    scope: Any

    def __init__(self) -> None:
        super().__init__()
        self._stack = stack_in_moto(self.template, self.issuer)
        self._guard = guarding()

    @initialize()
    def begin(self) -> None:
        self._guard.__enter__()
        stack = self._stack.__enter__()
        self.world = World(stack, self.issuer, TenantSettings(require_email=False, unique_scope=self.scope))
        self.values: dict[str, dict[str, str | None]] = {}
        self.place: dict[str, str | None] = {}
        self.deleted: set[str] = set()
        self.primary: dict[str, str | None] = {}

    def teardown(self) -> None:
        self._stack.__exit__(None, None, None)
        self._guard.__exit__(None, None, None)

    emails = st.sampled_from([None, EMAIL, "b@example.com", "c@example.com"])
    phones = st.sampled_from([None, PHONE, OTHER_PHONE])

    def some_contact(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.values)))

    def some_place(self, data: st.DataObject) -> str | None:
        return data.draw(st.sampled_from([None, NOWHERE, *sorted(self.primary)]))

    def is_taken(self, values: dict[str, str | None], place: str | None, by: str | None = None) -> bool:
        return any(
            other != by
            and other not in self.deleted
            and (self.scope == "tenant" or self.place[other] == place)
            and any(
                value is not None and value == self.values[other][name]
                for name, value in values.items()
                if name == "email" or self.scope == "customer"
            )
            for other in self.values
        )

    def members(self, customer: str) -> list[str]:
        return sorted(
            one for one, place in self.place.items() if place == customer and one not in self.deleted
        )

    def settle(self) -> None:
        """Whoever is primary now: who was, if still there, or else the oldest."""
        for customer, primary in self.primary.items():
            members = self.members(customer)
            if primary not in members:
                self.primary[customer] = members[0] if members else None

    @precondition(lambda self: len(self.primary) < 3)
    @rule()
    def open_account(self) -> None:
        self.primary[customer_of(self.world)["id"]] = None

    @precondition(lambda self: self.primary)
    @rule(data=st.data())
    def close_account(self, data: st.DataObject) -> None:
        customer = data.draw(st.sampled_from(sorted(self.primary)))
        answer = self.world.send("DELETE", f"/customers/{customer}")
        assert answer.status == (409 if self.members(customer) else 204)
        if answer.status == 204:
            del self.primary[customer]

    @rule(data=st.data(), email=emails, phone=phones)
    def create(self, data: st.DataObject, email: str | None, phone: str | None) -> None:
        place = self.some_place(data)
        values = {"email": email, "phone": phone}
        answer = sent(self.world, **values, customer_id=place)
        if place == NOWHERE:
            assert answer.status == 422, answer.text
        elif self.is_taken(values, place):
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 201, answer.text
            made: Made = answer.json
            self.values[made["id"]], self.place[made["id"]] = values, place
            self.settle()
            assert made["is_primary"] == (place is not None and self.primary[place] == made["id"])

    @precondition(lambda self: self.values)
    @rule(data=st.data(), email=emails, phone=phones, moves=st.booleans())
    def change(self, data: st.DataObject, email: str | None, phone: str | None, moves: bool) -> None:
        one = self.some_contact(data)
        place = self.some_place(data) if moves else self.place[one]
        values = {"email": email, "phone": phone}
        body = {**values, **({"customer_id": place} if moves else {})}
        answer = self.world.send("PATCH", f"/contacts/{one}", body)
        if one in self.deleted:
            assert answer.status == 404
        elif place == NOWHERE:
            assert answer.status == 422, answer.text
        elif self.is_taken(values, place, one):
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 200, answer.text
            self.values[one], self.place[one] = values, place
            self.settle()

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        one = self.some_contact(data)
        answer = self.world.send("DELETE", f"/contacts/{one}")
        assert answer.status == (404 if one in self.deleted else 204)
        self.deleted.add(one)
        self.settle()

    @precondition(lambda self: self.deleted)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(sorted(self.deleted)))
        place = self.place[one] if self.place[one] in self.primary else None
        answer = self.world.send("POST", f"/contacts/{one}/restore")
        if self.is_taken(self.values[one], place, one):
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 200, answer.text
            self.deleted.discard(one)
            self.place[one] = place
            self.settle()

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def set_primary(self, data: st.DataObject) -> None:
        one = self.some_contact(data)
        place = self.place[one]
        answer = self.world.send("POST", f"/contacts/{one}/set-primary")
        if one in self.deleted:
            assert answer.status == 404
        elif place is None:
            assert (answer.status, answer.json["code"]) == (409, "no_customer")
        else:
            assert answer.status == 200, answer.text
            self.primary[place] = one

    @invariant()
    def each_customer_with_contacts_has_one_primary_contact(self) -> None:
        """check 30, and locks are the values of live contacts"""
        if not hasattr(self, "world"):
            return
        content = self.world.content
        content.assert_whole()
        kept = {one["id"]["S"]: one for one in content.customers if "deleted_at" not in one}
        assert set(kept) == set(self.primary)
        for customer, primary in self.primary.items():
            record = kept[customer]
            assert record.get("primary_contact", {"S": None})["S"] == primary
            assert int(record.get("contact_count", {"N": "0"})["N"]) == len(self.members(customer))
        assert {one["id"]["S"] for one in content.live} == set(self.values) - self.deleted


@pytest.mark.parametrize("scope", ["tenant", "customer"])
def test_each_customer_has_one_primary_contact_whatever_is_done(
    template: Template, token_issuer: TokenIssuer, scope: str
) -> None:
    """check 24, check 30"""
    members = {"template": template, "issuer": token_issuer, "scope": scope}
    machine = type("Machine", (CustomerMachine,), members)
    machine.TestCase.settings = settings(
        max_examples=repetitions(5), stateful_step_count=20, suppress_health_check=list(HealthCheck)
    )
    machine.TestCase("runTest").runTest()
