"""Routes of customers and their contacts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.contacts.shown import ContactShown
from shared.domain.customers.record import Customer, CustomerInput, CustomerPatch, CustomerShown
from shared.domain.errors import Conflict, Invalid, NotFound, UsernameTaken, VersionMismatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.services.customers.writing import INCLUDING_CUSTOMERS
from shared.wiring.contacts import show_contacts
from shared.wiring.customers import customer_service, show_customers

routes = Routes("Customers")

_INCLUDE = Field(
    None, description="Include the 25 oldest contacts of each customer, and the complete primary contact."
)


class CustomerQuery(BaseModel):
    """The records to include with a customer."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    include: Literal["contacts"] | None = _INCLUDE


class CustomerListQuery(ListQuery):
    """The customers to list, and what to include with each."""

    username: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Only the customer with this username. Case does not matter.",
    )
    search: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Only customers whose name, username, e-mail address, number or national id have words that start "
        "with these. All words must be found. Customers are sorted by what was found.",
    )
    include: Literal["contacts"] | None = _INCLUDE

    @model_validator(mode="after")
    def _require_few_with_contacts(self) -> CustomerListQuery:
        if self.include and self.limit > INCLUDING_CUSTOMERS:
            message = f"With `include=contacts` a page has at most {INCLUDING_CUSTOMERS} customers."
            raise Invalid.field("limit", "less_than_equal", message)
        if self.search and self.username:
            raise Invalid.field("search", "contradiction", "Give `search` or `username`, not both.")
        return self


@routes.route(
    "GET",
    "/customers",
    summary="List customers, newest first, or search them",
    query=CustomerListQuery,
    answer=CustomerShown,
    show=show_customers,
    paged=True,
)
def list_customers(call: Call, query: CustomerListQuery) -> Reply:
    page = customer_service(call.caller, budget=call.budget).list(
        limit=query.limit,
        cursor=query.cursor,
        username=query.username,
        search=query.search,
        include_contacts=query.include is not None,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/customers",
    summary="Create a customer",
    body=CustomerInput,
    answer=Customer,
    status=201,
    location="/customers/{id}",
    errors=(UsernameTaken,),
)
def create_customer(call: Call, body: CustomerInput) -> Reply:
    return Reply(record=customer_service(call.caller, call.claim).create(body))


@routes.route(
    "GET",
    "/customers/{customer_id}",
    summary="Read a customer",
    query=CustomerQuery,
    answer=CustomerShown,
    show=show_customers,
    errors=(NotFound,),
)
def read_customer(call: Call, customer_id: str, query: CustomerQuery) -> Reply:
    include = query.include is not None
    return Reply(
        record=customer_service(call.caller, budget=call.budget).read(customer_id, include_contacts=include)
    )


@routes.route(
    "PUT",
    "/customers/{customer_id}",
    summary="Replace a customer",
    body=CustomerInput,
    answer=Customer,
    conditional=True,
    errors=(NotFound, UsernameTaken, VersionMismatch),
)
def replace_customer(call: Call, customer_id: str, body: CustomerInput) -> Reply:
    return Reply(record=customer_service(call.caller).replace(customer_id, body, call.if_match))


@routes.route(
    "PATCH",
    "/customers/{customer_id}",
    summary="Change fields of a customer (JSON merge patch)",
    body=CustomerPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Customer,
    conditional=True,
    errors=(NotFound, UsernameTaken, VersionMismatch),
)
def patch_customer(call: Call, customer_id: str, body: CustomerPatch) -> Reply:
    return Reply(record=customer_service(call.caller).patch(customer_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/customers/{customer_id}",
    summary="Delete a customer that has no contacts",
    status=204,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def delete_customer(call: Call, customer_id: str) -> Reply:
    customer_service(call.caller).delete(customer_id, call.if_match)
    return Reply(204)


@routes.route(
    "GET",
    "/customers/{customer_id}/contacts",
    summary="List a customer's contacts, newest first",
    query=ListQuery,
    answer=ContactShown,
    show=show_contacts,
    paged=True,
    errors=(NotFound,),
)
def list_contacts_of_customer(call: Call, customer_id: str, query: ListQuery) -> Reply:
    page = customer_service(call.caller, budget=call.budget).contacts(
        customer_id, limit=query.limit, cursor=query.cursor
    )
    return Reply(page=page)
