"""Examples of requests and answers for the OpenAPI document. No function loads this.

Each resource has its own in `functions/<resource>/examples.py`: `EXAMPLES` by the names of the handlers, and
`PARAMETERS` by the names of path and query parameters. This module has the records that several resources use. The
people are fictional; their addresses (RFC 2606) and numbers are reserved for examples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from shared.domain.accounts.invitation import IssuedInvitation
from shared.domain.accounts.user import User
from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import DomainError, Invalid
from shared.http.problems import build_problem
from shared.services.paging import Page

REQUEST_ID = "4f6c1f0e-6d5b-4f7e-9a52-0f0f3a9d2c11"


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a request to an operation and of its answers.

    `request`: the body. `answer`: the record, page or text of a success. `problems`: the refusals that callers are most
    likely to get, the most typical first. `parameters`: by name, where the resource's `PARAMETERS` do not fit.
    """

    request: Any = None
    answer: BaseModel | Page[Any] | str | None = None
    problems: tuple[DomainError, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


def dump_answer(answer: BaseModel | Page[Any] | str) -> Any:
    """Return an answer's body as a JSON value. A text is its own value."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Page):
        items = [entry.model_dump(mode="json") for entry in answer.items]
        return {"items": items, "next_cursor": answer.next_cursor, "total": answer.total}
    return answer.model_dump(mode="json")


def dump_problem(error: DomainError) -> Any:
    """Return a refusal's body as a JSON value."""
    return json.loads(build_problem(error, REQUEST_ID).body or "")


LIMIT_REFUSED = Invalid.field("limit", "greater_than_equal", "This must be 1 or more.")
"""The refusal of `limit=0`."""

USER_ID = "b1a3c6d2-7a52-4a0e-9c2f-3a5d6f1f0c77"
ADA_ID = "01960a6f-79c0-7a3e-9d41-5b7a2c9e0f13"
CUSTOMER_ID = "01962e29-9800-7e61-94b3-0c5a7d8e1f55"
JOB_ID = "01962e29-9800-7a10-8b01-3b5c7d9e0f55"
GROUP_ID = "01962e29-9800-7f10-8a03-3b5c7d9e0f33"
GRACE_ID = "01960a6f-8d48-7c18-8e02-94d1b6f3a720"

ADA = ContactShown(
    id=ADA_ID,
    first_name="Ada",
    last_name="Lovelace",
    full_name="Ada Lovelace",
    email="ada@example.com",
    other_emails=["ada@home.example.com"],
    phone="+442079460958",
    phone_raw="+44 20 7946 0958",
    other_phones=[{"label": "mobile", "number": "+12025550143", "raw": None}],
    company="Analytical Engines",
    job_title="Programmer",
    tags=["VIP", "newsletter"],
    owner_id=USER_ID,
    owner_name="Mary Somerville",
    communication={"preferred": "email", "opt_outs": {}},
    custom_fields={"favourite_colour": "green", "visits": 3},
    created_at="2025-04-06T09:30:00.000Z",
    created_by=f"user:{USER_ID}",
    updated_at="2025-04-06T09:30:00.000Z",
    updated_by=f"user:{USER_ID}",
)
"""A contact after its creation."""
ADA_OF_CUSTOMER = ADA.model_copy(
    update={
        "customer_id": CUSTOMER_ID,
        "customer_name": "Grace Hopper",
        "customer_username": "ghopper",
        "is_primary": True,
    }
)
"""The contact as the primary contact of a customer."""

INVITATION_ID = "01962e29-9800-7d20-8c05-3b5c7d9e0f66"
INVITATION = IssuedInvitation(
    id=INVITATION_ID,
    email="grace@example.com",
    role="user",
    first_name="Grace",
    last_name="Hopper",
    expires_at="2025-04-20T08:00:00.000Z",
    created_at="2025-04-13T08:00:00.000Z",
    created_by=f"user:{USER_ID}",
    updated_at="2025-04-13T08:00:00.000Z",
    updated_by=f"user:{USER_ID}",
    token=f"inv_64656d6f_{INVITATION_ID.replace('-', '')}_uNjzO7lqk3cM8xEbR1tYw5vHs2aDf9gKiPoZ0XeLmQ4",
    emailed=True,
)
"""An invitation in the answer to its creation. The token is fictional."""
INVITED = User(
    id="c4b2f7a9-1d3e-4f60-8a5b-7e9c0d2f4b61",
    username="grace@example.com",
    email="grace@example.com",
    first_name="Grace",
    last_name="Hopper",
    role="user",
    created_at="2025-04-13T09:12:00.000Z",
    created_by="user:c4b2f7a9-1d3e-4f60-8a5b-7e9c0d2f4b61",
    updated_at="2025-04-13T09:12:00.000Z",
    updated_by="user:c4b2f7a9-1d3e-4f60-8a5b-7e9c0d2f4b61",
)
"""The user who accepted the invitation."""
