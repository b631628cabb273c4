"""Processes booking events of the scheduling product: they become contacts, interactions, bookings and figures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from shared.domain import timestamps
from shared.domain.bookings.booking import Booking
from shared.domain.bookings.event import STATES, BookingEvent, BookingState
from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.booked import BookingFigures, Invitee
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.names import split_name
from shared.domain.contacts.record import Contact
from shared.domain.email import local_part, normalize_email
from shared.domain.errors import Conflict, Duplicate, Invalid, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.interactions.interaction import Interaction, InteractionType
from shared.domain.phone import as_typed, normalize_phone
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.backoff import HOT
from shared.services.contacts.owners import NO_ORGANIZER, Organizer, Owners
from shared.services.contacts.parts import PartChange
from shared.services.contacts.tag_rules import TagRules
from shared.services.contacts.writing import ContactWriting

_INTERACTIONS: dict[BookingState, tuple[InteractionType, str]] = {
    "created": ("booking_created", "Booked"),
    "rescheduled": ("booking_rescheduled", "Rescheduled"),
    "completed": ("booking_completed", "Completed"),
    "cancelled": ("booking_cancelled", "Cancelled"),
}
"""The type of the interaction that an event becomes, and the first word of its description."""


class Undeliverable(RuleBroken):
    """An event that can never be processed. `code` is the reason that is attached to it in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The present records that a booking event applies to.

    `contact`: the live contact with the invitee's address. `booking`: the booking after its other events; None if
    there were none, or if its contact was purged. `holder`: the contact that has the booking, if it is not `contact`.
    `version`: the version of the booking, 0 if there were no other events. `part`: the contact merged into one of these
    that has the booking in its partition.
    """

    contact: Contact | None
    booking: Booking | None
    holder: Contact | None
    version: int
    part: Contact | None = None


@dataclass(frozen=True, slots=True)
class ContactChange:
    """A change of a contact, and its events. `before` is None for a new contact."""

    before: Contact | None
    after: Contact
    events: list[Event]


class BookingRepository(Protocol):
    """Bookings of one tenant; see `shared.table.bookings.repository.BookingTable`."""

    def read(self, event: BookingEvent, email: str) -> Snapshot | None: ...

    def latest_start(self, contact: Contact, *, without: str, part: Contact | None = None) -> str | None: ...

    def record(
        self,
        event: BookingEvent,
        before: Booking | None,
        after: Booking,
        changes: list[ContactChange],
        interaction: Interaction,
        part: PartChange | None = None,
    ) -> None: ...


class BookingService:
    """Processes each booking event once. The result is the same however often and in whatever order they arrive."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        bookings: Callable[[str], BookingRepository],
        owners: Callable[[str], Owners],
        writing: Callable[[Caller], ContactWriting],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._bookings = bookings
        self._owners = owners
        self._writing = writing
        self._sleep = sleep

    def process(self, envelope: Any) -> None:
        """Process an EventBridge event (its JSON, parsed).

        Raises Undeliverable for an event that is malformed or of an unknown tenant, ConcurrentChange or Unavailable
        when it should be retried.
        """
        event = _parse(envelope)
        tenant = self._tenant(event.tenant_id)
        if tenant is None or tenant.suspended:
            raise Undeliverable("The event's tenant does not exist or is suspended.", code="unknown_tenant")
        try:
            email = normalize_email(event.invitee_email, "invitee_email")
        except Invalid as error:
            raise Undeliverable(error.detail, code="invalid_email") from error
        phone = _phone_or_none(event.invitee_phone, tenant.settings)
        bookings = self._bookings(tenant.id)
        organizer: Organizer | None = None
        for attempt in HOT.tries(self._sleep):
            try:
                snapshot = bookings.read(event, email)
                if snapshot is None:
                    return
                if organizer is None:
                    organizer = self._organizer(event, tenant)
                self._record(bookings, event, snapshot, email, _invitee(event, phone, organizer), tenant)
            except Conflict as conflict:  # another event or a caller was faster: read again
                if isinstance(conflict, Duplicate) and conflict.field == "phone":
                    phone = None  # the event is processed without a number that must be unique and is taken
                if HOT.is_last(attempt):
                    raise
            else:
                return

    def _organizer(self, event: BookingEvent, tenant: Tenant) -> Organizer:
        default = tenant.settings.default_owner_id
        if not (event.organizer_id or event.organizer_email or default):
            return NO_ORGANIZER
        return self._owners(tenant.id).find_organizer(event.organizer_id, event.organizer_email, default)

    def _record(
        self,
        bookings: BookingRepository,
        event: BookingEvent,
        snapshot: Snapshot,
        email: str,
        invitee: Invitee,
        tenant: Tenant,
    ) -> None:
        at = timestamps.now()
        caller = system_caller(event.tenant_id, "booking", "booking")
        writing = self._writing(caller)

        def stamp() -> Stamp:
            return Stamp(new_id(), at, caller)

        contact, events = snapshot.contact, list[Event]()
        if contact is None:
            contact, created = writing.draft(
                _build_fields(invitee, email), contact_id=new_id(), stamp=stamp(), source="booking"
            )
            contact = contact.created_for(invitee)
            created.data["booking_id"] = event.booking_id
            events.append(created)
        before = snapshot.booking
        after = (before or Booking.blank(event.booking_id, version=snapshot.version)).apply(
            event, contact_id=_partition_of(before, contact), organizer_id=invitee.organizer_id
        )
        part = snapshot.part
        if part is not None:
            counted, _ = part.recount_bookings(
                _recount(bookings, part, before, after), booking_id=event.booking_id, stamp=stamp()
            )
            part = part.with_figures_of(counted)
        stamped = stamp()
        interaction = _build_interaction(event, contact.id, stamped)
        tagged: dict[str, Any] = {}
        if after.order == event.order:  # not of an event that was overtaken: the booking has another state
            tag_rules = TagRules(lambda: tenant.settings, lambda: writing.labelling)
            contact, tagged = tag_rules.apply(contact, booking=after.state)
        changed, happened = contact.record_booking_event(
            type=interaction.type,
            booking_id=event.booking_id,
            invitee=invitee,
            figures=_recount(bookings, contact, before, after, part),
            further=tagged,
            stamp=stamped,
        )
        changes = [ContactChange(snapshot.contact, changed, [*events, happened])]
        if (holder := snapshot.holder) is not None:
            figures = _recount(bookings, holder, before, after, part)
            changed, happened = holder.recount_bookings(figures, booking_id=event.booking_id, stamp=stamp())
            changes.append(ContactChange(holder, changed, [happened]))
        moved = None if snapshot.part is None or part is None else (snapshot.part, part)
        bookings.record(event, before, after, changes, interaction, moved)


