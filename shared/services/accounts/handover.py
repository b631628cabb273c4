"""Hands the contacts of a removed user to a successor or to nobody, in the background."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.accounts.removal import HandoverPlan, OwnsContacts, RemovalQuery
from shared.domain.accounts.user import User
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChange
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import Invalid, Unavailable
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.jobs.bulk import BulkRun, BulkTask
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.services.jobs.queue import TaskQueue

_GIVING = ("contacts:read", "contacts:write")
"""The permission that, at level `all`, allows to give contacts an owner."""


class Counters(Protocol):
    """How many contacts there are; see `shared.table.contacts.index.ContactIndex`."""

    def count(self, name: str) -> int: ...


class SettingsRepository(Protocol):
    """The settings of one tenant; see `shared.table.accounts.settings.SettingsTable`."""

    def get(self) -> Tenant | None: ...


class Handover:
    """Hands over what users own who are removed by one caller. `forget`: has this process read the tenant anew."""

    def __init__(
        self,
        caller: Caller,
        counters: Counters,
        settings: SettingsRepository,
        queue: Callable[[], TaskQueue[BulkTask]],
        *,
        is_active_user: Callable[[str], bool],
        forget: Callable[[], None],
    ) -> None:
        self._caller = caller
        self._counters = counters
        self._settings = settings
        self._queue = queue
        self._is_active_user = is_active_user
        self._forget = forget

    def plan(self, user: User, wanted: RemovalQuery) -> HandoverPlan:
        """The records to write with a user's removal: the job that changes the owner of their contacts, and another
        default owner of the tenant where the user is that.

        The number of contacts follows changes within about a second. Raises OwnsContacts when it is not said what is to
        become of them, Invalid for a successor who is no active user, and PermissionDenied when the caller may not give
        contacts an owner.
        """
        wanted.check(user.id)
        if wanted.successor_id is not None and not self._is_active_user(wanted.successor_id):
            raise Invalid.field("successor_id", "unknown_owner", "This is not the id of an active user.")
        owned = self._counters.count(f"owner_id={user.id}")
        tenant = self._settings.get()
        if tenant is not None and tenant.settings.default_owner_id != user.id:
            tenant = None
        if not wanted.decides_ownership:
            if owned or tenant:
                raise OwnsContacts(owned, is_default_owner=tenant is not None)
            return HandoverPlan()
        if owned:
            self._caller.require_all(*_GIVING)
        return HandoverPlan(
            job=self._job(user.id, wanted.successor_id, owned),
            settings=self._other_default(tenant, wanted.successor_id) if tenant else None,
        )

    def _job(self, user_id: str, successor_id: str | None, owned: int) -> BulkRun | None:
        # Also where the counter says none: what was made in the last moments is not counted yet.
        if not owned and not all(self._caller.level(one) == "all" for one in _GIVING):
            return None
        return BulkRun.begin(
            job_id=new_id(),
            action="update",
            caller=self._caller,
            wanted=ContactFilter(owner_id=user_id),
            change=BulkChange(fields={"owner_id": successor_id}).to_json(),
            matched=owned,
            at=timestamps.now(),
        )

    def _other_default(self, tenant: Tenant, successor_id: str | None) -> tuple[Tenant, Tenant, Event] | None:
        settings = replace(tenant.settings, default_owner_id=successor_id)
        changed = tenant.change(settings, stamp=Stamp.now(self._caller))
        return (tenant, *changed) if changed else None

    def begin(self, plan: HandoverPlan) -> None:
        """Go on from what was written. A job that cannot be queued now is taken up by the watch over jobs."""
        if plan.settings is not None:
            self._forget()
        if plan.job is not None:
            with contextlib.suppress(Unavailable):
                self._queue().send([BulkTask(self._caller.tenant_id, plan.job.id, 1)])
