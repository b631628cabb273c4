"""Each operation costs what docs/access-patterns.md states: calls and units are counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from moto.dynamodb.models import dynamodb_backends

from functions.account.app import handler as account_function
from functions.bulk.app import handler as bulk_function
from functions.contacts.app import handler as contacts_function
from shared.domain import timestamps
from shared.domain.accounts.api_client import ApiClientInput, ApiClientPatch
from shared.domain.accounts.invitation import Acceptance, InvitationInput
from shared.domain.accounts.registration import RegistrationInput
from shared.domain.accounts.settings import SettingsPatch
from shared.domain.accounts.user import UserPatch
from shared.domain.bookings.conditions import BookingFilter
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChangeInput
from shared.domain.contacts.consent import ConsentInput
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import StatusInput
from shared.domain.customers.record import CustomerInput, CustomerPatch
from shared.domain.duplicates.views import DismissalInput
from shared.domain.errors import Duplicate, Merged
from shared.domain.exports.record import ExportTask
from shared.domain.exports.views import Export, ExportInput
from shared.domain.feed_views import ALL_ENTRIES
from shared.domain.groups.record import Group
from shared.domain.ids import derived_id, milliseconds_of, new_id
from shared.domain.imports.preview import PreviewInput
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import ImportInput, StartInput
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.follow_up_filter import FollowUpFilter
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import Interaction
from shared.domain.jobs.bulk import BulkJob, BulkTask
from shared.domain.jobs.merges import MergeSuggestedInput, MergeTask
from shared.domain.labels.record import Tag
from shared.domain.merges.views import MergeInput
from shared.domain.notes.inputs import NoteInput, NotePatch
from shared.domain.stamp import Stamp
from shared.domain.tenant import RateLimit
from shared.domain.timeline.entry import KINDS, Kind
from shared.domain.webhooks.delivery import DeliveryRequest
from shared.domain.webhooks.recovery import RecoveryInput, RecoveryTask
from shared.domain.webhooks.secrets import SecretRotation
from shared.domain.webhooks.subscription import WebhookInput, WebhookPatch
from shared.files.queues.imports import from_message as from_message_of_import
from shared.projections.kinds.kind import removal_of
from shared.projections.leftover_rows import LeftoverRows
from shared.projections.matching import MatchingPass
from shared.publishing.contracts import from_message, to_message
from shared.publishing.transport import ReceiverResponse
from shared.services.contacts.purge import Purge
from shared.services.limits.rate_limits import RateLimits
from shared.services.merges.reading import MergeFilter
from shared.services.reading_budget import Budget
from shared.services.webhooks.delivery_log import DeliveryFilter
from shared.services.webhooks.subscriptions import WebhookService
from shared.table.event_items import event_from_item
from shared.table.imports.items import run_to_item
from shared.table.interactions.items import interaction_to_item
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys import lists as list_keys
from shared.table.limits import BucketTable
from shared.table.merges.jobs import MergeJobTable
from shared.wiring.accounts import (
    acceptance_service,
    api_client_service,
    client_uses,
    invitation_service,
    onboarding_service,
    registration_service,
    settings_service,
    sign_in_service,
    user_service,
)
from shared.wiring.base import store
from shared.wiring.bookings import booking_lists, booking_service, tenant_bookings
from shared.wiring.contacts import (
    bulk_contacts,
    contact_changes,
    contact_history,
    contact_lists,
    contact_reading,
    contact_revert,
    contact_service,
    contact_statuses,
    purge_table,
    show_contacts,
)
from shared.wiring.customers import customer_service
from shared.wiring.duplicates import create_and_compare, dismissing, suggestions
from shared.wiring.exports import export_service, export_watch, export_work
from shared.wiring.feed import feed_reading
from shared.wiring.groups import group_service
from shared.wiring.imports import (
    import_cancelling,
    import_chunks,
    import_previews,
    import_retries,
    import_runs,
    import_service,
    import_undo,
    import_undo_chunks,
    import_undos,
    import_uploads,
    preview_chunks,
    preview_runs,
)
from shared.wiring.interactions import (
    due_timelines,
    follow_up_lists,
    follow_up_service,
    interaction_lists,
    interaction_service,
    interaction_statistics,
    tenant_follow_ups,
    tenant_interactions,
)
from shared.wiring.jobs import bulk_job_service, bulk_watch, bulk_work, matching_contacts
from shared.wiring.kept import reset_wiring
from shared.wiring.labels import label_service
from shared.wiring.merge_jobs import merge_job_service, merge_work
from shared.wiring.merges import merge_reading, merging
from shared.wiring.notes import note_lists, note_processing, note_service
from shared.wiring.performers import performer
from shared.wiring.projections import projection
from shared.wiring.publishing import publisher
from shared.wiring.recount import recount
from shared.wiring.recoveries import recovery_service, recovery_work
from shared.wiring.sealing import seal
from shared.wiring.tenants import find_tenant, tenant_memory, tenant_settings
from shared.wiring.timeline import contact_timeline
from shared.wiring.webhooks import delivery_log, fan_out, sending, vault, webhook_service
from tests.support.aws import Stack
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.meter import meter
from tests.support.queues import receive
from tests.support.replay import replayed
from tests.support.tenant_guard import acting_for, as_operator, inferring_tenant

DOCUMENT = Path(__file__).parents[2] / "docs" / "access-patterns.md"
TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")


def stated() -> dict[str, tuple[int, float, float]]:
    """Return the calls, read units and write units of each operation in the document's table of costs."""
    costs = DOCUMENT.read_text().partition("\n## The feed and webhooks\n")[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|", costs, re.MULTILINE)
    return {name: (int(calls), float(read), float(write)) for name, calls, read, write in rows}


def given(number: int = 0, **fields: Any) -> ContactInput:
    return ContactInput(
        first_name="Ada",
        last_name="Lovelace",
        email=f"ada{number}@example.com",
        phone="+14155552671",
        company="Analytical Engines",
        **fields,
    )


_OF_A_STRANGER = {
    "first_name": "Grace",
    "last_name": "Hopper",
    "full_name": "Grace Hopper",
    "email": "grace@example.com",
    "phone": "+14155553999",
}


class World:
    """A tenant with contacts whose projections are up to date, and with one webhook."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.made, self.records, self.events, self.fresh, self.group = replayed("costs", self._settle)
        reset_wiring()
        tenant_settings(TENANT)  # a warm process has it at hand
        self.contacts = contact_service(ADMIN)
        self.lists = contact_lists(ADMIN)
        self.customers = customer_service(ADMIN)
        (self.tag,) = label_service(ADMIN, Tag).list(prefix=None, limit=1, cursor=None).items
        contact_reading(ADMIN).read(self.made[0].id)  # a warm process has the labels at hand
        show_contacts(ADMIN, self.made[:1])  # and the names
        performer(ADMIN)
        self.recorded: list[str] = []
        self.merged: list[str] = []
        self.noted: list[str] = []
        self.stranger = {
            **self.fresh,
            **contact_keys.contact(TENANT, self.group.id),
            **{name: {"S": text} for name, text in _OF_A_STRANGER.items()},
            "id": {"S": self.group.id},
        }
        self.imported = [self._imported(self.fresh, number) for number in range(40)]
        self.webhooks = webhook_service(ADMIN)
        self.webhook = self.webhooks.create(hook())
        self.clients = api_client_service(ADMIN)
        self.client = self.clients.create(ApiClientInput(name="Shop", permissions={"contacts:read": "all"}))
        self.queue = RowQueue(stack)
        self.upload = Upload(stack)
        self.bulk = Bulk()
        self.exports = Exporting()
        self.calls = Calls()

    def _settle(self) -> tuple[list[Contact], list[Item], list[Item], Item, Group]:
        """Open the tenant and create its contacts, of which the last has a tag and is not projected, and a group.

        Returns the projected contacts, their items and events, the item of the last contact, and the group.
        """
        with as_operator():
            onboarding_service().open_tenant(TENANT, "One")
            onboarding_service().add_member(ADMIN.id, TENANT, "admin", "admin@example.com")
        contacts = contact_service(ADMIN)
        made = [contacts.create(given(n)) for n in range(30)]
        records, events = self._items("CONTACT"), self._items("EVENT#")
        contacts.create(given(99, tags=["vip"]))
        group = group_service(ADMIN).create({"name": "spring", "kind": "static"})
        [fresh] = [item for item in self._items("CONTACT") if item["email"]["S"] == "ada99@example.com"]
        projection().project(records)
        return made, records, events, fresh, group

    def want(self, **fields: Any) -> None:
        """Change what the webhook wants."""
        self.webhooks.change(self.webhook.id, WebhookPatch(**fields), None)

    def merge(self, count: int, *, dry_run: bool = False) -> None:
        """Merge contacts into the first one."""
        ids = [one.id for one in self.made[1 : count + 1]]
        merge = MergeInput(survivor_id=self.first.id, merged_ids=ids, dry_run=dry_run)
        self.merged.append(merging(ADMIN).merge(merge).id or "")

    def merge_first(self) -> None:
        """Merge the first contact, which has entries, into the second."""
        merge = MergeInput(survivor_id=self.made[1].id, merged_ids=[self.first.id])
        merging(ADMIN).merge(merge)

    def fill_timeline(self, count: int) -> None:
        """Give the second contact so many interactions, in moto's memory."""
        table = dynamodb_backends[ACCOUNT][REGION].tables[self.stack.table_name]
        [record] = [one for one in self._items("CONTACT") if one["id"]["S"] == self.made[1].id]
        figures = {
            "interaction_count": {"N": str(count)},
            "interaction_counts": {"S": json.dumps({"call": count})},
        }
        table.put_item({**record, **figures})
        for _ in range(count):
            entry = Interaction.create(
                {
                    "type": "call",
                    "description": "x",
                    "occurred_at": "2026-01-01T00:00:00.000Z",
                    "performed_by": "Ada",
                },
                interaction_id=new_id(),
                contact_id=self.made[1].id,
                stamp=Stamp.now(ADMIN),
            )
            table.put_item(dict(interaction_to_item(TENANT, entry)))

    def join_group(self) -> None:
        """Let a contact join a group; its event is the first of `events` then."""
        self.contacts.join(self.first.id, self.group.id, None)
        self.events = [one for one in self._items("EVENT#") if "groups_joined" in one]

    def _imported(self, like: Item, number: int) -> Item:
        """Return the item of a contact as an import would write it: all of them have the same time, owner, tag and
        company.
        """
        later = milliseconds_of(like["id"]["S"]) + 1_000
        contact_id = derived_id(later, "import", str(number), ordinal=number)
        own = {
            "id": contact_id,
            "email": f"ada{500 + number}@example.com",
            "phone": f"+1415555{3000 + number}",
        }
        texts = {name: {"S": text} for name, text in own.items()}
        return {**like, **contact_keys.contact(TENANT, contact_id), **texts}

    def settle_customers(self) -> None:
        """Create a customer with three contacts, one without contacts, and 25 with two each."""
        made = [self.customers.create(account(n)) for n in range(27)]
        self.crowded, self.empty = made[:2]
        owners = [made[0]] * 3 + made[2:] * 2
        self.members = [
            self.contacts.create(given(200 + n, customer_id=one.id)) for n, one in enumerate(owners)
        ]
        records = self._items("CUSTOMER")
        [self.fresh_customer] = [item for item in records if item["id"]["S"] == self.empty.id]
        projection().project([item for item in records if item is not self.fresh_customer])

    def settle_users(self) -> None:
        """Create thirty users, two of them admins, and an invitation."""
        with as_operator():
            for number in range(30):
                role = "admin" if number < 2 else "user"
                onboarding_service().add_member(f"u{number:02}", TENANT, role, f"u{number:02}@example.com")
        self.users = user_service(ADMIN)
        self.invitations = invitation_service(ADMIN)
        self.invitation = self.invitations.create(InvitationInput(email="i@example.com", role="user"))

    def accept(self) -> None:
        acceptance_service().accept(Acceptance(token=self.invitation.token, password="Correct horse 7"))

    def _items(self, sort_key: str) -> list[Item]:
        with as_operator():
            found = self.stack.client("dynamodb").scan(TableName=self.stack.table_name)["Items"]
        return [item for item in found if item["SK"]["S"].startswith(sort_key)]

    def record(self) -> None:
        """Record an interaction with the first contact."""
        made = InteractionInput(type="call", description="a call", occurred_at="2026-05-04T09:30:00Z")
        self.recorded.append(interaction_service(ADMIN).create(self.first.id, made).id)

    def record_with_follow_up(self) -> None:
        """Record an interaction that schedules a follow-up with the first contact."""
        made = InteractionInput(
            type="call",
            description="a call",
            occurred_at="2026-05-04T09:30:00Z",
            scheduled_follow_up="2031-05-04T09:30:00Z",
        )
        interaction = interaction_service(ADMIN).create(self.first.id, made)
        self.recorded.append(interaction.id)
        self.follow_up = interaction.follow_up_id or ""

    def schedule_many(self) -> None:
        """Schedule a follow-up of each of 30 contacts, and project all but the last."""
        made = FollowUpInput(title="call again", due_at="2031-05-04T09:30:00Z")
        for contact in self.made:
            follow_up_service(ADMIN).create(contact.id, made)
        made_items = self._items("FOLLOWUP#")
        self.unprojected = made_items[-1:]
        projection().project(made_items[:-1])

    def schedule(self, due_at: str = "2031-05-04T09:30:00Z") -> None:
        """Schedule a follow-up of the first contact."""
        made = FollowUpInput(title="call again", due_at=due_at)
        self.follow_up = follow_up_service(ADMIN).create(self.first.id, made).id

    def complete(self, **given: Any) -> object:
        """Complete the follow-up that was scheduled last."""
        return follow_up_service(ADMIN).complete(self.follow_up, FollowUpCompletion(**given), None)

    def settle_interactions(self, *, unprojected: int) -> None:
        """Record an interaction with each of thirty contacts, and project all of them but the last ones."""
        for number, contact in enumerate(self.made):
            given = InteractionInput(
                type="quote" if number in (3, 20) else "call",
                description="Talked about the offer, and agreed to meet again.",
                occurred_at=f"2026-05-04T09:{number:02}:00Z",
            )
            interaction_service(ADMIN).create(contact.id, given)
        last = {f"T#{TENANT}#C#{one.id}" for one in self.made[-unprojected:]}
        records = [*self._items("CONTACT"), *self._items("INT#")]
        self.unprojected = [one for one in records if one["PK"]["S"] in last]
        projection().project(
            [one for one in records if one not in self.unprojected and one["id"] != self.fresh["id"]]
        )

    def settle_pairs(self) -> None:
        """Create 27 pairs of contacts that share a mailbox."""
        self.paired = [
            self.contacts.create(ContactInput(first_name="Grace", email=f"grace{number}{tag}@example.com"))
            for number in range(27)
            for tag in ("", "+news")
        ]
        ids = {one.id for one in self.paired}
        projection().project([one for one in self._items("CONTACT") if one["id"]["S"] in ids])

    def record_under_rule(self) -> None:
        """Record an interaction in a process that has labels in memory, but did not read their stamp just now."""
        with mock.patch("shared.table.labels.RECENT_SECONDS", -1.0):
            self.record()

    def settle_bookings(self) -> None:
        """Book each of thirty contacts, and project all of that but the last booking."""
        for number in range(len(self.made)):
            booking_service().process(booking(number, f"ada{number}@example.com", day=1 + number % 28))
        booked = self._items("BOOKING#")
        projection().project([item for item in self._items("CONTACT") if item["id"] != self.fresh["id"]])
        last = next(item for item in booked if item["contact_id"]["S"] == self.made[-1].id)
        self.unprojected = [last]
        projection().project([item for item in booked if item is not last])

    def move_booking(self) -> None:
        """Project the booking that is not projected yet, and move it to another time."""
        projection().project(self.unprojected)
        (before,) = self.unprojected
        number = len(self.made) - 1
        event = booking(number, f"ada{number}@example.com", version=2, kind="BookingRescheduled", day=30)
        booking_service().process(event)
        (after,) = [item for item in self._items("BOOKING#") if item["id"] == before["id"]]
        self.unprojected = [removal_of(before), after]

    def merge_suggested(self) -> None:
        """Start a merge job."""
        self.merge_job_id = merge_job_service(ADMIN).start(MergeSuggestedInput(min_score=95)).id

    def work_on_merges(self) -> None:
        """Carry out the next portion of the merge job."""
        run = MergeJobTable(store(), TENANT).get(self.merge_job_id)
        assert run is not None
        merge_work(may_go_on=lambda: True).run(MergeTask(TENANT, run.id, run.portions_done + 1))

    def undo_merge_job(self) -> None:
        """Start the undo of the merge job."""
        self.merge_job_id = merge_job_service(ADMIN).undo(self.merge_job_id).id

    def recover(self) -> None:
        """Start a recovery of the webhook."""
        self.recovery_id = recovery_service(ADMIN).start(self.webhook.id, RecoveryInput(after=0)).id

    def read_feed(self, caller: Caller, *, after: int) -> None:
        """Read a page of the feed; all entries of it are shown."""
        page = feed_reading(caller).list(ALL_ENTRIES, after=after, limit=25)
        assert len(page.items) == min(25, 30 - after)

    def list_timeline(self, kinds: Sequence[Kind]) -> object:
        """List entries of the timeline of the first contact."""
        return contact_timeline(ADMIN).list(self.first.id, kinds, limit=25, cursor=None)

    def change_interaction(self, **given: Any) -> object:
        """Change the interaction that was recorded first."""
        patch = InteractionPatch(**given)
        return interaction_service(ADMIN).change(self.first.id, self.recorded[0], patch, None)

    def write_note(self) -> None:
        """Write a note on the first contact."""
        self.noted.append(note_service(ADMIN).create(self.first.id, NoteInput(body="An #offer.")).id)

    def change_note(self, **given: Any) -> object:
        """Change the note that was written first."""
        return note_service(ADMIN).patch(self.first.id, self.noted[0], NotePatch(**given), None)

    def process_note(self) -> object:
        """Process the note that was written first."""
        return note_processing().process(TENANT, self.first.id, self.noted[0], requested_by="", attempt=1)

    def list_notes(self, search: str | None = None) -> object:
        return note_lists(ADMIN).of_contact(self.first.id, search=search, limit=25, cursor=None)

    @property
    def first(self) -> Contact:
        return self.made[0]


@pytest.fixture
def world(aws_stack: Stack) -> Iterator[World]:
    with acting_for(TENANT, prefixes=("OUTBOX#", "DUE#", "U#", "K#", "S#SWEEP")):
        yield World(aws_stack)


def booking(
    number: int, email: str, *, version: int = 1, kind: str = "BookingCreated", day: int = 6
) -> dict[str, Any]:
    detail = {
        "event_id": f"e{number}-{version}",
        "occurred_at": "2026-05-04T09:30:00Z",
        "tenant_id": TENANT,
        "booking_id": f"b{number}",
        "invitee_name": "Ada Lovelace",
        "invitee_email": email,
        "starts_at": f"2026-05-{day:02}T09:30:00Z",
        "version": version,
    }
    return {"source": "scheduling.bookings", "detail-type": kind, "detail": detail}


def account(number: int) -> CustomerInput:
    return CustomerInput(first_name="Grace", last_name="Hopper", username=f"grace{number}")


def listed(world: World, *, include_contacts: bool = False) -> object:
    return world.customers.list(limit=25, cursor=None, include_contacts=include_contacts)


def hook() -> WebhookInput:
    return WebhookInput(url="http://127.0.0.1:9/", events=["contact.created"])


def cold_webhooks() -> WebhookService:
    """The webhooks in a process that has no data key in memory."""
    seal.cache_clear()
    vault.cache_clear()
    return webhook_service(ADMIN)


def post(number: int, key: str | None = "k") -> int:
    """Return the status of a POST of a contact, as the gateway calls the function."""
    return send("/contacts", json.dumps(given(number).model_dump(exclude_unset=True)), key)


def get(path: str) -> int:
    """Return the status of a GET."""
    return send(path, "", None, method="GET")


def send(path: str, body: str, key: str | None, method: str = "POST") -> int:
    """Return the status of a call, as the gateway calls the function."""
    event = {
        "httpMethod": method,
        "path": path,
        "headers": {"Idempotency-Key": key} if key else {},
        "body": body,
        "requestContext": {
            "requestId": "r",
            "stage": "v1",
            "authorizer": {
                "tenant_id": TENANT,
                "caller_kind": ADMIN.kind,
                "caller_id": ADMIN.id,
                "role": ADMIN.role,
                "permissions": "",
            },
        },
    }
    function = {"/me": account_function, "/contacts": contacts_function}.get(path, bulk_function)
    return int(function(event, None)["statusCode"])


def spread(world: World, events: int = 1) -> None:
    notices = [from_message(to_message(TENANT, event_from_item(item))) for item in world.events[:events]]
    assert fan_out().create_deliveries(notices) == [1] * events


def purge() -> object:
    long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
    return Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()


def event_id(world: World) -> str:
    return str(world.events[0]["SK"]["S"]).removeprefix("EVENT#")


def attempt(world: World) -> object:
    return sending().attempt(DeliveryRequest(TENANT, world.webhook.id, event_id(world), 1))


def succeed(world: World) -> object:
    answer = ReceiverResponse(204, b"", None)
    with mock.patch("shared.publishing.sender.post", return_value=answer):
        return attempt(world)


class Calls:
    """The calls of one caller to one process, and to a second process, which knows nothing of the first."""

    def __init__(self) -> None:
        self._clock, self._step = 0.0, 0.0
        self._limits = RateLimits(BucketTable(store()), report=pytest.fail, clock=self._time)
        self._other = RateLimits(BucketTable(store()), report=pytest.fail, clock=self._time)

    def _time(self) -> float:
        self._clock += self._step
        return 1_800_000_000 + self._clock

    def seldom(self) -> None:
        self._step = 10.0
        assert self._limits.admit(ADMIN, RateLimit()).refusal is None

    def forty_a_second(self, count: int) -> None:
        self._step = 1 / 40
        for _ in range(count):
            assert self._limits.admit(ADMIN, RateLimit()).refusal is None

    def use_up(self) -> None:
        while self._limits.admit(ADMIN, RateLimit(1, 4)).refusal is None:
            pass

    def refused(self) -> None:
        assert self._limits.admit(ADMIN, RateLimit(1, 4)).refusal is not None

    def refused_elsewhere(self) -> None:
        assert self._other.admit(ADMIN, RateLimit(1, 4)).refusal is not None

    def knock(self) -> None:
        self._clock += 1.9
        for _ in range(4):  # half as many again as the limit lets through in two seconds
            self.refused()


class Bulk:
    """Bulk calls of many contacts, and a job for all contacts."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.job = ""

    def create(self) -> None:
        outcomes = bulk_contacts(ADMIN).create_many([given(1000 + number) for number in range(500)])
        self.ids = [one.contact_id for one in outcomes if one.contact_id and one.refusal is None]
        assert len(self.ids) == 500

    def update(self) -> None:
        contacts = bulk_contacts(ADMIN)
        contacts.update_many(self.ids, contacts.prepare_change(BulkChangeInput(add_tags=["vip"])))

    def move(self) -> None:
        contacts = bulk_contacts(ADMIN)
        change = contacts.prepare_change(BulkChangeInput(relationship_status="qualified_lead"))
        assert all(one.refusal is None for one in contacts.update_many(self.ids, change))

    def update_under_a_key(self) -> None:
        body = json.dumps({"contact_ids": self.ids, "add_tags": ["vip"]})
        assert send("/contacts/bulk-update", body, "k") == 207

    def delete(self) -> None:
        bulk_contacts(ADMIN).delete_many(self.ids)

    def begin(self) -> None:
        with mock.patch("shared.services.contacts.matching.MAX_TOGETHER", 10):
            job = matching_contacts(ADMIN).update(
                ContactFilter(owner_id=ADMIN.id), BulkChangeInput(add_tags=["vip"])
            )
        assert isinstance(job, BulkJob)
        self.job = job.id

    def carry_out(self) -> None:
        work = bulk_work(may_look_on=lambda: True, has_time=lambda: True)
        done = work.run(BulkTask(TENANT, self.job, 1))
        assert done is not None and done.run is not None and done.run.succeeded == 30


class Exporting:
    """An export of an owner's contacts, of which there are 30."""

    def ask(self, *, dry_run: bool = False) -> None:
        given = ExportInput(format="jsonl", dry_run=dry_run)
        export = export_service(ADMIN).create(given, ContactFilter(owner_id=ADMIN.id))
        if isinstance(export, Export):
            self.export = export.id

    def make(self) -> None:
        done = export_work(may_go_on=lambda: True, has_time=lambda: True).run(
            ExportTask(TENANT, self.export, 1)
        )
        assert done is not None and done.run is not None
        assert (done.run.rows, done.run.state) == (30, "completed")


class Upload:
    """An import that is created first, and whose file is uploaded to the address in the answer."""

    def __init__(self, stack: Stack) -> None:
        self._bucket = stack.environment["DROP_BUCKET"]
        self._s3 = stack.client("s3")

    def ask(self) -> None:
        made = import_uploads(ADMIN).create(ImportInput(file_name="people.csv"))
        self._s3.put_object(Bucket=self._bucket, Key=made.upload.fields["key"], Body=b"email\n")
        self._import_id = made.id

    def start(self) -> None:
        import_uploads(ADMIN).start(self._import_id, StartInput())

    def cancel(self) -> None:
        import_cancelling(ADMIN).cancel(self._import_id)


ACCOUNT_OF_ADA = ("ada@example.com", "Difference-Engine-1822")


def register() -> None:
    email, password = ACCOUNT_OF_ADA
    given = RegistrationInput(username="ada.lovelace", email=email, password=password)
    with inferring_tenant("U#", "N#"):
        registration_service().register(given)


def sign_in() -> None:
    with inferring_tenant("U#"):
        sign_in_service().with_password(*ACCOUNT_OF_ADA, "198.51.100.7")


def sign_in_by_username() -> None:
    with inferring_tenant("U#", "N#"):
        sign_in_service().with_password("ada.lovelace", ACCOUNT_OF_ADA[1], "198.51.100.7")


class RowQueue:
    """The steps of an import, one at a time."""

    def __init__(self, stack: Stack) -> None:
        self._urls = {name: stack.queue_url(f"Import{name}Queue") for name in ("Rows", "Files")}
        body = "email\n" + "".join(f"row{n}@example.com\n" for n in range(200))
        key = f"tenants/{TENANT}/inbox/people.csv"
        bucket = stack.environment["DROP_BUCKET"]
        put = stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
        self._key, self._etag = key, put["ETag"].strip('"')
        made = import_uploads(ADMIN).create(ImportInput(file_name="people.csv"))
        stack.client("s3").put_object(Bucket=bucket, Key=made.upload.fields["key"], Body=body.encode())
        self.upload_id = made.id
        self.failed_id = self._make_failed(stack, bucket)

    def _make_failed(self, stack: Stack, bucket: str) -> str:
        """Write an import whose only row failed. Returns its id."""
        import_id, at = new_id(), timestamps.now()
        key = f"tenants/{TENANT}/results/{import_id}/r1/people.csv.results.csv"
        stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b"email")
        run = ImportRun(
            id=import_id,
            tenant_id=TENANT,
            object_key=key,
            etag="x",
            size=1,
            file_name="people.csv",
            started_at=at,
            updated_at=at,
            state="completed",
            attempt="r1",
            rows_total=1,
            tally=Tally(failed=1),
            results_key=key,
        )
        store().put(run_to_item(run))
        return import_id

    def begin(self) -> None:
        run = import_runs().import_object(self._key, self._etag)
        assert run is not None
        self.import_id = run.id

    def write(self) -> None:
        import_chunks().run(self._task("Rows"))

    def finish(self) -> None:
        import_runs().finish(self._task("Files"))

    def take_back(self) -> None:
        import_undo_chunks().run(self._task("Rows"))

    def end_undo(self) -> None:
        import_undo().finish(self._task("Files"))

    def ask(self) -> None:
        import_previews(ADMIN).begin(self.upload_id, PreviewInput())

    def split(self) -> None:
        preview_runs().split(self._task("Files"))

    def plan(self) -> None:
        preview_chunks().run(self._task("Rows"))

    def end_preview(self) -> None:
        preview_runs().finish(self._task("Files"))

    def _task(self, queue: str) -> ImportTask:
        return from_message_of_import(receive(self._urls[queue], 1)[0]["Body"])


