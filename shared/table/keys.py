"""Every key of the table. No other module spells one.

A tenant's records lie under partition keys that start `T#<tenant>#`; the closing `#` keeps tenant T1 apart
from T10, so that the IAM condition `dynamodb:LeadingKeys` can hold the wall. Values that come from outside
are escaped before they enter a key: none can step into another name space. `*` of an IAM condition
runs over `#` too, so no name space within a tenant ends as another one is called (`CLIENTS#COUNT`, not
`COUNT#CLIENTS`).

Other name spaces are `U#` and `K#` (the authorizer's look-ups by user and by API key), `G#` (attempts to sign in,
before anybody is known, and e-mails to strangers), `S#` (the scheduled tasks' own bookkeeping) and, in the index
`work`, `OUTBOX#` and `DUE#`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

PK, SK = "PK", "SK"
WORK_INDEX, WORK_PK, WORK_SK = "work", "WPK", "WSK"

OUTBOX_SHARDS = 16
"""Index partitions over which the events of ten minutes spread; each takes 1,000 writes a second. With sixteen, none
gets more than one write in a hundred of an import's."""
DUE_SHARDS = 4

Key = dict[str, dict[str, str]]


def escape(value: str) -> str:
    """A value that may stand within a key: everything but letters, digits and `._-~@+` is percent-encoded."""
    return quote(value, safe="@+")


def _key(pk: str, sk: str) -> Key:
    return {PK: {"S": pk}, SK: {"S": sk}}


@lru_cache(maxsize=1024)
def tenant_prefix(tenant_id: str) -> str:
    """What every partition key of the tenant starts with."""
    return f"T#{escape(tenant_id)}#"


def tenant_of(pk: str) -> str | None:
    """The tenant in whose name space a partition key lies; None for the system's own."""
    return unquote(pk.split("#", 2)[1]) if pk.startswith("T#") else None


# Contacts and what lies around each


def contact_partition(tenant_id: str, contact_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}C#{escape(contact_id)}"


CONTACT = "CONTACT"


def contact(tenant_id: str, contact_id: str) -> Key:
    return _key(contact_partition(tenant_id, contact_id), CONTACT)


def is_contact(key: dict[str, Any]) -> bool:
    """Whether an item's key is a contact's."""
    return bool(key[SK]["S"] == CONTACT)


def listed_record_of(event_key: dict[str, Any]) -> Key | None:
    """The key of the contact or customer that an event tells of: it lies in its record's partition. None for an
    event of another record.
    """
    kind = event_key[PK]["S"].split("#", 3)[2]
    sk = {"C": CONTACT, "CUSTOMER": CUSTOMER}.get(kind)
    return {PK: event_key[PK], SK: {"S": sk}} if sk else None


INTERACTION = "INT#"


def interaction(tenant_id: str, contact_id: str, occurred_at: str, interaction_id: str) -> Key:
    return _key(
        contact_partition(tenant_id, contact_id), f"{INTERACTION}{occurred_at}#{escape(interaction_id)}"
    )


CONSENT = "CONSENT#"


def consent(tenant_id: str, contact_id: str, event_id: str) -> Key:
    """An entry of a contact's history of consents. The event's id orders it by time."""
    return _key(contact_partition(tenant_id, contact_id), f"{CONSENT}{event_id}")


def contact_of(key: dict[str, Any]) -> tuple[str, str] | None:
    """Tenant and contact id of a contact's key; None for a key of another kind."""
    if not is_contact(key):
        return None
    _, tenant_id, _, contact_id = key[PK]["S"].split("#")
    return unquote(tenant_id), unquote(contact_id)


def email_partition(tenant_id: str, email: str) -> str:
    """The locks on an address: in the order of their keys the tenant's, that of contacts without a customer, and
    those of customers, the oldest one's first.
    """
    return f"{tenant_prefix(tenant_id)}EMAIL#{escape(email)}"


