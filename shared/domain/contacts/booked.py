"""The fields of a contact that booking events set, independent of the order in which the events arrive.

A booking sets a name, telephone number or owner that is missing; the value comes from the earliest event that has one.
The hidden field `booked` of the contact records the event that each value came from. An earlier event that arrives
late replaces it. Any other change of the field removes this record; then bookings set the field only if it is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shared.domain.contacts.noted import NotedFields
from shared.domain.email import local_part
from shared.domain.events import CONTACT_UPDATED, Event
from shared.domain.ids import milliseconds_of
from shared.domain.stamp import Stamp
from shared.domain.text import join_name
from shared.domain.timestamps import from_milliseconds

Booked = dict[str, str]
"""For each of `name`, `phone` and `owner_id` that a booking event gave: the id of that event's interaction. These ids
sort by the time at which the events occurred."""

UnnamedOrganizers = dict[str, int]
"""For each organizer of a contact's bookings whom no event with one of the contact's addresses named: how many of its
bookings the user organizes. Users beyond MAX_ORGANIZERS are counted too."""

MAX_ORGANIZERS = 100
"""The maximum number of users that a contact names as organizers of its bookings; further users are not added."""
_FIELDS = {"name": ("first_name", "last_name"), "phone": ("phone",), "owner_id": ("owner_id",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitee:
    """The values of a booking event for the contact with the invitee's address; empty if the event has none.

    `interaction_id`: the id of the event's interaction. `phone`: in E.164, with `phone_raw` as it was typed if that
    differs. `owner_id`: the user who owns the contact if it has no owner. `organizer_id`: the user who organizes the
    booking.
    """

    interaction_id: str
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    phone_raw: str | None = None
    owner_id: str | None = None
    organizer_id: str | None = None


@dataclass(frozen=True, slots=True)
class BookingFigures:
    """The figures of a contact's bookings after an event of one of them.

    `counts`: how many there are in each state. `last_at`: when the latest that is not cancelled starts.
    `organizer_before` and `organizer_after`: the user who organizes the event's booking, before and after it, if the
    booking is of this contact then; None for none.
    """

    counts: dict[str, int]
    last_at: str | None
    organizer_before: str | None = None
    organizer_after: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The contact's fields that hold the figures."""
        total = sum(amount for state, amount in self.counts.items() if state != "cancelled")
        return {
            "total_bookings": total,
            "last_booking_at": self.last_at,
            "booking_counts": dict(sorted(self.counts.items())),
        }


