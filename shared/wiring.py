"""Puts the parts together. Everything is made on first use and kept while the process is warm.

Each factory imports what it makes, so that a function loads its own parts alone: imports are most of a cold
start.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import environment as settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import botocore.session

    from shared.domain.callers import Caller
    from shared.domain.contacts.filter import ContactFilter
    from shared.domain.contacts.record import Contact
    from shared.domain.contacts.shown import ContactShown
    from shared.domain.customers.record import Customer
    from shared.domain.ids import Work
    from shared.domain.tenant import Tenant, TenantSettings
    from shared.files.drop_bucket import DropBucket
    from shared.files.queues.bulk import BulkQueue
    from shared.files.queues.imports import ImportQueue
    from shared.files.queues.received import ReceivedMessages
    from shared.identity.mail import Mail
    from shared.identity.other_issuer import OtherIssuer
    from shared.identity.user_pool import UserPool
    from shared.projections.engine import Projection
    from shared.projections.sweeping import SweptProjection
    from shared.publishing.publisher import Publisher
    from shared.publishing.queue import DeliveryQueue
    from shared.services.accounts.acceptance import AcceptanceService
    from shared.services.accounts.api_clients import ApiClientService
    from shared.services.accounts.client_uses import ClientUses
    from shared.services.accounts.handover import Handover
    from shared.services.accounts.invitations import InvitationService
    from shared.services.accounts.onboarding import Onboarding
    from shared.services.accounts.registration import Registration
    from shared.services.accounts.settings import SettingsService
    from shared.services.accounts.sign_in import SignIn
    from shared.services.accounts.users import UserService
    from shared.services.bookings import BookingService
    from shared.services.contacts.bulk import BulkContacts, MatchingContacts
    from shared.services.contacts.lists import ContactLists
    from shared.services.contacts.owners import Owners
    from shared.services.contacts.purge import Purge
    from shared.services.contacts.shown import NameMemory, ShownContacts
    from shared.services.contacts.writing import ContactService
    from shared.services.customers.membership import Membership
    from shared.services.customers.writing import CustomerService
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.services.idempotency import Announce, Claim, KeyedCalls
    from shared.services.imports.chunks import ImportChunks
    from shared.services.imports.imports import ImportService
    from shared.services.imports.runs import ImportRuns
    from shared.services.imports.uploads import ImportUploads
    from shared.services.imports.watch import ImportWatch
    from shared.services.jobs.bulk import BulkJobService, BulkWatch, BulkWork
    from shared.services.labels.labels import AnyLabel, LabelService
    from shared.services.limits.mail_limits import LimitedMail
    from shared.services.limits.rate_limits import RateLimits
    from shared.services.limits.sign_in_gate import OpenGate, SignInGate
    from shared.services.reading_budget import Budget
    from shared.services.webhooks.deliveries import FanOut, Sending
    from shared.services.webhooks.event_sight import EventSight
    from shared.services.webhooks.subscriptions import WebhookService
    from shared.table.accounts.directory import DirectoryTable
    from shared.table.accounts.invitations import InvitationTable
    from shared.table.accounts.users import UserTable
    from shared.table.cursors import Cursors
    from shared.table.events import EventTable
    from shared.table.idempotency import FencedStore
    from shared.table.imports.repository import ImportTable
    from shared.table.jobs.bulk import BulkJobTable
    from shared.table.labels import LabelMemory, LabelTable
    from shared.table.store import Store
    from shared.table.webhooks.due import DueDeliveries
    from shared.table.webhooks.repository import WebhookTable

BULK_SECONDS = 8.0
"""How long a bulk call goes on to begin with further contacts: long before its function's time is over."""

TENANT_SECONDS = 2.0
"""How long a warm process goes by a tenant's record before it reads it again: so long may it go by old settings, and at
most one read of half a unit in that time is what each process and tenant costs."""


@cache
def _session() -> botocore.session.Session:
    # botocore's session and not boto3's: a third less to import, and the same clients (docs/decisions/0003).
    import logging

    import botocore.session

    from shared.table.answers import PlainParserFactory

    # Below WARNING these two write down what goes over the wire, people's data and credentials with it.
    for name in ("botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", PlainParserFactory())
    return session