def email_lock(tenant_id: str, email: str, within: str | None = None) -> Key:
    """The lock on an address, for the whole tenant or within a customer ("" for contacts without one)."""
    return _key(email_partition(tenant_id, email), _lock_within(within))


def phone_lock(tenant_id: str, e164: str, within: str) -> Key:
    return _key(f"{tenant_prefix(tenant_id)}PHONE#{escape(e164)}", _lock_within(within))


def whatsapp_lock(tenant_id: str, e164: str, within: str) -> Key:
    return _key(f"{tenant_prefix(tenant_id)}WHATSAPP#{escape(e164)}", _lock_within(within))


def _lock_within(within: str | None) -> str:
    # No escaped value has an exclamation mark, and it sorts before all they have.
    return "LOCK" if within is None else f"LOCK#{escape(within) or '!'}"


# Customers


CUSTOMER = "CUSTOMER"


def customer_partition(tenant_id: str, customer_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}CUSTOMER#{escape(customer_id)}"


def customer(tenant_id: str, customer_id: str) -> Key:
    return _key(customer_partition(tenant_id, customer_id), CUSTOMER)


MEMBER = "MEMBER#"


def member(tenant_id: str, customer_id: str, contact_id: str) -> Key:
    """That a live contact belongs to a customer. In the order of the contacts' creation."""
    return _key(customer_partition(tenant_id, customer_id), f"{MEMBER}{contact_id}")


def username_lock(tenant_id: str, folded: str) -> Key:
    """The lock on a customer's username, and the way to find it; `folded` is the name without case."""
    return _key(f"{tenant_prefix(tenant_id)}USERNAME#{escape(folded)}", "LOCK")


def customer_number(tenant_id: str) -> Key:
    """The number of the newest customer."""
    return _key(f"{tenant_prefix(tenant_id)}CUSTOMERS#NUMBER", "LAST")


BY_CREATION = "created"
"""The list of contacts in the order of their ids, which is that of their creation."""
CUSTOMERS = "customers"
"""The list of customers, in the order of their creation."""


def list_partition(tenant_id: str, order: str) -> str:
    return f"{tenant_prefix(tenant_id)}LIST#{order}"


def list_row_of(record_key: dict[str, Any], order: str) -> Key:
    """The row of a list for the contact or customer that has a key (or an item with that key)."""
    # Made by `contact_partition` or its like, whose parts are escaped, so there are just four.
    space, tenant, _, identifier = record_key[PK]["S"].split("#")
    return _key(f"{space}#{tenant}#LIST#{order}", identifier)


def place(tenant_id: str, order: str, text: str) -> Key:
    """A contact's place in an order. `text` sorts as the contacts do and ends with `#` and the contact's id; what
    stands before is in no need of escaping, since nothing else lies in the partition.
    """
    return _key(list_partition(tenant_id, order), text)


# What lists are found by, besides their rows


def posting_partition(tenant_id: str, facet: str, value: str) -> str:
    return f"{tenant_prefix(tenant_id)}IX#{facet}={escape(value)}"


def posting_chunk(partition: str, start: str) -> Key:
    """A chunk of the sorted list of the contacts that have a facet's value, by where its range of ids starts."""
    return _key(partition, start)


def is_posting(key: dict[str, Any]) -> bool:
    """Whether an item is a chunk of a posting list."""
    return bool(key[PK]["S"].split("#", 3)[2] == "IX")


def term_partition(tenant_id: str, start: str) -> str:
    """The terms that begin with a letter or digit; `start` may be longer."""
    return f"{tenant_prefix(tenant_id)}TERM#{escape(start[:1])}"


def term(tenant_id: str, word: str, contact_id: str) -> Key:
    """A word of a contact. What stands in words is escaped, so that `#` ends each."""
    return _key(term_partition(tenant_id, word), f"{escape_term(word)}#{contact_id}")