class BookedFields(NotedFields):
    """The part of a contact that bookings change."""

    if TYPE_CHECKING:
        first_name: str
        last_name: str
        phone: str | None
        owner_id: str | None
        organizer_ids: list[str]
        unnamed_organizers: UnnamedOrganizers
        total_bookings: int
        booking_counts: dict[str, int]
        last_booking_at: str | None
        booked: Booked

        @property
        def addresses(self) -> dict[str, str]: ...

    def created_for(self, invitee: Invitee) -> Self:
        """Return this new contact with the booking event recorded as the source of the fields that the event set."""
        given = {
            "name": has_real_name(invitee.first_name, invitee.last_name, self.addresses),
            "owner_id": invitee.owner_id,
            "phone": invitee.phone,
        }
        return self.with_fields({"booked": {name: invitee.interaction_id for name in given if given[name]}})

    def record_booking_event(
        self,
        *,
        type: str,
        booking_id: str,
        invitee: Invitee,
        figures: BookingFigures,
        further: Mapping[str, Any] | None = None,
        stamp: Stamp,
    ) -> tuple[Self, Event]:
        """Return the contact after a booking event with one of its addresses, and the `interaction.created`.

        `type`: that of the event's interaction. `figures`: those of the contact's bookings after the event.
        `further`: other fields that change with it.
        """
        contact, event = self.record_interaction(
            interaction_id=invitee.interaction_id,
            type=type,
            occurred_at=from_milliseconds(milliseconds_of(invitee.interaction_id)),
            by_system=True,
            further={
                **self._given_by(invitee),
                **self._organizers_after(figures, named=invitee.organizer_id),
                **figures.fields,
                **(further or {}),
            },
            stamp=stamp,
        )
        event.data["booking_id"] = booking_id
        return contact, event

    def recount_bookings(
        self, figures: BookingFigures, *, booking_id: str, stamp: Stamp
    ) -> tuple[Self, Event]:
        """Return the contact after an event of a booking that is or was of this contact, but has the address of another
        contact, and the `contact.updated`. The version changes even if no figure does, because the booking changes.
        """
        given = {**self._organizers_after(figures), **figures.fields}
        contact, event = self._build_change(CONTACT_UPDATED, given, stamp)
        event.data["booking_id"] = booking_id
        return contact, event

    def _given_by(self, invitee: Invitee) -> dict[str, Any]:
        """Return the fields that a booking event changes, with the sources in `booked`."""
        given: dict[str, Any] = {}
        booked = dict(self.booked)

        def takes(name: str, *, is_missing: bool) -> bool:
            if invitee.interaction_id < booked[name] if name in booked else is_missing:
                booked[name] = invitee.interaction_id
                return True
            return False

        first, last, addresses = invitee.first_name, invitee.last_name, self.addresses
        is_missing = not has_real_name(self.first_name, self.last_name, addresses)
        if has_real_name(first, last, addresses) and takes("name", is_missing=is_missing):
            given |= {"first_name": first, "last_name": last, "full_name": join_name(first, last)}
        if invitee.phone and takes("phone", is_missing=not self.phone):
            given |= {"phone": invitee.phone, "phone_raw": invitee.phone_raw}
        if invitee.owner_id is not None and takes("owner_id", is_missing=self.owner_id is None):
            given["owner_id"] = invitee.owner_id
        given["booked"] = dict(sorted(booked.items()))  # independent of the order of arrival
        return given

    def _organizers_after(self, figures: BookingFigures, *, named: str | None = None) -> dict[str, Any]:
        """Return the organizers after a booking event.

        They are the users whom events with one of the contact's addresses `named`, and those who organize its bookings.
        A booking may get its organizer from an event with another contact's address; such a user is an organizer only
        as long as the booking is of this contact, whatever the order of the events. A user beyond MAX_ORGANIZERS gets
        the place of the next one that is removed.
        """
        known, unnamed = set(self.organizer_ids), dict(self.unnamed_organizers)
        before, after = figures.organizer_before, figures.organizer_after
        if before != after:
            if before in unnamed:
                unnamed[before] -= 1
                if not unnamed[before]:
                    del unnamed[before]
                    known.discard(before)
            if after is not None and (after in unnamed or after not in known):
                unnamed[after] = unnamed.get(after, 0) + 1
        if named is not None and (named in known or len(known) < MAX_ORGANIZERS):
            known.add(named)
            unnamed.pop(named, None)
        return organizer_fields(known, unnamed)

    def _next_version(self, given: dict[str, Any], stamp: Stamp) -> Self:
        """Return the next version. A field that is changed by anything but a booking loses its source."""
        if self.booked and "booked" not in given:
            given = {**given, "booked": {n: s for n, s in self.booked.items() if not self._changes(given, n)}}
        return super()._next_version(given, stamp)

    def _changes(self, given: dict[str, Any], name: str) -> bool:
        present = self.__dict__
        return any(given.get(field, present[field]) != present[field] for field in _FIELDS[name])


def organizer_fields(present: set[str], unnamed: Mapping[str, int]) -> dict[str, Any]:
    """Return a contact's fields of organizers: those `present`, and of `unnamed` as many more as there is room for.

    Both are sorted, so that the result does not depend on the order of the bookings while there is room.
    """
    room = max(MAX_ORGANIZERS - len(present), 0)
    further = sorted(unnamed.keys() - present)[:room]
    return {
        "organizer_ids": sorted({*present, *further}),
        "unnamed_organizers": dict(sorted(unnamed.items())),
    }


def has_real_name(first_name: str, last_name: str, addresses: Iterable[str]) -> bool:
    """Return whether a name is more than the part before the `@` of one of the contact's addresses."""
    name = join_name(first_name, last_name)
    return bool(name) and all(name != local_part(address) for address in addresses)