@cache
def client(service: str, *, quick: bool = False) -> Any:
    """The AWS client of a service, from the environment's region and credentials; a `quick` one tries once and waits
    for a second.
    """
    from botocore.config import Config

    config = Config(
        # Requests are built from our own types, so botocore need not check their shapes again.
        parameter_validation=False,
        # Else botocore puts its own together anew for each call, which takes longer than making the request's items.
        user_agent="contacts",
        retries={"mode": "standard", "total_max_attempts": 1 if quick else 4},
        connect_timeout=1 if quick else 2,
        read_timeout=1 if quick else 10,
        # Addresses signed by version 2, botocore's default for them, cannot open objects encrypted with KMS.
        signature_version="s3v4" if service == "s3" else None,
        # Signed addresses name the region's host: the global one, botocore's default for them, sends callers on to the
        # region, where the signature does not match (boto/boto3#3015). An endpoint of digits keeps its path.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        if service == "s3"
        else None,
    )
    made: Any = _session().create_client(service, config=config)
    if service == "dynamodb":
        # For each request botocore looks all items through for tables named by ARN, of whose accounts the endpoint
        # might then be (a tenth of what a transaction costs). Ours are named by name.
        for parameter in ("ResourceArn", "ResourceArnList"):
            made._ruleset_resolver._param_definitions.pop(parameter)
    return made


@cache
def store() -> Store:
    """The table."""
    from shared.table.store import Store

    return Store(client("dynamodb"), settings.table_name())


@cache
def cursors() -> Cursors:
    """The maker of cursors."""
    from shared.table.cursors import Cursors

    return Cursors(settings.cursor_key())


@cache
def directory() -> DirectoryTable:
    """The authorizer's look-ups."""
    from shared.table.accounts.directory import DirectoryTable

    return DirectoryTable(store())


@cache
def user_pool() -> UserPool | None:
    """The pool of those who sign in with a password; None where they sign in with another issuer."""
    from shared.identity.user_pool import UserPool

    ids = settings.user_pool()
    return UserPool(lambda: client("cognito-idp"), *ids) if ids else None


@cache
def _tenants() -> dict[str, tuple[float, Tenant | None]]:
    return {}


def tenant(tenant_id: str) -> Tenant | None:
    """A tenant's record, at most TENANT_SECONDS old, or None."""
    from shared.table.accounts.directory import TenantTable

    known = _tenants()
    entry = known.get(tenant_id)
    if entry is None or entry[0] < time.monotonic():
        if len(known) > 10_000:
            known.clear()
        entry = known[tenant_id] = (time.monotonic() + TENANT_SECONDS, TenantTable(store()).get(tenant_id))
    return entry[1]


def _forget_tenant(tenant_id: str) -> None:
    _tenants().pop(tenant_id, None)


def tenant_settings(tenant_id: str) -> TenantSettings:
    """A tenant's settings; the defaults when it has no record."""
    from shared.domain.tenant import TenantSettings

    found = tenant(tenant_id)
    return found.settings if found else TenantSettings()


def settings_service(caller: Caller) -> SettingsService:
    """The tenant's settings, for one caller."""
    from shared.services.accounts.settings import SettingsService
    from shared.table.accounts.settings import SettingsTable
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return SettingsService(
        caller,
        SettingsTable(store(), tenant_id),
        ContactIndex(store(), tenant_id),
        is_active_user=lambda user_id: _is_active_user(tenant_id, user_id),
        forget=lambda: _forget_tenant(tenant_id),
    )


def _store_for(claim: Claim | None) -> Store:
    """The table, for a call that may have a claim on an Idempotency-Key."""
    if claim is None:
        return store()
    from shared.table.idempotency import ClaimedStore

    return ClaimedStore(client("dynamodb"), settings.table_name(), claim)


def _announcement(claim: Claim | None) -> Announce:
    from shared.services.idempotency import no_key

    return no_key if claim is None else claim.announce


def keyed_calls(caller: Caller) -> KeyedCalls:
    """What keeps the Idempotency-Keys of one caller."""
    from shared.services.idempotency import KeyedCalls
    from shared.table.idempotency import KeyTable

    return KeyedCalls(caller, KeyTable(store()))


@cache
def rate_limits() -> RateLimits | None:
    """What counts the calls of callers; None where limits are switched off."""
    if not settings.rate_limits():
        return None
    from shared.services.limits.rate_limits import RateLimits
    from shared.table.limits import BucketTable

    return RateLimits(BucketTable(store()), report=_uncounted)


def _uncounted() -> None:
    from shared import observability

    observability.warn("calls go uncounted: the table is busy or away")