def customer_term_partition(tenant_id: str, start: str) -> str:
    """The terms of customers that begin with a letter or digit; `start` may be longer."""
    return f"{tenant_prefix(tenant_id)}CUSTOMERTERM#{escape(start[:1])}"


def customer_term(tenant_id: str, word: str, customer_id: str) -> Key:
    """A term of a customer."""
    return _key(customer_term_partition(tenant_id, word), f"{escape_term(word)}#{customer_id}")


def escape_term(word: str) -> str:
    """A word as it stands in a sort key: like `escape`, but keeping all letters, so that prefixes stay prefixes."""
    return word.replace("%", "%25").replace("#", "%23")


def unescape_term(text: str) -> str:
    """The word of a sort key."""
    return text.replace("%23", "#").replace("%25", "%")


def number_partition(tenant_id: str, reversed_digits: str) -> str:
    """Telephone numbers by their last two digits; `reversed_digits` are a number's, last first."""
    return f"{tenant_prefix(tenant_id)}TEL#{reversed_digits[:2]}"


def number(tenant_id: str, reversed_digits: str, contact_id: str) -> Key:
    """A telephone number of a contact, found from its end."""
    return _key(number_partition(tenant_id, reversed_digits), f"{reversed_digits}#{contact_id}")


def number_start(end: str) -> str:
    """The beginning of the sort keys of numbers that have an end: last digit first, behind a whole number a `+`."""
    return end.replace("+", "#")


def counters_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}COUNTS"


def counter(tenant_id: str, name: str) -> Key:
    """How many live contacts have something; the counter `all` counts them all."""
    return _key(counters_partition(tenant_id), escape(name))


def counter_name(key: dict[str, Any]) -> str:
    """The name of a counter's item."""
    return unquote(key[SK]["S"])


def company(tenant_id: str, company_key: str) -> Key:
    """How many live contacts a company has. Not among the other counters, which are read whole."""
    return _key(f"{tenant_prefix(tenant_id)}COMPANIES", company_key)


def top_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}TOP#company"


def top(tenant_id: str, company_key: str, amount: int) -> Key:
    """A company among all of the tenant, those with the most contacts first, equal ones by the alphabet."""
    return _key(top_partition(tenant_id), f"{10**12 - amount:013d}#{company_key}")


def is_projected(key: dict[str, Any]) -> bool:
    """Whether an item is one of those that are worked out from contacts and customers."""
    space = key[PK]["S"].split("#", 3)[2].split("=")[0]
    return space in ("LIST", "IX", "TERM", "CUSTOMERTERM", "TEL", "COUNTS", "COMPANIES", "TOP")


GONE = "GONE"


def tombstone(record_key: dict[str, Any]) -> Key:
    """At which version a contact or customer was taken off the lists, so that no older change puts it back."""
    return _key(record_key[PK]["S"], GONE)


MENDING = "MENDING#"


def mending(record_key: dict[str, Any], mending_id: str) -> Key:
    """The state in which a contact or customer is being projected outside the stream, for as long as that takes."""
    return _key(record_key[PK]["S"], f"{MENDING}{mending_id}")


def mending_note(mending_id: str) -> Key:
    """Where the sweeper finds again what it was mending when it was killed."""
    return _key(MENDING_NOTES, f"{MENDING}{mending_id}")


# Events, their outbox and their feed

EVENT = "EVENT#"


def event(tenant_id: str, entity: str, entity_id: str, event_id: str) -> Key:
    """An event lies in the partition of the record it tells of."""
    return _key(_PARTITIONS[entity](tenant_id, entity_id), f"{EVENT}{event_id}")


def outbox(event_id: str, written_at: str) -> Key:
    """The index entry under which an event's publication is checked: by the time it was written, in shards."""
    shard = int(event_id[-2:], 16) % OUTBOX_SHARDS
    return {
        WORK_PK: {"S": outbox_partition(written_at, shard)},
        WORK_SK: {"S": f"{written_at}#{event_id}"},
    }