_SPREAD = ("Fan out an event to one webhook",)
_CUT = ("Begin and cut up an import of 200 rows",)
_WRITTEN = (*_CUT, "Write 200 rows of an import")
_FINISHED = (*_WRITTEN, "Finish an import")
_UNDOING = (*_FINISHED, "Begin to undo an import")
_TAKEN_BACK = (*_UNDOING, "Take back 200 created contacts of an import")
_ASKED = ("Ask for a preview of an import",)
_PLANNED = (*_ASKED, "Cut up a preview of 200 rows", "Plan 200 rows of a preview")
_DELETED = ("Delete a contact",)
_MANY = ("Create 500 contacts",)
_JOB = ("Make a bulk job of 30 contacts",)
_EXPORT = ("Ask for an export",)
_KEYED = ("Create a contact under an Idempotency-Key",)
_REFUSED = ("Use four calls up, and refuse the fifth",)
_RECORDED = ("Record an interaction",)
_SCHEDULED = ("Schedule a follow-up",)
_NOTED = ("Write a note",)
_CHANGED = ("Toggle a contact's status",)
_MERGED = ("Merge a contact into another",)
_MERGED_20 = ("Merge 20 contacts into another",)
_JOB_OF_MERGES = ("Start a merge job",)
_PORTIONS_OF_MERGES = (
    "Find 27 pairs for a merge job",
    "Make groups of 27 pairs for a merge job",
    "Merge 27 groups of a merge job",
)
_FEED = ("Publish 30 events of a tenant",)
BEFORE: dict[str, tuple[str, ...]] = {
    "Poll the feed, nothing new": _FEED,
    "Read 25 entries of the feed": _FEED,
    "Read 25 entries of own contacts of the feed": _FEED,
    "Read an event of the feed": _FEED,
    "Find where to begin to read the feed": _FEED,
    "Walk the match keys of 70 contacts": ("Project 40 contacts of an import",),
    "Sign in": ("Register a tenant",),
    "Sign in by username": ("Register a tenant", "Sign in"),
    "List a contact's consents": ("Give a consent",),
    "List the statuses of a contact": ("Change a contact's status",),
    "List a contact's interactions": _RECORDED,
    "List a contact's interactions, bookings among them": (*_RECORDED, "Booking of a known contact"),
    "List a contact's timeline": (*_CHANGED, *_RECORDED),
    "List a contact's timeline, with entries of all kinds": (
        *(*_CHANGED, *_RECORDED, "Give a consent", "Booking of a known contact", "Write a note"),
        "Change a contact's status",
    ),
    "List the timeline of a contact with a merged one": (*_CHANGED, *_RECORDED, *_MERGED),
    "List the timeline of a contact with 20 merged ones": (*_CHANGED, *_RECORDED, *_MERGED_20),
    "List the interactions of a contact with 20 merged ones": (*_RECORDED, *_MERGED_20),
    "List the history of a contact with 20 merged ones": _MERGED_20,
    "Read an interaction of a merged contact": _RECORDED,
    "Change an interaction of a merged contact": _RECORDED,
    "Delete the last interaction of a merged contact": _RECORDED,
    "List a contact's notes on its timeline": _NOTED,
    "List a contact's history": _CHANGED,
    "Read the version before the last": _CHANGED,
    "Read the version ten changes back": _CHANGED * 10,
    "Revert a contact": _CHANGED,
    "Read an interaction": _RECORDED,
    "Record an interaction under a tag rule": ("Change the tag rules", *_RECORDED, *_RECORDED),
    "Change an interaction": _RECORDED,
    "Move a contact's last interaction": (*_RECORDED, *_RECORDED),
    "Delete an interaction": _RECORDED,
    "Move an interaction's follow-up": ("Record an interaction with a follow-up",),
    "List a contact's follow-ups": _SCHEDULED,
    "Read a follow-up": _SCHEDULED,
    "Change a follow-up": _SCHEDULED,
    "Complete a follow-up": _SCHEDULED,
    "Complete a follow-up with an interaction": _SCHEDULED,
    "Cancel a follow-up": _SCHEDULED,
    "List a contact's notes": _NOTED,
    "Search a contact's notes": _NOTED,
    "Read a note": _NOTED,
    "Change a note": _NOTED,
    "Pin a note": _NOTED,
    "Delete a note": _NOTED,
    "Process a note": _NOTED,
    "Restore a contact": _DELETED,
    "Undo a merge": _MERGED,
    "List merges": _MERGED,
    "List merge jobs": _JOB_OF_MERGES,
    "Read a merge job": _JOB_OF_MERGES,
    "List what a merge job did": (*_JOB_OF_MERGES, *_PORTIONS_OF_MERGES),
    "Cancel a merge job": _JOB_OF_MERGES,
    "Find 27 pairs for a merge job": _JOB_OF_MERGES,
    "Make groups of 27 pairs for a merge job": (*_JOB_OF_MERGES, *_PORTIONS_OF_MERGES[:1]),
    "Merge 27 groups of a merge job": (*_JOB_OF_MERGES, *_PORTIONS_OF_MERGES[:2]),
    "Start the undo of a merge job": (*_JOB_OF_MERGES, *_PORTIONS_OF_MERGES),
    "Undo 27 merges of a merge job": (
        *_JOB_OF_MERGES,
        *_PORTIONS_OF_MERGES,
        "Start the undo of a merge job",
    ),
    "Read a merge": _MERGED,
    "Read a merged contact": _MERGED,
    "Create a contact whose e-mail a merged contact has": _MERGED,
    "Change the e-mail of a contact with a merged one": _MERGED,
    "Delete a contact with a merged one": _MERGED,
    "Repeat a creation under its Idempotency-Key": _KEYED,
    "Purge a contact": _DELETED,
    "Attempt of a delivery": _SPREAD,
    "Attempt of a delivery that succeeds": _SPREAD,
    "Attempt of a delivery with its contact": _SPREAD,
    "Read a delivery": _SPREAD,
    "Start a recovery of a webhook": _FEED,
    "List recoveries": (*_FEED, "Start a recovery of a webhook"),
    "Read a recovery": (*_FEED, "Start a recovery of a webhook"),
    "Cancel a recovery": (*_FEED, "Start a recovery of a webhook"),
    "Recover 30 events that a webhook lacks": (*_FEED, "Start a recovery of a webhook"),
    "Send an event again": _SPREAD,
    "Write 200 rows of an import": _CUT,
    "Finish an import": _WRITTEN,
    "Update 500 contacts": _MANY,
    "Change the status of 500 contacts": _MANY,
    "Update 500 contacts under an Idempotency-Key": _MANY,
    "Delete 500 contacts": _MANY,
    "Carry out a bulk job's portion of 30 contacts": _JOB,
    "Make an export of 30 contacts": _EXPORT,
    "List exports": _EXPORT,
    "Read an export": _EXPORT,
    "Cancel an export": _EXPORT,
    "List bulk jobs": _JOB,
    "Read a bulk job": _JOB,
    "Cancel a bulk job": _JOB,
    "Start an import": ("Ask for an import",),
    "Cut up a preview of 200 rows": _ASKED,
    "Plan 200 rows of a preview": (*_ASKED, "Cut up a preview of 200 rows"),
    "Finish a preview": _PLANNED,
    "Read the preview of an import of 200 rows": (*_PLANNED, "Finish a preview"),
    "Cancel an import": ("Ask for an import", "Start an import"),
    "List imports": _FINISHED,
    "Read an import": _FINISHED,
    "Read an import's results": _FINISHED,
    "Begin to undo an import": _FINISHED,
    "Take back 200 created contacts of an import": _UNDOING,
    "End an undo": _TAKEN_BACK,
    "Read the undo of an import": (*_TAKEN_BACK, "End an undo"),
    "Count 500 calls of a caller, 40 a second": ("Count a call of a caller who calls seldom",),
    "Refuse a caller's call while a refusal holds": _REFUSED,
    "Refuse it in a process that does not know yet": _REFUSED,
    "Refuse it late in the wait, for the fourth time: the next one is lengthened": _REFUSED,
}
"""The operations that must run before an operation is measured."""