@cache
def sign_in_gate() -> SignInGate | OpenGate:
    """What counts attempts to sign in."""
    from shared.services.limits.sign_in_gate import OpenGate, SignInGate
    from shared.table.limits import BucketTable

    if not settings.rate_limits():
        return OpenGate()
    return SignInGate(BucketTable(store()), settings.cursor_key())


@cache
def _label_memory() -> LabelMemory:
    from shared.table.labels import LabelMemory

    return LabelMemory()


def label_table(tenant_id: str, claim: Claim | None = None) -> LabelTable:
    """A tenant's tags, types and groups; for a call under an Idempotency-Key with its claim on that."""
    from shared.table.labels import LabelTable

    return LabelTable(_store_for(claim), tenant_id, _label_memory())


def contacts(caller: Caller, claim: Claim | None = None) -> ContactService:
    """The contacts, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.contacts.writing import ContactService
    from shared.table.contacts.repository import ContactTable

    labels = label_table(caller.tenant_id)
    return ContactService(
        caller,
        ContactTable(_store_for(claim), caller.tenant_id, labels),
        lambda: tenant_settings(caller.tenant_id),
        labels,
        cursors(),
        is_active_user=lambda user_id: _is_active_user(caller.tenant_id, user_id),
        membership=lambda: _membership(caller, _store_for(claim), _announcement(claim)),
        announce=_announcement(claim),
    )


def _membership(caller: Caller, through: Store, announce: Announce | None = None) -> Membership:
    from shared.services.customers.membership import Membership
    from shared.services.idempotency import no_key
    from shared.table.customers.membership import MembershipTable

    return Membership(caller, MembershipTable(through, caller.tenant_id), announce or no_key)


def customers(caller: Caller, claim: Claim | None = None, budget: Budget | None = None) -> CustomerService:
    """The customers, for one caller; for a call under an Idempotency-Key with its claim on that. Contacts are read
    within the budget of a request, or one of their own.
    """
    from shared.services.customers.writing import CustomerService
    from shared.table.contacts.repository import ContactTable
    from shared.table.customers.repository import CustomerTable

    table = _store_for(claim)
    return CustomerService(
        caller,
        CustomerTable(table, caller.tenant_id),
        ContactTable(table, caller.tenant_id, label_table(caller.tenant_id)),
        cursors(),
        budget=budget,
        announce=_announcement(claim),
    )


@cache
def _name_memory() -> NameMemory:
    from shared.services.contacts.shown import NameMemory

    return NameMemory()


def _shown_contacts(caller: Caller) -> ShownContacts:
    from shared.services.contacts.shown import ShownContacts
    from shared.table.names import NameTable

    return ShownContacts(caller, NameTable(store(), caller.tenant_id), _name_memory())


def show_contacts(caller: Caller, contacts: Sequence[Contact]) -> Sequence[ContactShown]:
    """Contacts as a caller is shown them."""
    return _shown_contacts(caller).show(contacts)


def show_customers(caller: Caller, customers: Sequence[Customer]) -> Sequence[Customer]:
    """Customers as a caller is shown them."""
    return _shown_contacts(caller).show_of_customers(customers)


def contact_lists(caller: Caller, budget: Budget | None = None) -> ContactLists:
    """The lists of contacts, for one caller; within the budget of a request, or one of their own."""
    from shared.services.contacts.lists import ContactLists
    from shared.services.reading_budget import Budget
    from shared.table.contacts.index import ContactIndex
    from shared.table.contacts.repository import ContactTable

    tenant_id = caller.tenant_id
    budget = budget or Budget()
    return ContactLists(
        caller,
        ContactIndex(store(), tenant_id, budget),
        ContactTable(store(), tenant_id),
        label_table(tenant_id),
        cursors(),
        budget,
    )


def contact_filter(tenant_id: str, given: Mapping[str, Any]) -> ContactFilter:
    """The filter of conditions as a caller gave them, under a tenant's settings and with its labels."""
    from shared.domain.contacts.filter import ContactFilter
    from shared.domain.labels.record import NO_LABELS

    names_labels = any(given.get(name) for name in ("tags", "type", "group"))
    labels = label_table(tenant_id).current() if names_labels else NO_LABELS
    return ContactFilter.of(given, tenant_settings(tenant_id), labels)