def _partition_of(before: Booking | None, contact: Contact) -> str:
    """Return the id of the contact in whose partition a booking of a contact is: a merged one's stays there."""
    return before.contact_id if before is not None and before.contact_id in contact.parts else contact.id


def _recount(
    bookings: BookingRepository,
    contact: Contact,
    before: Booking | None,
    after: Booking,
    part: Contact | None = None,
) -> BookingFigures:
    """Return a contact's figures after a change of a booking, which was or is a booking of this contact, or neither.

    `part`: the merged contact that had the booking, as it will be. The figures of a merged contact are those of its own
    partition.
    """
    partitions = contact.parts if not contact.is_merged else (contact.id,)

    def its(booking: Booking | None) -> Booking | None:
        return booking if booking is not None and booking.contact_id in partitions else None

    def counts(booking: Booking | None) -> str | None:
        return booking.starts_at if booking is not None and booking.is_counted else None

    before, held = its(before), its(after)
    was, now, last = counts(before), counts(held), contact.last_booking_at
    if was is not None and was == last and (now is None or now < was):
        is_its = part is not None and part.id in partitions
        last = bookings.latest_start(contact, without=after.id, part=part if is_its else None)
    by_state = Counter(contact.booking_counts)
    by_state.subtract([before.state] if before is not None else ())
    by_state.update([held.state] if held is not None else ())
    return BookingFigures(
        dict(+by_state),
        max(filter(None, (last, now)), default=None),
        organizer_before=before.organizer_id if before is not None else None,
        organizer_after=held.organizer_id if held is not None else None,
    )


def _parse(envelope: Any) -> BookingEvent:
    state = STATES.get(_detail_type(envelope))
    if state is None:
        raise Undeliverable("This kind of event is not known here.", code="unknown_detail_type")
    try:
        return BookingEvent.parse(state, envelope.get("detail"))
    except ValidationError as error:
        fields = sorted(
            {".".join(map(str, one["loc"])) or "detail" for one in error.errors(include_input=False)}
        )
        raise Undeliverable(
            f"Fields missing or malformed: {', '.join(fields)[:500]}.", code="malformed"
        ) from error


def _detail_type(envelope: Any) -> str:
    given = envelope.get("detail-type") if isinstance(envelope, dict) else None
    return given if isinstance(given, str) else ""


def _phone_or_none(raw: str | None, settings: TenantSettings) -> str | None:
    """Return an invitee's number; None for an invalid number, so that the event is still processed."""
    if not raw:
        return None
    try:
        return normalize_phone(raw, settings.default_country, "invitee_phone")
    except Invalid:
        return None


def _invitee(event: BookingEvent, phone: str | None, organizer: Organizer) -> Invitee:
    first_name, last_name = split_name(event.invitee_name)
    return Invitee(
        interaction_id=event.interaction_id,
        first_name=first_name,
        last_name=last_name,
        phone=phone,
        phone_raw=as_typed(event.invitee_phone, phone) if phone else None,
        owner_id=organizer.owner_id,
        organizer_id=organizer.organizer_id,
    )


def _build_fields(invitee: Invitee, email: str) -> LabelledFields:
    return {
        "first_name": invitee.first_name or local_part(email),
        "last_name": invitee.last_name,
        "email": email,
        "phone": invitee.phone,
        "phone_raw": invitee.phone_raw,
        "owner_id": invitee.owner_id,
    }


def _build_interaction(event: BookingEvent, contact_id: str, stamp: Stamp) -> Interaction:
    kind, word = _INTERACTIONS[event.state]
    title = " ".join(event.title.split())
    return Interaction.create(
        {
            "type": kind,
            "description": f"{word}: {title}" if title else f"{word} an appointment",
            "occurred_at": str(event.occurred_at),
            "booking_id": event.booking_id,
            "performed_by": stamp.caller.actor,
        },
        interaction_id=event.interaction_id,
        contact_id=contact_id,
        stamp=stamp,
    )
