"""The template of a file to import: a header line that imports recognize, and example rows."""

from __future__ import annotations

import csv
import io

from pydantic import BaseModel, ConfigDict, Field

FILE_NAME = "contacts-template.csv"
HEADER = (
    "Email", "First Name", "Last Name", "Phone", "WhatsApp", "Company", "Department", "Job Title", "Notes", "Tags",
    "Types", "Groups", "Owner", "Other Emails", "Other Phones", "Customer Number", "Status", "Lifecycle Stage",
)  # fmt: skip
"""The columns that a person may fill, named as an export names them."""
_EXAMPLES: tuple[dict[str, str], ...] = (
    {
        "Email": "ada@example.com",
        "First Name": "Ada",
        "Last Name": "Lovelace",
        "Phone": "+44 20 7946 0958",
        "Company": "Analytical Engines",
        "Job Title": "Programmer",
        "Notes": "Prefers mornings",
        "Tags": "vip, regular",
        "Other Emails": "ada@home.example.com",
        "Other Phones": "mobile: +1 202 555 0101",
        "Status": "Active Client",
    },
    {
        "Email": "grace@example.com",
        "First Name": "Grace",
        "Last Name": "Hopper",
        "Phone": "+1 202 555 0143",
        "WhatsApp": "+1 202 555 0143",
        "Company": "Compilers, Inc.",
        "Status": "Prospect",
    },
)


class TemplateQuery(BaseModel):
    """The parameters of the template."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    example: bool = Field(False, description="Whether example rows follow the header line.")


def template(*, with_examples: bool) -> str:
    """Return the template as CSV. It begins with a byte order mark, by which spreadsheets recognize UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER, restval="")
    writer.writeheader()
    if with_examples:
        writer.writerows(_EXAMPLES)
    return f"\ufeff{text.getvalue()}"