def labels(caller: Caller, kind: type[AnyLabel], claim: Claim | None = None) -> LabelService[AnyLabel]:
    """The tags, types or groups, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.labels.labels import LabelService
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return LabelService(
        caller,
        kind,
        label_table(tenant_id, claim),
        ContactIndex(store(), tenant_id),
        cursors(),
        announce=_announcement(claim),
    )


def groups(caller: Caller, claim: Claim | None = None) -> GroupService:
    """The groups, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.groups.groups import GroupService
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return GroupService(
        caller,
        label_table(tenant_id, claim),
        ContactIndex(store(), tenant_id),
        cursors(),
        lambda: tenant_settings(tenant_id),
        announce=_announcement(claim),
    )


def group_creation(caller: Caller, claim: Claim | None = None) -> GroupCreation:
    """Groups that are made with contacts in them, for one caller; with the caller's claim as above."""
    from shared.domain.ids import Work, new_id
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.table.contacts.index import ContactIndex
    from shared.table.labels import LabelTable

    tenant_id = caller.tenant_id
    through = store() if claim is None else _fenced_store(claim)
    work = Work(new_id()) if claim is None else claim.work
    has_time = _for(BULK_SECONDS)
    groups = GroupService(
        caller,
        LabelTable(through, tenant_id, _label_memory()),
        ContactIndex(store(), tenant_id),
        cursors(),
        lambda: tenant_settings(tenant_id),
    )
    contacts = _bulk_contacts(caller, through, work, resumable=claim is not None, has_time=has_time)
    return GroupCreation(caller, groups, contacts, work)


def bulk_contacts(caller: Caller, claim: Claim | None = None) -> BulkContacts:
    """Many contacts, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.domain.ids import Work, new_id

    has_time = _for(BULK_SECONDS)
    if claim is None:
        return _bulk_contacts(caller, store(), Work(new_id()), resumable=False, has_time=has_time)
    return _bulk_contacts(caller, _fenced_store(claim), claim.work, resumable=True, has_time=has_time)


def _bulk_contacts(
    caller: Caller, through: Store, work: Work, *, resumable: bool, has_time: Callable[[], bool]
) -> BulkContacts:
    from shared.services.contacts.bulk import BulkContacts
    from shared.table.contacts.repository import ContactTable

    labels = label_table(caller.tenant_id)
    return BulkContacts(
        caller,
        ContactTable(through, caller.tenant_id, labels),
        lambda: tenant_settings(caller.tenant_id),
        labels,
        cursors(),
        is_active_user=lambda user_id: _is_active_user(caller.tenant_id, user_id),
        membership=lambda: _membership(caller, through),
        work=work,
        resumable=resumable,
        has_time=has_time,
    )


def _fenced_store(claim: Claim) -> FencedStore:
    """The table, for a call under an Idempotency-Key that commits many times."""
    from shared.table.idempotency import FencedStore

    return FencedStore(client("dynamodb"), settings.table_name(), claim)


def _for(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until


def matching_contacts(
    caller: Caller, claim: Claim | None = None, budget: Budget | None = None
) -> MatchingContacts:
    """All contacts that match a filter, for one caller; with their claim as above, found within a request's budget."""
    from shared.services.contacts.bulk import MatchingContacts
    from shared.table.idempotency import FoundTable

    def once(find: Callable[[], list[str]]) -> list[str]:
        if claim is None:
            return find()
        return FoundTable(_fenced_store(claim), claim).once(find)

    return MatchingContacts(
        caller,
        bulk_contacts(caller, claim),
        contact_lists(caller, budget),
        _bulk_job_table(caller.tenant_id, claim),
        bulk_queue(),
        once=once,
        announce=_announcement(claim),
    )


def _bulk_job_table(tenant_id: str, claim: Claim | None = None) -> BulkJobTable:
    from shared.table.jobs.bulk import BulkJobTable

    return BulkJobTable(_store_for(claim), tenant_id)


def received_messages(queue_url: str) -> ReceivedMessages:
    """The messages that were received from a queue."""
    from shared.files.queues.received import ReceivedMessages

    return ReceivedMessages(lambda: client("sqs"), queue_url)


@cache
def bulk_queue() -> BulkQueue:
    """The queue of work on bulk jobs."""
    from shared.files.queues.bulk import BulkQueue

    return BulkQueue(lambda: client("sqs"), settings.bulk_queue_url())


