"""Managing the users of a tenant."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.removal import HandoverPlan, RemovalQuery
from shared.domain.accounts.user import OWN_FIELDS, User, UserPatch, UserRole, is_user_id
from shared.domain.callers import Caller
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.jobs.bulk import BulkJob
from shared.domain.stamp import Stamp
from shared.services.accounts.handover import Handover
from shared.services.optimistic import IfMatch, change_record
from shared.services.paging import Cursors, Page, read_page

NO_DECISION = RemovalQuery.model_construct(successor_id=None, contacts=None)
"""A removal that does not say what becomes of the user's contacts."""


class UserRepository(Protocol):
    """The users of one tenant; see `shared.table.accounts.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...

    def page(self, *, limit: int, after: str | None) -> list[User]: ...

    def all_after(self, after: str | None) -> Iterator[User]: ...

    def replace(self, before: User, after: User, event: Event) -> None: ...

    def remove(
        self, before: User, event: Event, claim: MembershipClaim | None, plan: HandoverPlan
    ) -> None: ...


class PoolRemoval(Protocol):
    """The user pool, for removing users; see `shared.identity.user_pool.UserPool`."""

    def remove(self, username: str, sub: str) -> None:
        """Remove the user `sub` with this username, if the pool is available."""
        ...


class UserService:
    """The users of a tenant, for one caller.

    Reading requires `contacts:read`, changing and removing require `tenant:admin`; users may change their own names.
    `accounts`: the user pool in which they sign in; None in a deployment with another issuer.
    """

    def __init__(
        self,
        caller: Caller,
        users: UserRepository,
        cursors: Cursors,
        *,
        accounts: PoolRemoval | None,
        handover: Callable[[], Handover],
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._users = users
        self._cursors = cursors
        self._accounts = accounts
        self._handover = handover
        self._now = now
        self._sleep = sleep

    def list(
        self, *, role: UserRole | None, is_active: bool | None, limit: int, cursor: str | None
    ) -> Page[User]:
        """Return a page of the users in the order of their ids, filtered by `role` and `is_active` if given."""
        self._caller.require("contacts:read")
        is_filtered = role is not None or is_active is not None

        def read(count: int, after: str | None) -> Sequence[User]:
            if not is_filtered:
                return self._users.page(limit=count, after=after)
            # A tenant has at most MAX_USERS users, so all the remaining ones can be read.
            found = (
                one
                for one in self._users.all_after(after)
                if role in (None, one.role) and is_active in (None, one.is_active)
            )
            return list(islice(found, count))

        return read_page(
            read,
            lambda user: user.id,
            lambda user: user,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("users", str(role), str(is_active)),
        )

    def read(self, user_id: str) -> User:
        """Return a user. Raises NotFound."""
        self._caller.require("contacts:read")
        user = self._users.get(user_id) if is_user_id(user_id) else None
        if user is None:
            raise NotFound("User")
        return user

    def change(self, user_id: str, patch: UserPatch, if_match: IfMatch | None) -> User:
        """Apply a merge patch (RFC 7396). Rights that the user loses end within a minute.

        Raises LastAdmin, VersionMismatch.
        """
        given = patch.given_fields()

        def read() -> User:
            user = self.read(user_id)
            if not (self._is_caller(user) and given.keys() <= OWN_FIELDS):
                self._caller.require_all("tenant:admin")
            return user

        def act(user: User) -> tuple[User, Event] | None:
            return user.change(given, stamp=Stamp.now(self._caller))

        return change_record(read, if_match, act, self._users.replace, sleep=self._sleep)

    def delete(
        self, user_id: str, if_match: IfMatch | None, wanted: RemovalQuery = NO_DECISION
    ) -> BulkJob | None:
        """Remove a user, who can no longer sign in; return the job that changes the owner of their contacts.

        Returns None if `wanted` does not say what becomes of the contacts: the user has none, or has only just created
        them. Raises the errors of `change` and `Handover.plan`. If the user is also removed from a user pool, no caller
        can make this id a member again for 15 minutes: a caller that found it in the pool before could otherwise set a
        password for the next user of the name.
        """
        block = MembershipClaim.block(user_id, self._now()) if self._accounts else None

        def read() -> User:
            user = self.read(user_id)
            self._caller.require_all("tenant:admin")
            return user

        def act(user: User) -> tuple[User, Event]:
            return user.delete(stamp=Stamp.now(self._caller))

        plan = HandoverPlan()

        def save(before: User, _: User, event: Event) -> None:
            nonlocal plan
            plan = self._handover().plan(before, wanted)
            self._users.remove(before, event, block, plan)

        removed = change_record(read, if_match, act, save, sleep=self._sleep)
        if self._accounts is not None:
            self._accounts.remove(removed.email, removed.id)
        if plan != HandoverPlan():
            self._handover().start(plan)
        return BulkJob.of(plan.job) if plan.job and wanted.decides_ownership else None

    def _is_caller(self, user: User) -> bool:
        return self._caller.kind == "user" and self._caller.id == user.id
