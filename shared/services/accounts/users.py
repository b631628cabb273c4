"""What callers do with the users of their tenant."""

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
from shared.services.paging import Cursors, Page, page_of

NOTHING_SETTLED = RemovalQuery.model_construct(successor_id=None, contacts=None)
"""That it was not said what is to become of a removed user's contacts."""


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
    """The pool of those who sign in with a password; see `shared.identity.user_pool.UserPool`."""

    def remove(self, username: str, sub: str) -> None:
        """Remove the user `sub` who has a name, as far as that can be done now."""
        ...


class UserService:
    """The users as one caller may see and change them.

    To read them takes `contacts:read`, to change and remove them `tenant:admin`; their names people may change
    themselves. They sign in with `accounts`, or where that is None with another issuer.
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
        """A page of the users in the order of their ids; only those of a role, or active or not, if given."""
        self._caller.require("contacts:read")
        narrowed = role is not None or is_active is not None

        def read(count: int, after: str | None) -> Sequence[User]:
            if not narrowed:
                return self._users.page(limit=count, after=after)
            # There are so few that all that are left can be looked through.
            found = (
                one
                for one in self._users.all_after(after)
                if role in (None, one.role) and is_active in (None, one.is_active)
            )
            return list(islice(found, count))

        return page_of(
            read,
            lambda user: user.id,
            lambda user: user,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("users", str(role), str(is_active)),
        )

    def read(self, user_id: str) -> User:
        """A user."""
        self._caller.require("contacts:read")
        user = self._users.get(user_id) if is_user_id(user_id) else None
        if user is None:
            raise NotFound("User")
        return user

    def change(self, user_id: str, patch: UserPatch, if_match: IfMatch | None) -> User:
        """The user with the given fields changed (RFC 7396). What is taken of rights is gone within a minute.

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
        self, user_id: str, if_match: IfMatch | None, wanted: RemovalQuery = NOTHING_SETTLED
    ) -> BulkJob | None:
        """Remove a user, who can no longer sign in; the job that changes the owner of their contacts, if there is one.

        Raises as `change` and `Handover.plan` do.

        Where the user goes from a pool too, nobody becomes a member under their id for the next 15 minutes: somebody
        who found it in the pool before would otherwise set a password for whoever has the name next.
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

        gone = change_record(read, if_match, act, save, sleep=self._sleep)
        if self._accounts is not None:
            self._accounts.remove(gone.email, gone.id)
        if plan != HandoverPlan():
            self._handover().begin(plan)
        return BulkJob.of(plan.job) if plan.job else None

    def _is_caller(self, user: User) -> bool:
        return self._caller.kind == "user" and self._caller.id == user.id