def bulk_jobs(caller: Caller, claim: Claim | None = None, budget: Budget | None = None) -> BulkJobService:
    """The bulk jobs, for one caller; for a call under an Idempotency-Key with its claim on that. They are listed within
    the budget of a request, or one of their own.
    """
    from shared.services.jobs.bulk import BulkJobService

    return BulkJobService(
        caller,
        _bulk_job_table(caller.tenant_id, claim),
        cursors(),
        budget=budget,
        announce=_announcement(claim),
    )


def bulk_work(*, may_look_on: Callable[[], bool], has_time: Callable[[], bool]) -> BulkWork:
    """What carries out bulk jobs' portions, while it has time."""
    from shared.services.jobs.bulk import BulkWork
    from shared.services.reading_budget import Budget

    return BulkWork(
        tenant,
        _bulk_job_table,
        lambda caller, work: _bulk_contacts(caller, store(), work, resumable=True, has_time=has_time),
        lambda caller: contact_lists(caller, Budget.unlimited()),
        bulk_queue(),
        may_look_on=may_look_on,
    )


def bulk_watch(has_time: Callable[[], bool]) -> BulkWatch:
    """The watch over all tenants' bulk jobs, which works while it has time."""
    from shared.services.jobs.bulk import BulkWatch
    from shared.table.jobs.bulk import BulkWatchTable

    return BulkWatch(tenant, BulkWatchTable(store()), _bulk_job_table, bulk_queue(), has_time=has_time)


@cache
def events() -> EventTable:
    """The events of all tenants, for the publisher and the sweeper."""
    from shared.table.events import EventTable

    return EventTable(store())


@cache
def projection() -> Projection:
    """What lists, filters, searches and statistics of contacts and customers are read from."""
    from shared.projections.engine import Projection

    return Projection(store())


def swept_projection() -> SweptProjection:
    """The projections as the sweep repairs lists and counters with them."""
    from shared.projections.sweeping import SweptProjection

    return SweptProjection(store(), projection())


@cache
def publisher() -> Publisher:
    """The publisher to the topic `domain-events`."""
    from shared.publishing.publisher import Publisher

    return Publisher(client("sns"), settings.domain_events_topic_arn(), events())


def bookings() -> BookingService:
    """The taker of booking events."""
    from shared.services.bookings import BookingService
    from shared.table.bookings import BookingTable

    return BookingService(tenant, lambda tenant_id: BookingTable(store(), tenant_id), _owners)


def _owners(tenant_id: str) -> Owners:
    """The users who may be made the owner of a tenant's contacts."""
    from shared.services.contacts.owners import Owners

    return Owners(user_table(tenant_id))


def _webhook_table(tenant_id: str, claim: Claim | None = None) -> WebhookTable:
    from shared.table.webhooks.repository import WebhookTable

    return WebhookTable(_store_for(claim), tenant_id)


def webhooks(caller: Caller, claim: Claim | None = None) -> WebhookService:
    """The webhook subscriptions, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.webhooks.subscriptions import WebhookService

    return WebhookService(
        caller,
        _webhook_table(caller.tenant_id, claim),
        cursors(),
        loopback=settings.webhook_loopback(),
        announce=_announcement(claim),
    )


@cache
def delivery_queue() -> DeliveryQueue:
    """The queue of webhook requests to be sent."""
    from shared.publishing.queue import DeliveryQueue

    return DeliveryQueue(client("sqs"), settings.webhook_deliveries_queue_url())


@cache
def due_deliveries() -> DueDeliveries:
    """The deliveries of all tenants whose time has come."""
    from shared.table.webhooks.due import DueDeliveries

    return DueDeliveries(store())


def fan_out() -> FanOut:
    """The maker of webhook deliveries."""
    from shared.services.webhooks.deliveries import FanOut

    return FanOut(tenant, _webhook_table, delivery_queue(), event_sight())


def sending() -> Sending:
    """The sender of webhook deliveries."""
    from shared.publishing.sender import Sender
    from shared.services.webhooks.deliveries import Sending

    sender = Sender(loopback=settings.webhook_loopback())
    return Sending(tenant, _webhook_table, delivery_queue(), sender, event_sight())


def event_sight() -> EventSight:
    """The service that decides which events a webhook is sent."""
    from shared.services.webhooks.event_sight import EventSight
    from shared.table.accounts.api_clients import ApiClientTable
    from shared.table.contacts.repository import ContactTable

    return EventSight(
        user_table,
        lambda tenant_id: ApiClientTable(store(), tenant_id),
        lambda tenant_id: ContactTable(store(), tenant_id),
    )


def purge(has_time: Callable[[], bool]) -> Purge:
    """The purge of all tenants' deleted contacts, which works while it has time."""
    from shared.projections.leftover_rows import LeftoverRows
    from shared.services.contacts.purge import Purge
    from shared.table.contacts.purge import PurgeTable

    return Purge(PurgeTable(store()), leftover_rows=LeftoverRows(store()), has_time=has_time)


