"""Managing API clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.accounts.api_client import (
    ApiClient,
    ApiClientInput,
    ApiClientPatch,
    IssuedKey,
    NewApiClient,
)
from shared.domain.callers import Caller
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.stamp import Stamp
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch, change_record
from shared.services.paging import Cursors, Page, read_page


class ApiClientRepository(Protocol):
    """The API clients of one tenant; see `shared.table.accounts.api_clients.ApiClientTable`."""

    def get(self, client_id: str) -> ApiClient | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[ApiClient]: ...

    def add(self, client: ApiClient, event: Event) -> None: ...

    def replace(self, before: ApiClient, after: ApiClient, event: Event) -> None: ...

    def remove(self, before: ApiClient, event: Event) -> None: ...


class ApiClientService:
    """The API clients of a tenant, for one caller; all methods require `tenant:admin` at level `all`.

    Such a caller may grant a client permissions that the caller lacks, as the caller could also create an admin.
    """

    def __init__(
        self,
        caller: Caller,
        clients: ApiClientRepository,
        cursors: Cursors,
        *,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._clients = clients
        self._cursors = cursors
        self._sleep = sleep
        self._announce = announce

    def list(self, *, limit: int, cursor: str | None) -> Page[ApiClient]:
        """Return a page of the API clients, newest first."""
        self._caller.require_all("tenant:admin")
        return read_page(
            lambda count, after: self._clients.list_newest(limit=count, after=after),
            lambda client: client.id,
            lambda client: client,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("api_clients"),
        )

    def create(self, given: ApiClientInput) -> NewApiClient:
        """Create an API client with a key, which is shown only now. Raises Conflict if the tenant has too many."""
        self._caller.require_all("tenant:admin")
        at = timestamps.now()
        key = IssuedKey.make(at)
        client, event = ApiClient.create(
            given.given_fields(), key.record, client_id=new_id(), stamp=Stamp(new_id(), at, self._caller)
        )
        shown = client.with_key(key.text)
        self._announce(shown)
        self._clients.add(client, event)
        return shown

    def read(self, client_id: str) -> ApiClient:
        """Return an API client. Raises NotFound."""
        self._caller.require_all("tenant:admin")
        client = self._clients.get(client_id) if is_id(client_id) else None
        if client is None:
            raise NotFound("API client")
        return client

    def change(self, client_id: str, given: ApiClientPatch, if_match: IfMatch | None) -> ApiClient:
        """Apply a merge patch (RFC 7396). It takes effect within a minute, as the authorizer's cache expires."""
        self._caller.require_all("tenant:admin")
        fields = given.given_fields()
        return self._write(
            client_id,
            if_match,
            lambda client: client.change(fields, stamp=Stamp.now(self._caller)),
            self._clients.replace,
        )

    def rotate_key(self, client_id: str, overlap_seconds: int, if_match: IfMatch | None) -> NewApiClient:
        """Add a new key, which is shown only now. The present key stays valid for the overlap."""
        key = IssuedKey.make(timestamps.now())

        def save(before: ApiClient, after: ApiClient, event: Event) -> None:
            self._announce(after.with_key(key.text))
            self._clients.replace(before, after, event)

        client = self._write(
            client_id,
            if_match,
            lambda client: client.rotate_key(
                key.record,
                overlap_seconds=overlap_seconds,
                stamp=Stamp.now(self._caller),
            ),
            save,
        )
        return client.with_key(key.text)

    def delete(self, client_id: str, if_match: IfMatch | None) -> None:
        """Delete an API client; all its keys end at once. A client may delete itself."""
        self._write(
            client_id,
            if_match,
            lambda client: client.delete(stamp=Stamp.now(self._caller)),
            lambda before, _, event: self._clients.remove(before, event),
        )

    def _write(
        self,
        client_id: str,
        if_match: IfMatch | None,
        act: Callable[[ApiClient], tuple[ApiClient, Event] | None],
        save: Callable[[ApiClient, ApiClient, Event], None],
    ) -> ApiClient:
        return change_record(lambda: self.read(client_id), if_match, act, save, sleep=self._sleep)