OPERATIONS: dict[str, Callable[[World], object]] = {
    "Create a contact": lambda world: world.contacts.create(given(100)),
    "Create a contact with two other e-mails": lambda world: world.contacts.create(
        given(100, other_emails=["a@example.com", "b@example.com"])
    ),
    "Create a contact whose e-mail another has": lambda world: _refused(world),
    "Create a contact under an Idempotency-Key": lambda world: post(100),
    "Repeat a creation under its Idempotency-Key": lambda world: post(100),
    "Refuse a creation under an Idempotency-Key, the e-mail being another's": lambda world: post(0),
    "Register a tenant": lambda _: register(),
    "Sign in": lambda _: sign_in(),
    "Sign in by username": lambda _: sign_in_by_username(),
    "Read a contact": lambda world: contact_reading(ADMIN).read(world.first.id),
    "List 25 contacts": lambda world: world.lists.list(ContactFilter(), sort=None, limit=25, cursor=None),
    "List 25 contacts by name": lambda world: world.lists.list(
        ContactFilter(), sort="name", limit=25, cursor=None
    ),
    "List 25 contacts from row 976 on": lambda world: world.lists.list(
        ContactFilter(), sort=None, limit=25, skip=975, cursor=None
    ),
    "List 25 contacts by name from row 976 on": lambda world: world.lists.list(
        ContactFilter(), sort="name", limit=25, skip=975, cursor=None
    ),
    "List 25 contacts of an owner": lambda world: world.lists.list(
        ContactFilter(owner_id="u1"), sort=None, limit=25, cursor=None
    ),
    "Search, 25 found": lambda world: world.lists.list(
        ContactFilter(search="love"), sort=None, limit=25, cursor=None
    ),
    "Search with two words, none found": lambda world: world.lists.list(
        ContactFilter(search="ada nobody"), sort=None, limit=25, cursor=None
    ),
    "Find by e-mail in the list": lambda world: world.lists.list(
        ContactFilter(email="ada0@example.com"), sort=None, limit=25, cursor=None
    ),
    "Statistics": lambda world: statistics(world),
    "Change a contact": lambda world: world.contacts.patch(
        world.first.id, ContactPatch(last_name="King"), None
    ),
    "Change a contact's e-mail": lambda world: world.contacts.patch(
        world.first.id, ContactPatch(email="new@example.com"), None
    ),
    "Toggle a contact's status": lambda world: world.contacts.toggle_active(world.first.id, None),
    "Create a contact with a status": lambda world: world.contacts.create(
        given(100, relationship_status="opportunity")
    ),
    "Change a contact's status": lambda world: contact_statuses(ADMIN).change(
        world.first.id, StatusInput(relationship_status="qualified_lead"), None
    ),
    "List the statuses of a contact": lambda world: contact_statuses(ADMIN).list(
        world.first.id, limit=25, cursor=None
    ),
    "Give a consent": lambda world: world.contacts.consent(
        world.first.id, ConsentInput(channel="email", opted_out=True, source="a call"), None
    ),
    "List a contact's consents": lambda world: contact_history(ADMIN).consents(
        world.first.id, limit=25, cursor=None
    ),
    "List a contact's timeline": lambda world: world.list_timeline(KINDS),
    "List a contact's timeline, with entries of all kinds": lambda world: world.list_timeline(KINDS),
    "List the timeline of a contact with a merged one": lambda world: world.list_timeline(KINDS),
    "List the timeline of a contact with 20 merged ones": lambda world: world.list_timeline(KINDS),
    "List the interactions of a contact with 20 merged ones": lambda world: interaction_lists(
        ADMIN
    ).of_contact(world.first.id, InteractionFilter(), limit=25, cursor=None),
    "List the history of a contact with 20 merged ones": lambda world: contact_changes(ADMIN).list_changes(
        world.first.id, limit=25, cursor=None
    ),
    "Read an interaction of a merged contact": lambda world: interaction_service(ADMIN).read(
        world.made[1].id, world.recorded[0]
    ),
    "Change an interaction of a merged contact": lambda world: interaction_service(ADMIN).change(
        world.made[1].id, world.recorded[0], InteractionPatch(outcome="reached"), None
    ),
    "Delete the last interaction of a merged contact": lambda world: interaction_service(ADMIN).delete(
        world.made[1].id, world.recorded[0], None
    ),
    "List a contact's notes on its timeline": lambda world: world.list_timeline(("note",)),
    "List a contact's history": lambda world: contact_changes(ADMIN).list_changes(
        world.first.id, limit=25, cursor=None
    ),
    "Read the version before the last": lambda world: contact_changes(ADMIN).read_version(world.first.id, 1),
    "Read the version ten changes back": lambda world: contact_changes(ADMIN).read_version(world.first.id, 1),
    "Merge a contact into another": lambda world: world.merge(1),
    "Merge 20 contacts into another": lambda world: world.merge(20),
    "Show what a merge would do": lambda world: world.merge(1, dry_run=True),
    "List 25 suggestions of duplicates": lambda _: suggestions(ADMIN).list_pairs(
        min_score=70, limit=25, cursor=None
    ),
    "List the suggestions of a contact": lambda world: suggestions(ADMIN).list_pairs_of(
        world.paired[0].id, min_score=70, limit=25, cursor=None
    ),
    "Create a contact, and look for suggestions": lambda _: create_and_compare(
        ADMIN, None, ContactInput(first_name="Grace", email="grace0+new@example.com"), Budget()
    ),
    "Dismiss a suggestion": lambda world: dismissing(ADMIN).dismiss(
        DismissalInput(contact_ids=[one.id for one in world.paired[:2]])
    ),
    "Start a merge job": lambda world: world.merge_suggested(),
    "List merge jobs": lambda _: merge_job_service(ADMIN).list(limit=25, cursor=None),
    "Read a merge job": lambda world: merge_job_service(ADMIN).read(world.merge_job_id),
    "List what a merge job did": lambda world: merge_job_service(ADMIN).list_groups(
        world.merge_job_id, limit=25, cursor=None
    ),
    "Cancel a merge job": lambda world: merge_job_service(ADMIN).cancel(world.merge_job_id),
    "Find 27 pairs for a merge job": lambda world: world.work_on_merges(),
    "Make groups of 27 pairs for a merge job": lambda world: world.work_on_merges(),
    "Merge 27 groups of a merge job": lambda world: world.work_on_merges(),
    "Start the undo of a merge job": lambda world: world.undo_merge_job(),
    "Undo 27 merges of a merge job": lambda world: world.work_on_merges(),
    "Undo a merge": lambda world: merging(ADMIN).undo(world.merged[-1]),
    "List merges": lambda world: merge_reading(ADMIN).list(MergeFilter(), limit=25, cursor=None),
    "Read a merged contact": lambda world: _read_merged(world.made[1].id),
    "Read a merge": lambda world: merge_reading(ADMIN).read(world.merged[-1]),
    "Create a contact whose e-mail a merged contact has": lambda world: _refused(world, 1),
    "Change the e-mail of a contact with a merged one": lambda world: world.contacts.patch(
        world.first.id, ContactPatch(email="new@example.com"), None
    ),
    "Delete a contact with a merged one": lambda world: world.contacts.delete(world.first.id, None),
    "Revert a contact": lambda world: contact_revert(ADMIN).revert(world.first.id, 1, None),
    "Delete a contact": lambda world: world.contacts.delete(world.first.id, None),
    "Restore a contact": lambda world: world.contacts.restore(world.first.id, None),
    "Create a contact with a tag": lambda world: world.contacts.create(given(100, tags=["vip"])),
    "Create a contact with a new tag": lambda world: world.contacts.create(given(100, tags=["new"])),
    "Join a group": lambda world: world.contacts.join(world.first.id, world.group.id, None),
    "List labels": lambda world: label_service(ADMIN, Tag).list(prefix="v", limit=25, cursor=None),
    "Make a label": lambda world: label_service(ADMIN, Tag).create({"name": "new"}),
    "Read a label": lambda world: label_service(ADMIN, Tag).read(world.tag.id),
    "Rename a label": lambda world: label_service(ADMIN, Tag).change(world.tag.id, {"name": "gold"}, None),
    "Delete a label": lambda world: label_service(ADMIN, Tag).delete(world.tag.id, None),
    "Read all labels after a change": lambda world: (
        reset_wiring(),
        contact_reading(ADMIN).read(world.first.id),
    ),
    "Find contacts to purge, none found": lambda world: purge(),
    "Purge a contact": lambda world: purge(),
    "Create 500 contacts": lambda world: world.bulk.create(),
    "Update 500 contacts": lambda world: world.bulk.update(),
    "Change the status of 500 contacts": lambda world: world.bulk.move(),
    "Update 500 contacts under an Idempotency-Key": lambda world: world.bulk.update_under_a_key(),
    "Delete 500 contacts": lambda world: world.bulk.delete(),
    "Make a bulk job of 30 contacts": lambda world: world.bulk.begin(),
    "Carry out a bulk job's portion of 30 contacts": lambda world: world.bulk.carry_out(),
    "Find stalled bulk jobs, none found": lambda world: bulk_watch(lambda: True).look(),
    "Show what an export would have": lambda world: world.exports.ask(dry_run=True),
    "Ask for an export": lambda world: world.exports.ask(),
    "Make an export of 30 contacts": lambda world: world.exports.make(),
    "Find stalled exports, none found": lambda world: export_watch(lambda: True).look(),
    "List exports": lambda world: export_service(ADMIN).list(limit=25, cursor=None),
    "Read an export": lambda world: export_service(ADMIN).read(world.exports.export),
    "Cancel an export": lambda world: export_service(ADMIN).cancel(world.exports.export),
    "List bulk jobs": lambda world: bulk_job_service(ADMIN).list(limit=25, cursor=None),
    "Read a bulk job": lambda world: bulk_job_service(ADMIN).read(world.bulk.job),
    "Cancel a bulk job": lambda world: bulk_job_service(ADMIN).cancel(world.bulk.job),
    "Record an interaction": lambda world: world.record(),
    "Change the tag rules": lambda world: settings_service(ADMIN).change(
        SettingsPatch.model_validate({"tag_rules": [{"on": {"interaction": "call"}, "add": ["called"]}]}),
        None,
    ),
    "Record an interaction under a tag rule": lambda world: world.record_under_rule(),
    "List a contact's interactions": lambda world: interaction_lists(ADMIN).of_contact(
        world.first.id, InteractionFilter(), limit=25, cursor=None
    ),
    "List a contact's interactions, bookings among them": lambda world: interaction_lists(ADMIN).of_contact(
        world.first.id, InteractionFilter(), limit=25, cursor=None
    ),
    "List 25 interactions of all contacts": lambda world: tenant_interactions(ADMIN).list(
        InteractionFilter(), limit=25, cursor=None
    ),
    "List the interactions of a rare type, two found": lambda world: tenant_interactions(ADMIN).list(
        InteractionFilter(type="quote"), limit=25, cursor=None
    ),
    "Read an interaction": lambda world: interaction_service(ADMIN).read(world.first.id, world.recorded[0]),
    "Change an interaction": lambda world: world.change_interaction(outcome="signed"),
    "Move a contact's last interaction": lambda world: world.change_interaction(
        occurred_at="2026-05-01T09:30:00Z"
    ),
    "Delete an interaction": lambda world: interaction_service(ADMIN).delete(
        world.first.id, world.recorded[0], None
    ),
    "Record an interaction with a follow-up": lambda world: world.record_with_follow_up(),
    "Move an interaction's follow-up": lambda world: world.change_interaction(
        scheduled_follow_up="2031-05-05T09:30:00Z"
    ),
    "Schedule a follow-up": lambda world: world.schedule(),
    "List a contact's follow-ups": lambda world: follow_up_lists(ADMIN).of_contact(
        world.first.id, FollowUpFilter(), limit=25, cursor=None
    ),
    "Read a follow-up": lambda world: follow_up_service(ADMIN).read(world.follow_up),
    "Change a follow-up": lambda world: follow_up_service(ADMIN).change(
        world.follow_up, FollowUpPatch(title="write"), None
    ),
    "Complete a follow-up": lambda world: world.complete(),
    "Complete a follow-up with an interaction": lambda world: world.complete(
        interaction=InteractionInput(type="call", description="a call", occurred_at="2026-05-04T09:30:00Z")
    ),
    "Cancel a follow-up": lambda world: follow_up_service(ADMIN).cancel(world.follow_up, None),
    "Write a note": lambda world: world.write_note(),
    "List a contact's notes": lambda world: world.list_notes(),
    "Search a contact's notes": lambda world: world.list_notes("off"),
    "Read a note": lambda world: note_service(ADMIN).read(world.first.id, world.noted[0]),
    "Change a note": lambda world: world.change_note(text="Another offer."),
    "Pin a note": lambda world: world.change_note(is_pinned=True),
    "Delete a note": lambda world: note_service(ADMIN).delete(world.first.id, world.noted[0], None),
    "Process a note": lambda world: world.process_note(),
    "List 25 open follow-ups of all contacts": lambda world: tenant_follow_ups(ADMIN).list(
        FollowUpFilter(), limit=25, cursor=None
    ),
    "List 25 open follow-ups of an assignee": lambda world: tenant_follow_ups(ADMIN).list(
        FollowUpFilter(assignee_id=ADMIN.id), limit=25, cursor=None
    ),
    "Find due entries of timelines, none found": lambda _: due_timelines(lambda: True).run(),
    "Announce a follow-up that is due": lambda _: due_timelines(lambda: True).run(),
    "Booking of a new person": lambda world: booking_service().process(booking(1, "new@example.com")),
    "Booking of a known contact": lambda world: booking_service().process(booking(1, "ada0@example.com")),
    "Booking moved to a later time": lambda world: booking_service().process(
        booking(0, "ada0@example.com", version=2, kind="BookingRescheduled", day=7)
    ),
    "Booking cancelled": lambda world: booking_service().process(
        booking(0, "ada0@example.com", version=2, kind="BookingCancelled")
    ),
    "Booking moved to another contact": lambda world: booking_service().process(
        booking(0, "ada1@example.com", version=2, kind="BookingRescheduled")
    ),
    "List a contact's bookings": lambda world: booking_lists(ADMIN).of_contact(
        world.first.id, state=None, starts_from=None, starts_to=None, limit=25, cursor=None
    ),
    "List 25 bookings of all contacts": lambda world: tenant_bookings(ADMIN).list(
        BookingFilter(), sort="-starts_at", limit=25, cursor=None
    ),
    "Booking event that was processed before": lambda world: booking_service().process(
        booking(0, "x@example.com")
    ),
    "Project a contact": lambda world: projection().project([world.fresh]),
    "Project a contact that shares no match key": lambda world: projection().project([world.stranger]),
    "Walk the match keys of 70 contacts": lambda _: MatchingPass(
        store(), projection(), now=lambda: timestamps.plus(timestamps.now(), 61)
    ).run(),
    "Project a follow-up": lambda world: projection().project(world.unprojected),
    "Project a booking": lambda world: projection().project(world.unprojected),
    "Project a booking that moved to another time": lambda world: projection().project(world.unprojected),
    "Project an interaction, with its contact": lambda world: projection().project(world.unprojected),
    "Project 30 interactions, with their contacts": lambda world: projection().project(world.unprojected),
    "Project an interaction": lambda world: projection().project(world.unprojected[1:]),
    "Project 40 contacts of an import": lambda world: projection().project(world.imported),
    "Create a contact of a customer": lambda world: world.contacts.create(
        given(100, customer_id=world.crowded.id)
    ),
    "Move a contact to another customer": lambda world: world.contacts.patch(
        world.members[1].id, ContactPatch(customer_id=world.empty.id), None
    ),
    "Move a primary contact to another customer": lambda world: world.contacts.patch(
        world.members[0].id, ContactPatch(customer_id=world.empty.id), None
    ),
    "Delete a primary contact": lambda world: world.contacts.delete(world.members[0].id, None),
    "Set a customer's primary contact": lambda world: world.contacts.set_primary(world.members[1].id, None),
    "Create a customer": lambda world: world.customers.create(account(100)),
    "Read a customer": lambda world: world.customers.read(world.crowded.id),
    "Read a customer with its three contacts": lambda world: world.customers.read(
        world.crowded.id, include_contacts=True
    ),
    "Change a customer": lambda world: world.customers.patch(
        world.crowded.id, CustomerPatch(last_name="Murray"), None
    ),
    "Change a customer's username": lambda world: world.customers.patch(
        world.crowded.id, CustomerPatch(username="new"), None
    ),
    "Delete a customer": lambda world: world.customers.delete(world.empty.id, None),
    "List 25 customers": lambda world: listed(world),
    "List 25 customers with two contacts each": lambda world: listed(world, include_contacts=True),
    "Search customers, 25 found": lambda world: world.customers.list(limit=25, cursor=None, search="grace"),
    "Find a customer by username": lambda world: world.customers.list(
        limit=25, cursor=None, username="Grace0"
    ),
    "List a customer's contacts": lambda world: world.customers.contacts(
        world.crowded.id, limit=25, cursor=None
    ),
    "Project a customer": lambda world: projection().project([world.fresh_customer]),
    "Make an API client": lambda world: world.clients.create(ApiClientInput(name="Shop")),
    "Read an API client": lambda world: world.clients.read(world.client.id),
    "List API clients": lambda world: world.clients.list(limit=25, cursor=None),
    "Change an API client's permissions": lambda world: world.clients.change(
        world.client.id, ApiClientPatch(permissions={"contacts:read": "own"}), None
    ),
    "Rotate an API client's key": lambda world: world.clients.rotate_key(world.client.id, 60, None),
    "Delete an API client": lambda world: world.clients.delete(world.client.id, None),
    "Note that an API client is used": lambda world: client_uses().record(TENANT, world.client.id),
    "Read the caller's rights": lambda world: get("/me"),
    "Read the tenant again": lambda world: (tenant_memory.cache_clear(), find_tenant(TENANT)),
    "Look up the names of 25 contacts' owners and customers": lambda world: show_contacts(
        ADMIN,
        [world.first.model_copy(update={"owner_id": f"owner{n}", "customer_id": f"c{n}"}) for n in range(25)],
    ),
    "Read the settings": lambda world: settings_service(ADMIN).read(),
    "Change the settings": lambda world: settings_service(ADMIN).change(
        SettingsPatch(default_country="GB"), None
    ),
    "Poll the feed, nothing new": lambda world: world.read_feed(ADMIN, after=30),
    "Read 25 entries of the feed": lambda world: world.read_feed(ADMIN, after=0),
    "Read 25 entries of own contacts of the feed": lambda world: world.read_feed(
        Caller(TENANT, "user", ADMIN.id, "user", {"contacts:read": "own"}), after=0
    ),
    "Read an event of the feed": lambda world: feed_reading(ADMIN).read(event_from_item(world.events[7]).id),
    "Find where to begin to read the feed": lambda world: feed_reading(ADMIN).start(),
    "Create a webhook": lambda world: world.webhooks.create(hook()),
    "Read a webhook": lambda world: world.webhooks.read(world.webhook.id),
    "List webhooks": lambda world: world.webhooks.list(limit=25, cursor=None),
    "Replace a webhook's secret": lambda world: world.webhooks.rotate_secret(
        world.webhook.id, SecretRotation(), None
    ),
    "Replace it in a process without the tenant's data key": lambda world: cold_webhooks().rotate_secret(
        world.webhook.id, SecretRotation(), None
    ),
    "Change a webhook": lambda world: world.webhooks.change(
        world.webhook.id, WebhookPatch(events=["contact.*"]), None
    ),
    "Test a webhook": lambda world: world.webhooks.test(world.webhook.id),
    "Delete a webhook": lambda world: world.webhooks.delete(world.webhook.id, None),
    "List a webhook's deliveries": lambda world: delivery_log(ADMIN).list(
        world.webhook.id, DeliveryFilter(), limit=25, cursor=None
    ),
    "Read a delivery": lambda world: delivery_log(ADMIN).read(world.webhook.id, event_id(world)),
    "Start a recovery of a webhook": lambda world: world.recover(),
    "List recoveries": lambda world: recovery_service(ADMIN).list_of(world.webhook.id, limit=25, cursor=None),
    "Read a recovery": lambda world: recovery_service(ADMIN).read_of(world.webhook.id, world.recovery_id),
    "Cancel a recovery": lambda world: recovery_service(ADMIN).cancel_of(world.webhook.id, world.recovery_id),
    "Recover 30 events that a webhook lacks": lambda world: recovery_work(may_go_on=lambda: True).run(
        RecoveryTask(TENANT, world.recovery_id, 1)
    ),
    "Send an event again": lambda world: delivery_log(ADMIN).redeliver(world.webhook.id, event_id(world)),
    "Fan out an event to one webhook": lambda world: spread(world),
    "Fan out ten events to one webhook": lambda world: spread(world, events=10),
    "Fan out an event of one owner to one webhook": lambda world: spread(world),
    "Fan out a change of groups to one webhook": lambda world: spread(world),
    "Attempt of a delivery": lambda world: attempt(world),
    "Attempt of a delivery that succeeds": lambda world: succeed(world),
    "Attempt of a delivery with its contact": lambda world: attempt(world),
    "Begin and cut up an import of 200 rows": lambda world: world.queue.begin(),
    "Write 200 rows of an import": lambda world: world.queue.write(),
    "Finish an import": lambda world: world.queue.finish(),
    "Ask for an import": lambda world: world.upload.ask(),
    "Start an import": lambda world: world.upload.start(),
    "Retry the failed rows of an import": lambda world: import_retries(ADMIN).start(
        world.queue.failed_id, StartInput()
    ),
    "Ask for a preview of an import": lambda world: world.queue.ask(),
    "Cut up a preview of 200 rows": lambda world: world.queue.split(),
    "Plan 200 rows of a preview": lambda world: world.queue.plan(),
    "Finish a preview": lambda world: world.queue.end_preview(),
    "Read the preview of an import of 200 rows": lambda world: import_previews(ADMIN).read(
        world.queue.upload_id
    ),
    "Cancel an import": lambda world: world.upload.cancel(),
    "Give a contact to another user": lambda world: world.contacts.patch(
        world.first.id, ContactPatch(owner_id="u03"), None
    ),
    "List 25 users": lambda world: world.users.list(role=None, is_active=None, limit=25, cursor=None),
    "Read a user": lambda world: world.users.read("u03"),
    "Change a user's name": lambda world: world.users.change("u03", UserPatch(first_name="Ada"), None),
    "Change a user's role": lambda world: world.users.change("u03", UserPatch(role="admin"), None),
    "Remove a user": lambda world: world.users.delete("u03", None),
    "Invite a user": lambda world: invitation_service(ADMIN).create(
        InvitationInput(email="new@example.com", role="user")
    ),
    "List invitations": lambda world: world.invitations.list(limit=25, cursor=None),
    "Read an invitation": lambda world: world.invitations.read(world.invitation.id),
    "Revoke an invitation": lambda world: world.invitations.revoke(world.invitation.id),
    "Give an invitation another token": lambda world: world.invitations.resend(world.invitation.id),
    "Accept an invitation": lambda world: world.accept(),
    "List imports": lambda world: import_service(ADMIN).list(limit=25, cursor=None),
    "Get the template of a file": lambda world: import_service(ADMIN).template(with_examples=True),
    "Read an import": lambda world: import_service(ADMIN).read(world.queue.import_id),
    "Read an import's results": lambda world: import_service(ADMIN).results(world.queue.import_id),
    "Begin to undo an import": lambda world: import_undos(ADMIN).begin(world.queue.import_id),
    "Take back 200 created contacts of an import": lambda world: world.queue.take_back(),
    "End an undo": lambda world: world.queue.end_undo(),
    "Read the undo of an import": lambda world: import_undos(ADMIN).read(world.queue.import_id),
    "Count a call of a caller who calls seldom": lambda world: world.calls.seldom(),
    "Count 500 calls of a caller, 40 a second": lambda world: world.calls.forty_a_second(500),
    "Use four calls up, and refuse the fifth": lambda world: world.calls.use_up(),
    "Refuse a caller's call while a refusal holds": lambda world: world.calls.refused(),
    "Refuse it in a process that does not know yet": lambda world: world.calls.refused_elsewhere(),
    "Refuse it late in the wait, for the fourth time: the next one is lengthened": lambda world: (
        world.calls.knock()
    ),
    "Recount 30 contacts": lambda world: recount(lambda: True).run_for(TENANT),
    "Publish an event": lambda world: publisher().publish(world.events[:1]),
    "Publish the event of a change": lambda world: publisher().publish(
        [world.events[0] | {"follows": {"S": event_keys.id_of(world.events[1])}}]
    ),
    "Publish 30 events of a tenant": lambda world: publisher().publish(world.events[:30]),
}