def _import_table(tenant_id: str, claim: Claim | None = None) -> ImportTable:
    from shared.table.imports.repository import ImportTable

    return ImportTable(_store_for(claim), tenant_id)


@cache
def drop_bucket() -> DropBucket:
    """The bucket into which files are dropped."""
    from shared.files.drop_bucket import DropBucket

    return DropBucket(client("s3"), settings.drop_bucket())


@cache
def import_queue() -> ImportQueue:
    """The queue of work on imports."""
    from shared.files.queues.imports import ImportQueue

    return ImportQueue(client("sqs"), settings.import_rows_queue_url())


def imports(caller: Caller) -> ImportService:
    """The imports, for one caller."""
    from shared.services.imports.imports import ImportService

    return ImportService(
        caller,
        _import_table(caller.tenant_id),
        # By need: most calls show no results, and an S3 client costs a third of a cold start.
        lambda key, seconds: drop_bucket().signed_url(key, seconds),
        cursors(),
    )


def import_uploads(caller: Caller, claim: Claim | None = None) -> ImportUploads:
    """The imports that one caller asks for; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.imports.uploads import ImportUploads

    return ImportUploads(
        caller,
        _import_table(caller.tenant_id, claim),
        drop_bucket,
        import_queue,
        is_active_user=lambda user_id: _is_active_user(caller.tenant_id, user_id),
        announce=_announcement(claim),
    )


def import_runs() -> ImportRuns:
    """Begins, cuts up, ends and fails imports."""
    from shared.services.imports.runs import ImportRuns

    return ImportRuns(tenant, _import_table, drop_bucket(), import_queue())


def import_chunks() -> ImportChunks:
    """The writer of imports' rows."""
    from shared.services.imports.chunks import ImportChunks
    from shared.table.contacts.repository import ContactTable

    return ImportChunks(
        tenant,
        _import_table,
        lambda tenant_id: ContactTable(store(), tenant_id),
        label_table,
        drop_bucket(),
        import_runs(),
        _owners,
    )


def import_watch(has_time: Callable[[], bool]) -> ImportWatch:
    """The watch over all tenants' imports, which works while it has time."""
    from shared.services.imports.watch import ImportWatch
    from shared.table.imports.repository import ImportWatchTable

    return ImportWatch(
        tenant,
        ImportWatchTable(store()),
        _import_table,
        drop_bucket(),
        import_runs(),
        import_queue(),
        has_time=has_time,
    )


def user_table(tenant_id: str) -> UserTable:
    """A tenant's users."""
    from shared.table.accounts.users import UserTable

    return UserTable(store(), tenant_id)


def _is_active_user(tenant_id: str, user_id: str) -> bool:
    """Whether a tenant has such a user, who is active."""
    from shared.domain.accounts.user import is_user_id

    found = user_table(tenant_id).get(user_id) if is_user_id(user_id) else None
    return found is not None and found.is_active


def users(caller: Caller) -> UserService:
    """The users, for one caller."""
    from shared.services.accounts.users import UserService

    return UserService(
        caller,
        user_table(caller.tenant_id),
        cursors(),
        accounts=user_pool(),
        handover=lambda: _handover(caller),
    )


def _handover(caller: Caller) -> Handover:
    """The service that hands over the contacts of users whom one caller removes."""
    from shared.services.accounts.handover import Handover
    from shared.table.accounts.settings import SettingsTable
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return Handover(
        caller,
        ContactIndex(store(), tenant_id),
        SettingsTable(store(), tenant_id),
        bulk_queue,
        is_active_user=lambda user_id: _is_active_user(tenant_id, user_id),
        forget=lambda: _forget_tenant(tenant_id),
    )


def _invitation_table(tenant_id: str, through: Store) -> InvitationTable:
    from shared.table.accounts.invitations import InvitationTable

    return InvitationTable(through, tenant_id)