def outbox_partition(written_at: str, shard: int) -> str:
    # The first fifteen characters of 2026-05-04T09:34:00.000Z name the ten minutes from 09:30.
    return f"OUTBOX#{written_at[:15]}#{shard}"


def behind(entry: dict[str, Any]) -> str | None:
    """The place behind an entry of the index of work: where a walk in the order of time goes on after it.

    None for an item that lies in no index.
    """
    # "$" follows "#": the smallest text behind the entry that is none of another one's.
    return f"{entry[WORK_SK]['S']}$" if WORK_SK in entry else None


def feed_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}FEED"


def feed(tenant_id: str, event_id: str) -> Key:
    return _key(feed_partition(tenant_id), event_id)


SWEEP_CHECKPOINT: Key = _key("S#SWEEP", "CHECKPOINT")
MENDING_NOTES = "S#SWEEP"


# Things due at a time


def due(at: str, identifier: str) -> Key:
    """The index entry of a thing a scheduled task takes up at `at`."""
    shard = sum(identifier.encode()) % DUE_SHARDS
    return {WORK_PK: {"S": due_partition(shard)}, WORK_SK: {"S": f"{at}#{identifier}"}}


def due_partition(shard: int) -> str:
    return f"DUE#{shard}"


def due_until(at: str) -> tuple[str, str]:
    """The first and last index sort key of what is due up to `at`."""
    return "0", f"{at}$"  # "$" follows the "#" behind the time


PURGE_SHARDS = 16
"""As many as the outbox has: a tenant that deletes all its contacts at once must not throttle the deletions."""


def purge_due(at: str, contact_id: str) -> Key:
    """The index entry of a deleted contact, by the time at which it is purged."""
    shard = sum(contact_id.encode()) % PURGE_SHARDS
    return {WORK_PK: {"S": purge_partition(shard)}, WORK_SK: {"S": f"{at}#{contact_id}"}}


def purge_partition(shard: int) -> str:
    return f"DUE#PURGE#{shard}"


# Labels: tags, types and groups


def labels_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}LABELS"


def label(tenant_id: str, kind: str, name: str) -> Key:
    """A label of a kind (tag, type, group), by its name in the form in which names are unique."""
    return _key(labels_partition(tenant_id), f"{kind.upper()}#{escape_term(name)}")


def labels_stamp(tenant_id: str) -> Key:
    """Which changes with every change of a label, so that what is kept of labels in memory can be trusted."""
    return _key(labels_partition(tenant_id), "STAMP")


def label_partition(tenant_id: str, label_id: str) -> str:
    """Where the events of a label lie."""
    return f"{tenant_prefix(tenant_id)}LABEL#{escape(label_id)}"


# Bookings


def booking_partition(tenant_id: str, booking_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}BOOKING#{escape(booking_id)}"


def booking(tenant_id: str, booking_id: str) -> Key:
    return _key(booking_partition(tenant_id, booking_id), "BOOKING")


def booking_event(tenant_id: str, booking_id: str, event_id: str) -> Key:
    """That a booking event was taken in. Not under EVENT#: such are our own events, and get published."""
    return _key(booking_partition(tenant_id, booking_id), f"TAKEN#{escape(event_id)}")


# Imports


def imports_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}IMPORTS"


def import_(tenant_id: str, import_id: str) -> Key:
    return _key(imports_partition(tenant_id), escape(import_id))


def import_partition(tenant_id: str, import_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}IMPORT#{escape(import_id)}"


def import_layout(tenant_id: str, import_id: str) -> Key:
    return _key(import_partition(tenant_id, import_id), "LAYOUT")


CHUNK = "CHUNK#"


def import_chunk(tenant_id: str, import_id: str, number: int) -> Key:
    return _key(import_partition(tenant_id, import_id), f"{CHUNK}{number:06d}")


