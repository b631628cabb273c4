"""Each commit has one event and each refusal has none, whatever is done and whatever breaks."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, get_args

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.consent import ConsentInput
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.status import RelationshipStatus, StatusInput
from shared.domain.customers.record import CustomerInput, CustomerPatch
from shared.domain.errors import DomainError
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.labels.record import Tag
from shared.domain.notes.inputs import NoteInput
from shared.wiring.contacts import contact_service, contact_statuses
from shared.wiring.customers import customer_service
from shared.wiring.interactions import follow_up_service, interaction_service
from shared.wiring.labels import label_service
from shared.wiring.notes import note_service
from tests.integration.world import World
from tests.support.faults import call, injecting, lost_answer, unreachable
from tests.support.tenant_guard import acting_for
from tests.support.transport import Layer, intercepting

OPERATIONS = 10_000
WRITES = call("dynamodb", "TransactWriteItems")
MISSING = "0190a8f0-0000-7000-8000-000000000000"
STATUSES = get_args(RelationshipStatus)


class Doer:
    """Does random things to one tenant, and counts what was committed."""

    def __init__(self, tenant_id: str, chance: random.Random) -> None:
        self.tenant_id = tenant_id
        self.chance = chance
        caller = Caller(tenant_id, "user", f"admin-of-{tenant_id}", "admin")
        self.contacts, self.customers = contact_service(caller), customer_service(caller)
        self.statuses = contact_statuses(caller)
        self.interactions, self.follow_ups = interaction_service(caller), follow_up_service(caller)
        self.notes = note_service(caller)
        self.tags = label_service(caller, Tag)
        self.versions: dict[str, int] = {}
        self.kinds: defaultdict[str, list[str]] = defaultdict(list)
        self.entries: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self.refused: Counter[str] = Counter()

    def do(self) -> None:
        """One operation, with a fault at hand in one of ten, which it may or may not come to."""
        fault = self.chance.random()
        broken: Any = nullcontext()
        if fault < 0.05:
            broken = intercepting(Layer.FAULTS, unreachable(WRITES))
        elif fault < 0.1:
            broken = intercepting(Layer.FAULTS, lost_answer(WRITES))
        act = self.chance.choice(ACTS)
        try:
            with acting_for(self.tenant_id), injecting(), broken:
                act(self)
        except DomainError as refusal:
            self.refused[refusal.code] += 1

    def some(self, kind: str) -> str:
        known = self.kinds[kind]
        return self.chance.choice(known) if known else MISSING

    def some_entry(self, kind: str) -> tuple[str, str]:
        """Return the ids of a contact and of an entry of its timeline."""
        known = self.entries[kind]
        return self.chance.choice(known) if known else (self.some("contact"), MISSING)

    def note(self, kind: str, record: Any) -> None:
        if record.id not in self.versions:
            self.kinds[kind].append(record.id)
        self.versions[record.id] = record.version

    def email(self) -> str:
        return f"a{self.chance.randrange(40)}@example.com"


def create(doer: Doer) -> None:
    customer = doer.some("customer") if doer.chance.random() < 0.3 else None
    status = doer.chance.choice(STATUSES) if doer.chance.random() < 0.2 else None
    given = ContactInput(
        first_name="Ada", email=doer.email(), customer_id=customer, relationship_status=status
    )
    doer.note("contact", doer.contacts.create(given))


def change(doer: Doer) -> None:
    fields: dict[str, Any] = doer.chance.choice(
        [
            {"company": f"C{doer.chance.randrange(3)}"},
            {"email": doer.email()},
            {"is_active": doer.chance.random() < 0.5},
            {"tags": doer.chance.sample(["a", "b", "c"], doer.chance.randrange(3))},
        ]
    )
    version = doer.chance.randrange(1, 4)
    if_match = (lambda held: held == version) if doer.chance.random() < 0.2 else None
    doer.note("contact", doer.contacts.patch(doer.some("contact"), ContactPatch(**fields), if_match))


def delete(doer: Doer) -> None:
    contact_id = doer.some("contact")
    doer.contacts.delete(contact_id, None)
    doer.versions[contact_id] += 1


def restore(doer: Doer) -> None:
    doer.note("contact", doer.contacts.restore(doer.some("contact"), None))


def toggle(doer: Doer) -> None:
    doer.note("contact", doer.contacts.toggle_active(doer.some("contact"), None))


def consent(doer: Doer) -> None:
    given = ConsentInput(channel="email", opted_out=doer.chance.random() < 0.5, source="phone")
    doer.note("contact", doer.contacts.consent(doer.some("contact"), given, None))


def move(doer: Doer) -> None:
    status, stage = doer.chance.choice(STATUSES), doer.chance.choice([None, "decision"])
    given = {"relationship_status": status, "lifecycle_stage": stage, "reason": doer.chance.choice(["", "r"])}
    done = doer.statuses.change(doer.some("contact"), StatusInput.model_validate(given), None)
    doer.versions[done.contact_id] = done.version


def record_interaction(doer: Doer) -> None:
    contact_id = doer.some("contact")
    due = "2031-03-01T09:00:00.000Z" if doer.chance.random() < 0.5 else None
    given = InteractionInput(type="call", description="a call", scheduled_follow_up=due)
    made = doer.interactions.create(contact_id, given)
    doer.versions[contact_id] += 1
    doer.entries["interaction"].append((contact_id, made.id))
    if made.follow_up_id is not None:
        doer.entries["follow-up"].append((contact_id, made.follow_up_id))


def change_interaction(doer: Doer) -> None:
    contact_id, interaction_id = doer.some_entry("interaction")
    patch = InteractionPatch(outcome=f"o{doer.chance.randrange(3)}")
    doer.interactions.change(contact_id, interaction_id, patch, None)


def delete_interaction(doer: Doer) -> None:
    contact_id, interaction_id = doer.some_entry("interaction")
    doer.interactions.delete(contact_id, interaction_id, None)
    doer.versions[contact_id] += 1


def complete_follow_up(doer: Doer) -> None:
    contact_id, follow_up_id = doer.some_entry("follow-up")
    call = InteractionInput(type="call", description="the call") if doer.chance.random() < 0.5 else None
    doer.follow_ups.complete(follow_up_id, FollowUpCompletion(outcome="done", interaction=call), None)
    doer.versions[contact_id] += 1 if call is None else 2


def write_note(doer: Doer) -> None:
    contact_id = doer.some("contact")
    made = doer.notes.create(contact_id, NoteInput.model_validate({"body": "Prefers mornings."}))
    doer.versions[contact_id] += 1
    doer.entries["note"].append((contact_id, made.id))


def delete_note(doer: Doer) -> None:
    contact_id, note_id = doer.some_entry("note")
    doer.notes.delete(contact_id, note_id, None)
    doer.versions[contact_id] += 1


def create_customer(doer: Doer) -> None:
    given = CustomerInput(first_name="Grace", username=f"u{doer.chance.randrange(90)}")
    doer.note("customer", doer.customers.create(given))


def change_customer(doer: Doer) -> None:
    patch = CustomerPatch(last_name=f"L{doer.chance.randrange(3)}")
    doer.customers.patch(doer.some("customer"), patch, None)


def create_tag(doer: Doer) -> None:
    doer.note("tag", doer.tags.create({"name": f"t{doer.chance.randrange(60)}"}))


def change_tag(doer: Doer) -> None:
    doer.note("tag", doer.tags.change(doer.some("tag"), {"color": f"#00000{doer.chance.randrange(9)}"}, None))


ACTS: list[Callable[[Doer], None]] = [
    create, create, create, change, change, change, delete, delete, restore, toggle, consent, move,
    create_customer, change_customer, create_tag, change_tag,
    record_interaction, record_interaction, change_interaction, delete_interaction, complete_follow_up,
    write_note, delete_note,
]  # fmt: skip


@pytest.mark.usefixtures("waits")
def test_ten_thousand_random_operations_leave_one_event_for_each_commit_and_none_for_a_refusal(
    world: World,
) -> None:
    """check 91: of two tenants, faults among them, over few addresses and names."""
    chance = random.Random(91)
    world.tenant("T10")
    before = len(world.content.of("T#", "EVENT#"))
    doers = [Doer("T1", chance), Doer("T10", chance)]
    for _ in range(OPERATIONS):
        chance.choice(doers).do()
    refused = sum((doer.refused for doer in doers), Counter())
    assert {"duplicate", "not_found", "version_mismatch", "unavailable"} <= set(refused), refused
    content = world.content
    content.assert_whole()
    told: defaultdict[str, list[int]] = defaultdict(list)
    events = content.of("T#", "EVENT#")
    for event in events:
        told[event["entity_id"]["S"]].append(int(event["version"]["N"]))
    assert all(len(entries) > 30 for doer in doers for entries in doer.entries.values())
    versions: dict[str, int] = {}
    for doer in doers:
        versions |= {one: doer.versions[one] for one in doer.kinds["tag"]}
        for record in content.of(f"T#{doer.tenant_id}#", "(CONTACT|CUSTOMER)$"):
            versions[record["id"]["S"]] = int(record["version"]["N"])
        for kind, record_ids in doer.kinds.items():
            assert len(record_ids) > 30, kind
            # A change of one contact may have changed another once more: which one is primary, say.
            assert all(versions[one] >= doer.versions[one] for one in record_ids), kind
    for record_id, version in versions.items():
        assert sorted(told.pop(record_id)) == list(range(1, version + 1)), record_id
    # And each of three tags that contacts were given was made once in each tenant.
    assert list(told.values()) == [[1]] * 6
    assert len(events) - before == sum(versions.values()) + 6
