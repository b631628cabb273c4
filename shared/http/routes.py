"""The declaration of routes, from which `serving` serves them and `openapi` describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from shared.domain.callers import Caller
from shared.domain.errors import DomainError
from shared.http.call import FindFaults
from shared.services.paging import Page

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
CONTACT = "contact_id"
"""The path parameter that names a contact, in the path of a contact and of all that belongs to it."""
CONTENT_LOCATION = "Content-Location"
STAGE = "/v1"
"""The API's stage. The `path` of an event contains it only when a custom domain's base path is used."""

Handler = Callable[..., "Reply"]


class Show(Protocol):
    """Returns records in the form in which a caller may see them.

    `is_written`: the call has written the records, so it must no longer fail.
    """

    def __call__(
        self, caller: Caller, records: Sequence[Any], *, is_written: bool = False
    ) -> Sequence[BaseModel]: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a handler. The body is `record`, `page` or `text`; a record with a version gets an ETag.

    `status`: None for the route's own status.
    """

    status: int | None = None
    record: BaseModel | None = None
    page: Page[Any] | None = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The 202 with which a route may answer instead, when the work continues in the background.

    `answer`: the record of the background work. `location`: its path.
    """

    answer: type[BaseModel]
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A route with everything needed to serve it and to describe it in the OpenAPI document.

    `errors`: the route's own refusals, in addition to those that every route has.
    `location`: the path of a created record, such as `/contacts/{id}`. `{id}` is the record's id, `{event_id}` that of
    the event it is about; other names are the path's parameters.
    `accepted`: the answer when the work continues in the background.
    `body_optional`: whether a call without a body counts as one with an empty object.
    `answer_type`: the media type of the answer. Any type other than JSON is a text.
    `show`: returns the answer's records in the form in which the caller may see them.
    `oauth`: whether refusals have the form of OAuth 2 (`shared.http.oauth`).
    `find_faults`: finds errors in a body that its schema does not describe, so that a refusal lists all errors at once.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    tag: str
    status: int
    answer: type[BaseModel] | None
    paged: bool
    body: type[BaseModel] | None
    body_optional: bool
    media_types: tuple[str, ...]
    query: type[BaseModel] | None
    conditional: bool
    public: bool
    location: str | None
    accepted: Accepted | None
    errors: tuple[type[DomainError], ...]
    answer_type: str
    show: Show | None
    oauth: bool
    find_faults: FindFaults | None

    @property
    def takes_key(self) -> bool:
        """Whether the route takes an Idempotency-Key. Keys belong to callers, so public routes take none."""
        return self.method == "POST" and not self.public

    @property
    def is_of_contact(self) -> bool:
        """Whether the path names a contact."""
        return f"{{{CONTACT}}}" in self.path

    @property
    def follows_merges(self) -> bool:
        """Whether a merged contact in the path is answered with what its survivor has. Other calls are refused."""
        return self.method == "GET" and self.is_of_contact


class Routes:
    """The routes of one resource."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def include(self, *others: Routes) -> None:
        """Add the routes of other resources, each with its own tag."""
        for other in others:
            self.operations += other.operations

    def route(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        status: int = 200,
        answer: type[BaseModel] | None = None,
        paged: bool = False,
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        media_types: tuple[str, ...] = (JSON,),
        query: type[BaseModel] | None = None,
        conditional: bool = False,
        public: bool = False,
        location: str | None = None,
        accepted: Accepted | None = None,
        errors: tuple[type[DomainError], ...] = (),
        answer_type: str = JSON,
        show: Show | None = None,
        oauth: bool = False,
        find_faults: FindFaults | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a route. Its handler takes the Call and, by name, the path's parameters, `body` and `query`."""

        def declare(handler: Handler) -> Handler:
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    summary=summary,
                    handler=handler,
                    tag=self.tag,
                    status=status,
                    answer=answer,
                    paged=paged,
                    body=body,
                    body_optional=body_optional,
                    media_types=media_types,
                    query=query,
                    conditional=conditional,
                    public=public,
                    location=location,
                    accepted=accepted,
                    errors=errors,
                    answer_type=answer_type,
                    show=show,
                    oauth=oauth,
                    find_faults=find_faults,
                )
            )
            return handler

        return declare