IMPORTS_DUE = "DUE#IMPORTS"
"""The index partition of running imports, by the time at which each is looked at next."""


def import_due(at: str, import_id: str) -> Key:
    """The index entry of a running import. One partition is enough: an entry moves every few minutes."""
    return {WORK_PK: {"S": IMPORTS_DUE}, WORK_SK: {"S": f"{at}#{import_id}"}}


INBOX_WALK: Key = _key("S#IMPORTS", "INBOX")
"""How far the watch has looked through the inboxes."""


# Bulk jobs


def bulk_jobs_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}BULKJOBS"


def bulk_job(tenant_id: str, job_id: str) -> Key:
    return _key(bulk_jobs_partition(tenant_id), escape(job_id))


def bulk_job_partition(tenant_id: str, job_id: str) -> str:
    """What lies around a job: its events."""
    return f"{tenant_prefix(tenant_id)}BULKJOB#{escape(job_id)}"


BULK_DUE = "DUE#BULK"
"""The index partition of jobs at work, by the time at which each is looked at if it has not moved."""


def bulk_due(at: str, job_id: str) -> Key:
    """The index entry of a job at work."""
    return {WORK_PK: {"S": BULK_DUE}, WORK_SK: {"S": f"{at}#{job_id}"}}


# The places of a tenant's open work


def places_of_work_partition(tenant_id: str, kind: str) -> str:
    """The places for a kind of work in the background, of which a tenant has a fixed number."""
    return f"{tenant_prefix(tenant_id)}PLACES#{kind}"


def place_of_work(tenant_id: str, kind: str, number: int) -> Key:
    return _key(places_of_work_partition(tenant_id, kind), f"{number:03d}")


def bytes_of_day(tenant_id: str, day: str) -> Key:
    """The sum of the bytes of files that a tenant had imported on a day, such as `2026-05-04`."""
    return _key(f"{tenant_prefix(tenant_id)}PLACES#BYTES", day)


# Webhooks


def webhooks_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}WEBHOOKS"


def webhook(tenant_id: str, webhook_id: str) -> Key:
    return _key(webhooks_partition(tenant_id), escape(webhook_id))


DELIVERY = "DELIVERY#"


def deliveries_partition(tenant_id: str, webhook_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}WEBHOOK#{escape(webhook_id)}"


def delivery(tenant_id: str, webhook_id: str, event_id: str) -> Key:
    return _key(deliveries_partition(tenant_id, webhook_id), f"{DELIVERY}{escape(event_id)}")


def delivery_of(key: Key) -> tuple[str, str, str] | None:
    """Tenant, webhook and event id of a delivery's key; None for a key of another kind."""
    from urllib.parse import unquote

    if not key[SK]["S"].startswith(DELIVERY):
        return None
    _, tenant_id, _, webhook_id = key[PK]["S"].split("#")
    return unquote(tenant_id), unquote(webhook_id), unquote(key[SK]["S"].removeprefix(DELIVERY))


def due_delivery(at: str, webhook_id: str, event_id: str, attempt: int) -> Key:
    """The index entry under which a delivery's attempt (its number) is taken up at `at`."""
    return due(at, f"{DELIVERY}{webhook_id}#{event_id}#{attempt}")


def webhook_count(tenant_id: str) -> Key:
    """The counter of a tenant's webhooks, which holds their limit under races."""
    return _key(f"{tenant_prefix(tenant_id)}WEBHOOKS#COUNT", "COUNT")


# Calls under an Idempotency-Key


def idempotency(tenant_id: str, actor: str, digest: str) -> Key:
    """What is kept of a call: by who made it, and a digest of the key, which may say anything."""
    return _key(f"{tenant_prefix(tenant_id)}IDEMPOTENCY#{escape(actor)}#{digest}", "KEY")


def idempotency_found(tenant_id: str, actor: str, digest: str) -> Key:
    """Which contacts the call found that it acts on."""
    return _key(f"{tenant_prefix(tenant_id)}IDEMPOTENCY#{escape(actor)}#{digest}", "FOUND")


