"""Processes booking events of the scheduling product: they become contacts, interactions and figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from shared.domain import timestamps
from shared.domain.bookings import BookingCreated
from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.names import split_name
from shared.domain.contacts.record import Contact
from shared.domain.email import local_part, normalize_email
from shared.domain.errors import Conflict, Duplicate, Invalid, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import derived_id, new_id
from shared.domain.phone import as_typed, normalize_phone
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.domain.timeline.interaction import Interaction
from shared.services.backoff import HOT
from shared.services.contacts.owners import NO_ORGANIZER, Organizer, Owners
from shared.services.contacts.writing import ContactWriting


class Undeliverable(RuleBroken):
    """An event that can never be processed. `code` is the reason that is attached to it in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class BookingState:
    """Whether a booking event was processed before, and whether its booking is counted already."""

    has_event: bool
    has_booking: bool


class BookingRepository(Protocol):
    """Bookings of one tenant; see `shared.table.bookings.BookingTable`."""

    def read_state(self, booking_id: str, event_id: str) -> BookingState: ...

    def contact_of(self, email: str) -> Contact | None: ...

    def record(
        self,
        event: BookingCreated,
        state: BookingState,
        before: Contact | None,
        after: Contact,
        interaction: Interaction,
        events: list[Event],
    ) -> None: ...


class BookingService:
    """Processes each booking event once, however often and in whatever order the events arrive."""

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
            state = bookings.read_state(event.booking_id, event.event_id)
            if state.has_event:
                return
            if organizer is None:
                organizer = self._organizer(event, tenant)
            try:
                self._record(bookings, event, state, email, phone, organizer)
            except Conflict as conflict:  # another event or a caller was faster: read again
                if isinstance(conflict, Duplicate) and conflict.field == "phone":
                    phone = None  # where numbers are unique, one that another has must not cost the booking
                if HOT.is_last(attempt):
                    raise
            else:
                return

    def _organizer(self, event: BookingCreated, tenant: Tenant) -> Organizer:
        default = tenant.settings.default_owner_id
        if not (event.organizer_id or event.organizer_email or default):
            return NO_ORGANIZER
        return self._owners(tenant.id).find_organizer(event.organizer_id, event.organizer_email, default)

    def _record(
        self,
        bookings: BookingRepository,
        event: BookingCreated,
        state: BookingState,
        email: str,
        phone: str | None,
        organizer: Organizer,
    ) -> None:
        at = timestamps.now()
        caller = system_caller(event.tenant_id, "booking", "booking")
        events: list[Event] = []
        before = bookings.contact_of(email)
        contact = before
        if contact is None:
            contact, created = self._writing(caller).draft(
                _build_fields(event, email, organizer.owner_id),
                contact_id=new_id(),
                stamp=Stamp(new_id(), at, caller),
                source="booking",
            )
            events.append(created)
        stamp = Stamp(new_id(), at, caller)
        interaction = _build_interaction(event, contact.id, stamp)
        after, happened = contact.record_interaction(
            interaction_id=interaction.id,
            type=interaction.type,
            occurred_at=interaction.occurred_at,
            by_system=True,
            booking=None if state.has_booking else str(event.starts_at),
            organizer_id=organizer.organizer_id,
            owner_id=organizer.owner_id,
            phone=phone,
            phone_raw=as_typed(event.invitee_phone, phone) if event.invitee_phone and phone else None,
            stamp=stamp,
        )
        happened.data["booking_id"] = event.booking_id
        bookings.record(event, state, before, after, interaction, [*events, happened])


def _parse(envelope: Any) -> BookingCreated:
    if not isinstance(envelope, dict) or envelope.get("detail-type") != "BookingCreated":
        raise Undeliverable("This kind of event is not known here.", code="unknown_detail_type")
    try:
        return BookingCreated.model_validate(envelope.get("detail"))
    except ValidationError as error:
        fields = sorted(
            {".".join(map(str, one["loc"])) or "detail" for one in error.errors(include_input=False)}
        )
        raise Undeliverable(
            f"Fields missing or malformed: {', '.join(fields)[:500]}.", code="malformed"
        ) from error


def _phone_or_none(raw: str | None, settings: TenantSettings) -> str | None:
    """Return an invitee's number; None for a mistyped number, which must not cost the booking."""
    if not raw:
        return None
    try:
        return normalize_phone(raw, settings.default_country, "invitee_phone")
    except Invalid:
        return None


def _build_fields(event: BookingCreated, email: str, owner_id: str | None) -> LabelledFields:
    first_name, last_name = split_name(event.invitee_name)
    return {
        "first_name": first_name or local_part(email),
        "last_name": last_name,
        "email": email,
        "owner_id": owner_id,
    }


def _build_interaction(event: BookingCreated, contact_id: str, stamp: Stamp) -> Interaction:
    occurred_at = str(event.occurred_at)
    title = " ".join(event.title.split())
    return Interaction.create(
        {
            "type": "booking_created",
            "description": f"Booked: {title}" if title else "Booked an appointment",
            "occurred_at": occurred_at,
            "booking_id": event.booking_id,
            "performed_by": stamp.caller.actor,
        },
        interaction_id=derived_id(
            timestamps.to_milliseconds(occurred_at), event.tenant_id, event.booking_id, event.event_id
        ),
        contact_id=contact_id,
        stamp=stamp,
    )
