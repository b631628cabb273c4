"""Handing over the contacts and open follow-ups of a removed user, in the background, to a successor or to no one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.accounts.removal import HANDOVER_SECONDS, HandoverPlan, OwnsContacts, RemovalQuery
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

_OWNER_PERMISSIONS = ("contacts:read", "contacts:write")
"""The permissions that, at level `all`, allow a caller to change the owner of contacts."""
_ASSIGNEE_PERMISSION = "interactions:write"
"""The permission that, at level `all`, allows a caller to change the assignee of follow-ups."""


class Counters(Protocol):
    """The numbers of contacts; see `shared.table.contacts.index.ContactIndex`."""

    def count(self, name: str) -> int: ...


class SettingsRepository(Protocol):
    """The settings of one tenant; see `shared.table.accounts.settings.SettingsTable`."""

    def get(self) -> Tenant | None: ...


class Handover:
    """Hands over the contacts of users whom one caller removes.

    `forget`: makes this process read the tenant again at its next use.
    """

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
        """Return the records to write with the removal of a user.

        These are the job that changes the owner of the user's contacts and the assignee of their open follow-ups, and
        the tenant with another default owner if the user is the default owner. The job starts after HANDOVER_SECONDS.
        If the caller may change the owner of contacts, there is a job even for a user who owns nothing: the counter of
        contacts lags by about a second, the user may create contacts for a minute more, and may be the assignee of
        follow-ups. If `wanted` does not decide about these, they get the tenant's default owner.

        Raises OwnsContacts if `wanted` does not say what becomes of contacts that are counted, Invalid if the successor
        is not an active user, and PermissionDenied if the caller may not change the owner of contacts.
        """
        wanted.check(user.id)
        if wanted.successor_id is not None and not self._is_active_user(wanted.successor_id):
            raise Invalid.field("successor_id", "unknown_owner", "This is not the id of an active user.")
        owned = self._counters.count(f"owner_id={user.id}")
        tenant = self._settings.get()
        default_owner_id = tenant.settings.default_owner_id if tenant is not None else None
        is_default_owner = default_owner_id == user.id
        next_owner_id = wanted.successor_id
        if not wanted.decides_ownership:
            if owned or is_default_owner:
                raise OwnsContacts(owned, is_default_owner=is_default_owner)
            next_owner_id = default_owner_id
        if owned:
            self._caller.require_all(*_OWNER_PERMISSIONS)
        return HandoverPlan(
            successor_id=wanted.successor_id,
            job=self._build_job(user.id, next_owner_id, owned),
            settings=self._replace_default_owner(tenant, wanted.successor_id)
            if tenant is not None and is_default_owner
            else None,
        )

    def _build_job(self, user_id: str, successor_id: str | None, owned: int) -> BulkRun | None:
        if not owned and not all(self._caller.level(one) == "all" for one in _OWNER_PERMISSIONS):
            return None
        return BulkRun.begin(
            job_id=new_id(),
            action="update",
            caller=self._caller,
            wanted=ContactFilter(owner_id=user_id),
            change=BulkChange(
                fields={"owner_id": successor_id},
                former_assignee_id=user_id if self._caller.level(_ASSIGNEE_PERMISSION) == "all" else "",
            ).to_json(),
            matched=owned,
            at=timestamps.now(),
            wait_seconds=HANDOVER_SECONDS,
        )

    def _replace_default_owner(
        self, tenant: Tenant, successor_id: str | None
    ) -> tuple[Tenant, Tenant, Event] | None:
        settings = replace(tenant.settings, default_owner_id=successor_id)
        changed = tenant.change(settings, stamp=Stamp.now(self._caller))
        return (tenant, *changed) if changed else None

    def start(self, plan: HandoverPlan) -> None:
        """Start a handover whose records are written. The watch over jobs starts a job that cannot be queued now."""
        if plan.settings is not None:
            self._forget()
        if plan.job is not None:
            with contextlib.suppress(Unavailable):
                task = BulkTask(self._caller.tenant_id, plan.job.id, 1)
                self._queue().send([task], delay=HANDOVER_SECONDS)