@cache
def invitation_mail() -> Mail | None:
    """What e-mails invitations; None where nothing is e-mailed."""
    from shared.identity.mail import Mail

    given = settings.invitation_mail()
    return Mail(lambda: client("sesv2"), *given) if given else None


def _limited_mail(tenant_id: str) -> LimitedMail | None:
    from shared.services.limits.mail_limits import LimitedMail
    from shared.table.limits import BucketTable

    mail = invitation_mail()
    return LimitedMail(mail, tenant_id, BucketTable(store()), settings.cursor_key()) if mail else None


def invitations(caller: Caller, claim: Claim | None = None) -> InvitationService:
    """The invitations, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.domain.ids import Work, new_id
    from shared.services.accounts.invitations import InvitationService

    return InvitationService(
        caller,
        _invitation_table(caller.tenant_id, _fenced_store(claim) if claim else store()),
        cursors(),
        _limited_mail(caller.tenant_id),
        work=claim.work if claim else Work(new_id()),
    )


def acceptance() -> AcceptanceService:
    """What makes users of those who are invited."""
    from shared.services.accounts.acceptance import AcceptanceService
    from shared.table.accounts.claims import ClaimTable

    return AcceptanceService(
        tenant,
        lambda tenant_id: _invitation_table(tenant_id, store()),
        ClaimTable(store()),
        user_pool(),
        other_issuer,
    )


def api_clients(caller: Caller, claim: Claim | None = None) -> ApiClientService:
    """The API clients, for one caller; for a call under an Idempotency-Key with its claim on that."""
    from shared.services.accounts.api_clients import ApiClientService
    from shared.table.accounts.api_clients import ApiClientTable

    return ApiClientService(
        caller,
        ApiClientTable(_store_for(claim), caller.tenant_id),
        cursors(),
        announce=_announcement(claim),
    )


@cache
def client_uses() -> ClientUses:
    """What notes that API clients are used: in one quick attempt, since a caller waits."""
    from shared.services.accounts.client_uses import ClientUses
    from shared.table.accounts.directory import DirectoryTable
    from shared.table.store import Store

    return ClientUses(DirectoryTable(Store(client("dynamodb", quick=True), settings.table_name())))


def sign_in() -> SignIn:
    """The giver of tokens."""
    from shared.services.accounts.sign_in import SignIn

    return SignIn(user_pool(), settings.token_issuer(), directory(), directory(), tenant, sign_in_gate())


def registration() -> Registration:
    """The opener of tenants."""
    from shared.services.accounts.registration import Registration
    from shared.table.accounts.claims import ClaimTable
    from shared.table.accounts.registration import RegistrationTable

    table = RegistrationTable(store())
    return Registration(user_pool(), other_issuer, ClaimTable(store()), table, sign_in_gate())


@cache
def other_issuer() -> OtherIssuer:
    """The issuer with whom people sign in where there is no pool."""
    from shared.identity.other_issuer import OtherIssuer

    return OtherIssuer(settings.token_jwks_url(), settings.token_issuer(), settings.token_audience())


def onboarding(through: tuple[Store, UserPool | None] | None = None) -> Onboarding:
    """The operator's door to tenants, users and API keys; `through`: the table and the pool with the operator's
    credentials, where those are not the environment's.
    """
    from shared.services.accounts.onboarding import Onboarding
    from shared.table.accounts.api_clients import ApiClientTable
    from shared.table.accounts.claims import ClaimTable
    from shared.table.accounts.directory import DirectoryTable, TenantTable
    from shared.table.accounts.users import UserTable

    table, accounts = through or (store(), user_pool())
    return Onboarding(
        TenantTable(table),
        DirectoryTable(table),
        lambda tenant_id: UserTable(table, tenant_id),
        lambda tenant_id: ApiClientTable(table, tenant_id),
        ClaimTable(table),
        accounts,
    )


def reset() -> None:
    """Forget all that is kept, as a new process would; for tests."""
    for made in (
        _session,
        client,
        store,
        cursors,
        directory,
        user_pool,
        invitation_mail,
        client_uses,
        other_issuer,
        events,
        publisher,
        projection,
        delivery_queue,
        due_deliveries,
        bulk_queue,
        drop_bucket,
        import_queue,
        _tenants,
        _name_memory,
        rate_limits,
        sign_in_gate,
        _label_memory,
        settings.cursor_key,
    ):
        made.cache_clear()
