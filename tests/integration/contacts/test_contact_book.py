"""The whole contact book under anything that is done to it, in any order, its stream read late, again and mixed up."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from shared.projections.comparison import find_discrepancies
from tests.integration.contacts.test_unique_scope import CustomerMachine
from tests.integration.stream_records import records_from
from tests.support.budgets import repetitions
from tests.support.template import Template
from tests.support.tokens import TokenIssuer

TAGS = ["vip", "VIP", "new", "50%", "a#b"]


class BookMachine(CustomerMachine):
    """check 24, check 30, check 31: besides what customers' machine does, contacts get tags, join and leave groups,
    groups are renamed and deleted, and the projections read the stream at any time and in any order.

    Whenever the stream has been read to its end, postings, terms, numbers, places, counters, group counts and primaries
    are what the records say.
    """

    def __init__(self) -> None:
        super().__init__()
        self.groups: dict[str, set[str]] = {}
        self.read = 0

    @initialize()
    def begin(self) -> None:
        super().begin()
        for number in range(2):
            self.make_group(number)

    @rule(number=st.integers(0, 2))
    def make_group(self, number: int) -> None:
        answer = self.world.send("POST", "/groups", {"name": f"group {number}"})
        assert answer.status in (201, 409), answer.text
        if answer.status == 201:
            self.groups[answer.json["id"]] = set()

    @precondition(lambda self: self.groups)
    @rule(data=st.data())
    def delete_group(self, data: st.DataObject) -> None:
        group = data.draw(st.sampled_from(sorted(self.groups)))
        assert self.world.send("DELETE", f"/groups/{group}").status == 204
        del self.groups[group]

    @precondition(lambda self: self.groups)
    @rule(data=st.data(), number=st.integers(0, 99))
    def rename_group(self, data: st.DataObject, number: int) -> None:
        group = data.draw(st.sampled_from(sorted(self.groups)))
        answer = self.world.send("PATCH", f"/groups/{group}", {"name": f"other {number}"})
        assert answer.status in (200, 409), answer.text

    @precondition(lambda self: self.values and self.groups)
    @rule(
        moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.booleans()), min_size=2, max_size=8)
    )
    def join_and_leave(self, moves: list[tuple[int, int, bool]]) -> None:
        contacts, groups = sorted(self.values), sorted(self.groups)
        for contact, number, joins in moves:
            one, group = contacts[contact % len(contacts)], groups[number % len(groups)]
            answer = self.world.send("PUT" if joins else "DELETE", f"/contacts/{one}/groups/{group}")
            assert answer.status == (404 if one in self.deleted else 200), answer.text
            if answer.status == 200:
                (self.groups[group].add if joins else self.groups[group].discard)(one)

    @precondition(lambda self: self.values)
    @rule(data=st.data(), tags=st.lists(st.sampled_from(TAGS), max_size=3), active=st.booleans())
    def tag(self, data: st.DataObject, tags: list[str], active: bool) -> None:
        one = self.some_contact(data)
        body = {"tags": tags, "company": random.Random(len(tags)).choice(["", "Engines"])}
        answer = self.world.send("PATCH", f"/contacts/{one}", body)
        assert answer.status == (404 if one in self.deleted else 200), answer.text
        if answer.status == 200 and not active:
            assert self.world.send("POST", f"/contacts/{one}/toggle-status").status == 200

    @rule(seed=st.integers(0, 2**16), back=st.integers(0, 40))
    def read_again_and_mixed_up(self, seed: int, back: int) -> None:
        """Records that were read before come once more, with new ones among them, in any order but each contact's."""
        records = records_from(self.world.stack, max(0, self.read - back))
        chosen = random.Random(seed)
        part = [record for record in records if chosen.random() < 0.7]
        self.world.projector.deliver(part)

    @rule()
    def read_to_the_end(self) -> None:
        records = records_from(self.world.stack, self.read)
        self.read += len(records)
        self.world.projector.deliver(records)
        self.agrees()

    def agrees(self) -> None:
        assert find_discrepancies("T1", self.world.content.of("T#T1#")) == ({}, [])
        for group, members in self.groups.items():
            found = self.world.send("GET", f"/groups/{group}").json["contact_count"]
            assert found == len(members - self.deleted)
        stats = self.world.send("GET", "/contacts/stats").json
        assert stats["total"] == len(set(self.values) - self.deleted)
        assert stats["primary"] == sum(1 for one in self.primary.values() if one)

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.read_to_the_end()
        finally:
            super().teardown()


@pytest.mark.parametrize("scope", ["tenant", "customer"])
def test_records_and_projections_agree_whatever_is_done_and_however_the_stream_is_read(
    template: Template, token_issuer: TokenIssuer, scope: str
) -> None:
    """check 24, check 30, check 31"""
    members = {"template": template, "issuer": token_issuer, "scope": scope}
    machine = type("Machine", (BookMachine,), members)
    machine.TestCase.settings = settings(
        max_examples=repetitions(4), stateful_step_count=30, suppress_health_check=list(HealthCheck)
    )
    machine.TestCase("runTest").runTest()
