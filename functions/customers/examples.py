"""Examples of the customers' routes; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.customers.record import Customer
from shared.domain.errors import Conflict, Invalid, NotFound, UsernameTaken, VersionMismatch
from shared.http.examples import ADA_ID, ADA_OF_CUSTOMER, CUSTOMER_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_OTHER_ID = "01962e29-9800-7e61-94b3-0c5a7d8e1f66"
_AT = "2025-04-06T09:30:00.000Z"
_MADE: dict[str, Any] = {
    "created_at": _AT,
    "created_by": f"user:{USER_ID}",
    "updated_at": _AT,
    "updated_by": f"user:{USER_ID}",
}
_GIVEN: dict[str, Any] = {
    "first_name": "Grace",
    "last_name": "Hopper",
    "username": "ghopper",
    "email": "grace@example.com",
}
_GRACE = Customer(id=CUSTOMER_ID, number="CUST000001", full_name="Grace Hopper", **_GIVEN, **_MADE)
_WITH_CONTACT = _GRACE.model_copy(update={"contact_count": 1, "primary_contact": ADA_ID, "version": 2})
_CHANGED = {"version": 2, "updated_at": "2025-05-02T14:05:00.000Z"}

PARAMETERS = {"customer_id": CUSTOMER_ID, "username": "ghopper", "search": "hopper", "include": "contacts"}

EXAMPLES = {
    "list_customers": Example(answer=Page([_WITH_CONTACT], None, 1), problems=(LIMIT_REFUSED,)),
    "create_customer": Example(
        request=_GIVEN,
        answer=_GRACE,
        problems=(
            UsernameTaken(_OTHER_ID),
            Invalid.field("email", "email", "This is not a valid e-mail address."),
        ),
    ),
    "read_customer": Example(answer=_WITH_CONTACT, problems=(NotFound("Customer"),)),
    "replace_customer": Example(
        request={**_GIVEN, "is_verified": True},
        answer=_GRACE.model_copy(update={**_CHANGED, "is_verified": True}),
        problems=(UsernameTaken(_OTHER_ID), VersionMismatch(), NotFound("Customer")),
    ),
    "patch_customer": Example(
        request={"last_name": "Murray"},
        answer=_GRACE.model_copy(update={**_CHANGED, "last_name": "Murray", "full_name": "Grace Murray"}),
        problems=(UsernameTaken(_OTHER_ID), VersionMismatch(), NotFound("Customer")),
    ),
    "delete_customer": Example(
        problems=(
            Conflict("This customer has contacts. Move or delete them first.", code="customer_has_contacts"),
            NotFound("Customer"),
        )
    ),
    "list_contacts_of_customer": Example(
        answer=Page([ADA_OF_CUSTOMER], None, 1),
        problems=(NotFound("Customer"),),
    ),
}
