"""Notes of contacts: single ones, lists, and their processing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.tenants import find_tenant

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.notes.lists import NoteLists
    from shared.services.notes.processing import NoteProcessing
    from shared.services.notes.service import NoteService
    from shared.services.reading_budget import Budget


def note_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> NoteService:
    """The single notes of contacts, for one caller."""
    from shared.services.notes.service import NoteService
    from shared.table.notes.repository import NoteTable

    return NoteService(
        caller,
        contact_reading(caller),
        NoteTable(store_for(claim), caller.tenant_id),
        announce=announcer(claim),
    )


def note_lists(caller: Caller, budget: Budget | None = None) -> NoteLists:
    """The lists of notes, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.notes.lists import NoteLists
    from shared.services.reading_budget import Budget
    from shared.table.notes.index import NoteIndex

    budget = budget or Budget()
    index = NoteIndex(store(), caller.tenant_id, budget)
    return NoteLists(caller, contact_reading(caller), index, cursors(), budget)


def note_processing() -> NoteProcessing:
    """The service that processes the notes of all tenants."""
    from shared.services.notes.processing import NoteProcessing
    from shared.table.notes.repository import NoteTable

    return NoteProcessing(find_tenant, partial(NoteTable, store()))
