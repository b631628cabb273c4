"""An export goes through a whole import with `update`, and nothing changes; AWS in moto."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.import_options import ImportOptions
from shared.domain.tenant import TenantSettings
from tests.integration.exports.exports import Exports
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer

PEOPLE: list[dict[str, Any]] = [
    {
        "first_name": "=Ada",
        "last_name": "@Lovelace",
        "email": "ada@example.com",
        "other_emails": ["ada@home.example.com", "ada@work.example.com"],
        "phone": "+1 (202) 555-0143",
        "whatsapp": "+442079460958",
        "other_phones": [
            {"label": "mobile", "number": "+12025550144"},
            {"label": 'desk: "2nd", left', "number": "+12025550145"},
            {"label": "", "number": "+12025550146"},
        ],
        "company": "-Engines; “Analytical”, Ltd.",
        "department": "R&D",
        "job_title": "+Programmer",
        "about": 'First line\n\t=second, "third"\n\u05e9\u05dc\u05d5\u05dd 👩\u200d💻',
        "tags": ["vip", "a;b", 'say "hi"', "=tag"],
        "types": ["Supplier"],
        "groups": ["Spring; early"],
        "custom_fields": {
            "colour": "grün",
            "visits": 3,
            "ratio": 0.5,
            "debt": -12,
            "member": True,
            "left": False,
            "zip": "02134",
            "formula": "=1+1",
            "quoted": "'=1+1",
            "lines": "one\ntwo",
        },
    },
    {"first_name": "Zoë", "email": "zoe@example.com", "custom_fields": {"only_hers": "x"}},
    {"first_name": "N/A", "last_name": "0", "email": "na@example.com", "company": "null"},
]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_imported_again_changes_nothing(
    aws_stack: Stack, token_issuer: TokenIssuer, format: str
) -> None:
    """check 84: through the API, the queue, the file, the inbox and the import."""
    options = ImportOptions(on_duplicate="update")
    world = World(aws_stack, token_issuer, TenantSettings(import_defaults=options))
    assert world.send("POST", "/types", {"name": "Supplier"}).status == 201
    assert world.send("POST", "/groups", {"name": "Spring; early"}).status == 201
    customer = world.send("POST", "/customers", {"first_name": "Mary", "username": "mary"}).json
    for person in PEOPLE:
        world.create(**person)
    world.create("member@example.com", customer_id=customer["id"])
    owned = world.create("owned@example.com", token=world.t1.user)
    moved = world.create("moved@example.com")
    status = {"relationship_status": "qualified_lead", "reason": "asked"}
    assert world.send("PUT", f"/contacts/{moved['id']}/status", status).status == 200
    world.catch_up()
    before = world.listed()
    assert owned["owner_id"] != moved["owner_id"]

    file = Exports(world).made(format=format)
    folder = DropFolder(world)
    folder.deliver(folder.put(file, f"contacts.{format}"))
    folder.work()
    (shown,) = world.send("GET", "/imports").json["items"]
    counts = {name: amount for name, amount in shown["counts"].items() if amount}
    assert counts == {"rows": len(before), "unchanged": len(before)}, folder.results(shown)
    world.catch_up()
    assert world.listed() == before
    world.content.assert_whole()
