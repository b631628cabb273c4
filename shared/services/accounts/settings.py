"""Reading and changing the settings of a tenant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from shared.domain.accounts.settings import SettingsPatch
from shared.domain.callers import Caller
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.services.import_options import check_options
from shared.services.labels.labelling import Labelling
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict


class SettingsRepository(Protocol):
    """The settings of one tenant; see `shared.table.accounts.settings.SettingsTable`."""

    def get(self) -> Tenant | None: ...

    def save(self, before: Tenant, after: Tenant, event: Event) -> None: ...


class Counters(Protocol):
    """The numbers of contacts; see `shared.table.contacts.index.ContactIndex`."""

    def counts_of(self, names: Sequence[str]) -> Sequence[int]: ...


class SettingsService:
    """The settings of a tenant, for one caller.

    Reading requires `contacts:read`, changing requires `tenant:admin` at level `all`.

    `apply_duplicate_key`: makes contacts follow the setting `duplicate_key` some time after it has changed. `forget`:
    makes this process read the tenant's record again. Other processes use the record that they have for up to
    `shared.wiring.tenants.TENANT_SECONDS`.
    """

    def __init__(
        self,
        caller: Caller,
        settings: SettingsRepository,
        counters: Counters,
        labelling: Callable[[], Labelling],
        *,
        is_active_user: Callable[[str], bool],
        forget: Callable[[], None],
        apply_duplicate_key: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._settings = settings
        self._counters = counters
        self._labelling = labelling
        self._is_active_user = is_active_user
        self._forget = forget
        self._apply_duplicate_key = apply_duplicate_key
        self._sleep = sleep

    def read(self) -> Tenant:
        """Return the tenant with its current settings."""
        self._caller.require("contacts:read")
        return self._read()

    def change(self, given: SettingsPatch, if_match: IfMatch | None) -> Tenant:
        """Apply a merge patch (RFC 7396).

        Raises VersionMismatch; Invalid if the default owner is not an active user, or if `import_defaults` names an
        owner, tags or groups that contacts cannot have; and Conflict if the patch changes `unique_scope` while the
        tenant has contacts, since the locks of all contacts would have to move at once.
        Deleted contacts hold no locks; they take theirs under the current scope when they are restored.

        A contact created during the change can be overlooked: the counter lags by about a second, and other processes
        write under the old scope for up to TENANT_SECONDS. Such a contact keeps and releases its locks under the scope
        stored in its record. Until it is deleted and restored, a contact created later under the new scope may have
        the same address.
        """
        self._caller.require_all("tenant:admin")

        def change_once() -> Tenant:
            before = self._read()
            require_match(if_match, before.version)
            settings = given.apply_to(before.settings)
            changed = before.change(settings, stamp=Stamp.now(self._caller))
            if changed is None:
                return before
            if settings.unique_scope != before.settings.unique_scope:
                self._require_no_contacts()
            if settings.default_owner_id != before.settings.default_owner_id:
                self._require_active(settings.default_owner_id)
            if settings.import_defaults != before.settings.import_defaults:
                check_options(
                    settings.import_defaults,
                    settings,
                    self._labelling(),
                    self._is_active_user,
                    field="import_defaults",
                )
            after, event = changed
            if settings.duplicate_key != before.settings.duplicate_key:
                # Before the change: if this process is killed in between, contacts are only looked at without need.
                self._apply_duplicate_key()
            try:
                self._settings.save(before, after, event)
            finally:
                self._forget()
            return after

        return retry_on_conflict(change_once, sleep=self._sleep)

    def _read(self) -> Tenant:
        tenant = self._settings.get()
        if tenant is None:
            raise NotFound("Tenant")
        return tenant

    def _require_active(self, user_id: str | None) -> None:
        if user_id is not None and not self._is_active_user(user_id):
            raise Invalid.field("default_owner_id", "unknown_owner", "This is not the id of an active user.")

    def _require_no_contacts(self) -> None:
        (contacts,) = self._counters.counts_of(["all"])
        if contacts:
            raise Conflict(
                "`unique_scope` can only change while the tenant has no contacts. Delete the contacts first.",
                code="tenant_has_contacts",
            )