# Tenants, their users and API clients


def tenant_partition(tenant_id: str) -> str:
    """The tenant with its settings, and their events."""
    return f"{tenant_prefix(tenant_id)}TENANT"


def tenant(tenant_id: str) -> Key:
    return _key(tenant_partition(tenant_id), "TENANT")


def users_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}USERS"


def user_record(tenant_id: str, user_id: str) -> Key:
    return _key(users_partition(tenant_id), escape(user_id))


def user_partition(tenant_id: str, user_id: str) -> str:
    """Where the events of a user, or of an invitation, lie."""
    return f"{tenant_prefix(tenant_id)}USER#{escape(user_id)}"


def user_email_lock(tenant_id: str, email: str) -> Key:
    """The lock on the address of a user or of an open invitation."""
    return _key(f"{tenant_prefix(tenant_id)}USEREMAIL#{escape(email)}", "LOCK")


def scheduling_lock(tenant_id: str, scheduling_id: str) -> Key:
    """The lock on the id that a user has in the scheduling product, and the way from that to the user."""
    return _key(f"{tenant_prefix(tenant_id)}SCHEDULING#{escape(scheduling_id)}", "LOCK")


def user_count(tenant_id: str) -> Key:
    """The counter of a tenant's users, active admins and open invitations, which holds their limits under races."""
    return _key(f"{tenant_prefix(tenant_id)}USERS#COUNT", "COUNT")


def invitations_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}INVITATIONS"


def invitation(tenant_id: str, invitation_id: str) -> Key:
    return _key(invitations_partition(tenant_id), escape(invitation_id))


def api_clients_partition(tenant_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}CLIENTS"


def api_client_record(tenant_id: str, client_id: str) -> Key:
    return _key(api_clients_partition(tenant_id), escape(client_id))


def api_client_count(tenant_id: str) -> Key:
    """The counter of a tenant's API clients, which holds their limit under races."""
    return _key(f"{tenant_prefix(tenant_id)}CLIENTS#COUNT", "COUNT")


def api_client_partition(tenant_id: str, client_id: str) -> str:
    """Where the events of an API client lie."""
    return f"{tenant_prefix(tenant_id)}CLIENT#{escape(client_id)}"


def sign_in_name(name: str) -> Key:
    """The lock on a username, which is unique in the whole deployment, and the way from it to its user."""
    return _key(f"N#{escape(name)}", "USERNAME")


# How often who may call


def rate(tenant_id: str, actor: str | None) -> Key:
    """What is left of the calls that a caller may make, or for None the whole tenant."""
    return _key(f"{tenant_prefix(tenant_id)}RATE#{escape(actor or '')}", "BUCKET")


def gate(kind: str, digest: str) -> Key:
    """What is left of the attempts to sign in for an account or from an address; `digest` stands for either."""
    return _key(f"G#{kind}#{digest}", "BUCKET")


def mail(digest: str) -> Key:
    """What is left of the e-mails to strangers, for an address by its digest, or for `ALL` of them together."""
    return _key(f"G#MAIL#{digest}", "BUCKET")


# The authorizer's look-ups


def user(sub: str) -> Key:
    return _key(f"U#{escape(sub)}", "USER")


def api_key(key_id: str) -> Key:
    return _key(f"K#{escape(key_id)}", "KEY")


def _tenant_events(tenant_id: str, _: str) -> str:
    return tenant_partition(tenant_id)


_PARTITIONS = {
    "contact": contact_partition,
    "customer": customer_partition,
    "import": import_partition,
    "bulk_job": bulk_job_partition,
    "tag": label_partition,
    "type": label_partition,
    "group": label_partition,
    "user": user_partition,
    "invitation": user_partition,
    "api_client": api_client_partition,
    "tenant": _tenant_events,
}