def statistics(world: World) -> object:
    return world.lists.stats(), interaction_statistics(ADMIN).recent()


def _fill(world: World) -> None:
    """Add a thousand contacts to two lists, as large as the others.

    They are written into moto's memory, since its API takes a millisecond for each.
    """
    table = dynamodb_backends[ACCOUNT][REGION].tables[world.stack.table_name]
    row = {name: value for name, value in world.records[0].items() if name not in ("PK", "SK")}
    for number in range(1_000):
        contact_id = f"{new_id()[:23]}-{number:012x}"
        shown = list_keys.row_of(contact_keys.contact(TENANT, contact_id), list_keys.BY_CREATION)
        table.put_item({**row, **shown, "id": {"S": contact_id}})
        table.put_item(dict(list_keys.place(TENANT, "name", f"lovelace  ada  #{contact_id}")))


def _read_merged(contact_id: str) -> None:
    """Read the survivor of a merged contact as a GET does."""
    with pytest.raises(Merged) as merged:
        contact_reading(ADMIN).read(contact_id)
    contact_reading(ADMIN).read(merged.value.survivor_id)


def _refused(world: World, number: int = 0) -> None:
    with pytest.raises(Duplicate):
        world.contacts.create(given(number))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_costs_what_the_document_says(world: World, operation: str) -> None:
    if "before" in operation:
        booking_service().process(booking(0, "x@example.com"))
    if (operation.startswith("Booking ") and "moved" in operation) or operation == "Booking cancelled":
        booking_service().process(booking(0, "ada0@example.com"))
    if "from row" in operation:
        _fill(world)
    if "customer" in operation or "primary" in operation:
        world.settle_customers()
    if "user" in operation or "nvit" in operation:
        world.settle_users()
    if "interactions of a" in operation or (operation.startswith("Project") and "interaction" in operation):
        world.settle_interactions(unprojected=30 if "30" in operation else 1)
    if "bookings of all" in operation or operation.startswith("Project a booking"):
        world.settle_bookings()
    if operation == "Project a booking that moved to another time":
        world.move_booking()
    if operation.startswith("List 25 open follow-ups") or operation == "Project a follow-up":
        world.schedule_many()
    if operation == "Announce a follow-up that is due":
        world.schedule(due_at="2026-05-04T09:30:00Z")
    if "change of groups" in operation:
        world.want(events=["group.member_added"])
        world.join_group()
    if "of one owner to" in operation:
        world.want(filter={"owner_id": ADMIN.id})
    if "with its contact" in operation:
        world.want(include="full")
    if "suggestion" in operation or "merge job" in operation:
        world.settle_pairs()
    for earlier in BEFORE.get(operation, ()):
        OPERATIONS[earlier](world)
    if operation.endswith("interaction of a merged contact"):
        world.merge_first()
    with meter() as measured:
        OPERATIONS[operation](world)
    assert (measured.calls, measured.read, measured.write) == stated()[operation]


def test_a_merge_costs_the_same_with_one_interaction_and_with_20_000(world: World) -> None:
    costs = []
    for count in (1, 20_000):
        world.fill_timeline(count)
        with meter() as cost:
            world.merge(1)
        costs.append((cost.calls, cost.read, cost.write))
        merging(ADMIN).undo(world.merged[-1])
    assert costs[0] == costs[1]


def test_the_document_states_no_operation_that_is_not_counted() -> None:
    assert set(stated()) == set(OPERATIONS)
