"""Documents name what exists, and only that."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from shared.domain.webhooks.delivery import MAX_ATTEMPTS, RESPONSE_BYTES, WAIT_SECONDS
from shared.domain.webhooks.subscription import MAX_WEBHOOKS
from shared.table import keys
from shared.table.keys.spelling import RECORD_SPACES
from tests.contract.answers import ROOT
from tests.support.template import Template

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])

# Each route of a record, and the operation under which docs/access-patterns.md states its cost.
COSTS = {
    ("GET", "/contacts"): "List 25 contacts",
    ("POST", "/contacts"): "Create a contact",
    ("GET", "/contacts/stats"): "Statistics",
    ("GET", "/contacts/{contact_id}"): "Read a contact",
    ("PUT", "/contacts/{contact_id}"): "Change a contact",
    ("PATCH", "/contacts/{contact_id}"): "Change a contact",
    ("DELETE", "/contacts/{contact_id}"): "Delete a contact",
    ("PUT", "/contacts/{contact_id}/status"): "Change a contact's status",
    ("GET", "/contacts/{contact_id}/status-history"): "List the statuses of a contact",
    ("GET", "/contacts/{contact_id}/interactions"): "List a contact's interactions",
    ("POST", "/contacts/{contact_id}/interactions"): "Record an interaction",
    ("GET", "/contacts/{contact_id}/interactions/{interaction_id}"): "Read an interaction",
    ("PATCH", "/contacts/{contact_id}/interactions/{interaction_id}"): "Change an interaction",
    ("DELETE", "/contacts/{contact_id}/interactions/{interaction_id}"): "Delete an interaction",
    ("GET", "/contacts/{contact_id}/follow-ups"): "List a contact's follow-ups",
    ("POST", "/contacts/{contact_id}/follow-ups"): "Schedule a follow-up",
    ("GET", "/follow-ups"): "List 25 open follow-ups of all contacts",
    ("GET", "/follow-ups/{follow_up_id}"): "Read a follow-up",
    ("PATCH", "/follow-ups/{follow_up_id}"): "Change a follow-up",
    ("POST", "/follow-ups/{follow_up_id}/complete"): "Complete a follow-up with an interaction",
    ("POST", "/follow-ups/{follow_up_id}/cancel"): "Cancel a follow-up",
    ("GET", "/interactions"): "List 25 interactions of all contacts",
    ("GET", "/contacts/{contact_id}/notes"): "List a contact's notes",
    ("POST", "/contacts/{contact_id}/notes"): "Write a note",
    ("GET", "/contacts/{contact_id}/notes/{note_id}"): "Read a note",
    ("PUT", "/contacts/{contact_id}/notes/{note_id}"): "Change a note",
    ("PATCH", "/contacts/{contact_id}/notes/{note_id}"): "Change a note",
    ("DELETE", "/contacts/{contact_id}/notes/{note_id}"): "Delete a note",
    ("POST", "/contacts/{contact_id}/notes/{note_id}/retry"): "Change a note",
    ("GET", "/contacts/{contact_id}/bookings"): "List a contact's bookings",
    ("GET", "/bookings"): "List 25 bookings of all contacts",
    ("GET", "/contacts/{contact_id}/timeline"): "List a contact's timeline",
    ("GET", "/contacts/{contact_id}/history"): "List a contact's history",
    ("POST", "/contacts/{contact_id}/revert"): "Revert a contact",
    ("POST", "/contacts/{contact_id}/toggle-status"): "Toggle a contact's status",
    ("POST", "/contacts/{contact_id}/restore"): "Restore a contact",
    ("POST", "/contacts/{contact_id}/consent"): "Give a consent",
    ("GET", "/contacts/{contact_id}/consent"): "List a contact's consents",
    ("POST", "/contacts/bulk-create"): "Create 500 contacts",
    ("POST", "/contacts/bulk-update"): "Update 500 contacts",
    ("POST", "/contacts/bulk-delete"): "Delete 500 contacts",
    ("GET", "/contacts/bulk-jobs"): "List bulk jobs",
    ("GET", "/contacts/bulk-jobs/{job_id}"): "Read a bulk job",
    ("POST", "/contacts/bulk-jobs/{job_id}/cancel"): "Cancel a bulk job",
    ("PUT", "/contacts/{contact_id}/groups/{group_id}"): "Join a group",
    ("DELETE", "/contacts/{contact_id}/groups/{group_id}"): "Join a group",
    **{
        (method, f"/{kind}s{rest}"): cost
        for kind in ("tag", "type", "group")
        for method, rest, cost in (
            ("GET", "", "List labels"),
            ("POST", "", "Make a label"),
            ("GET", f"/{{{kind}_id}}", "Read a label"),
            ("PATCH", f"/{{{kind}_id}}", "Rename a label"),
            ("DELETE", f"/{{{kind}_id}}", "Delete a label"),
        )
    },
    ("GET", "/groups/{group_id}/contacts"): "List 25 contacts of an owner",
    ("POST", "/groups/{group_id}/contacts"): "Update 500 contacts",
    ("DELETE", "/groups/{group_id}/contacts"): "Update 500 contacts",
    ("POST", "/contacts/{contact_id}/set-primary"): "Set a customer's primary contact",
    ("GET", "/customers"): "List 25 customers",
    ("POST", "/customers"): "Create a customer",
    ("GET", "/customers/{customer_id}"): "Read a customer",
    ("PUT", "/customers/{customer_id}"): "Change a customer",
    ("PATCH", "/customers/{customer_id}"): "Change a customer",
    ("DELETE", "/customers/{customer_id}"): "Delete a customer",
    ("GET", "/customers/{customer_id}/contacts"): "List a customer's contacts",
    ("GET", "/users"): "List 25 users",
    ("GET", "/users/{user_id}"): "Read a user",
    ("PATCH", "/users/{user_id}"): "Change a user's role",
    ("DELETE", "/users/{user_id}"): "Remove a user",
    ("GET", "/users/invitations"): "List invitations",
    ("POST", "/users/invitations"): "Invite a user",
    ("GET", "/users/invitations/{invitation_id}"): "Read an invitation",
    ("DELETE", "/users/invitations/{invitation_id}"): "Revoke an invitation",
    ("POST", "/users/invitations/{invitation_id}/resend"): "Give an invitation another token",
    ("POST", "/contacts/merge"): "Merge a contact into another",
    ("GET", "/contacts/duplicates"): "List 25 suggestions of duplicates",
    ("POST", "/contacts/duplicates/dismiss"): "Dismiss a suggestion",
    ("POST", "/contacts/merge-suggested"): "Start a merge job",
    ("GET", "/contacts/merge-jobs"): "List merge jobs",
    ("GET", "/contacts/merge-jobs/{merge_job_id}"): "Read a merge job",
    ("GET", "/contacts/merge-jobs/{merge_job_id}/groups"): "List what a merge job did",
    ("POST", "/contacts/merge-jobs/{merge_job_id}/cancel"): "Cancel a merge job",
    ("POST", "/contacts/merge-jobs/{merge_job_id}/undo"): "Start the undo of a merge job",
    ("GET", "/merges"): "List merges",
    ("GET", "/merges/{merge_id}"): "Read a merge",
    ("POST", "/merges/{merge_id}/undo"): "Undo a merge",
    ("POST", "/exports"): "Ask for an export",
    ("GET", "/exports"): "List exports",
    ("GET", "/exports/{export_id}"): "Read an export",
    ("GET", "/exports/{export_id}/file"): "Read an export",
    ("POST", "/exports/{export_id}/cancel"): "Cancel an export",
    ("GET", "/imports"): "List imports",
    ("POST", "/imports"): "Ask for an import",
    ("POST", "/imports/{import_id}/start"): "Start an import",
    ("POST", "/imports/{import_id}/undo"): "Begin to undo an import",
    ("GET", "/imports/{import_id}/undo"): "Read the undo of an import",
    ("POST", "/imports/{import_id}/retry"): "Retry the failed rows of an import",
    ("POST", "/imports/{import_id}/preview"): "Ask for a preview of an import",
    ("GET", "/imports/{import_id}/preview"): "Read the preview of an import of 200 rows",
    ("POST", "/imports/{import_id}/cancel"): "Cancel an import",
    ("GET", "/imports/template"): "Get the template of a file",
    ("GET", "/imports/{import_id}"): "Read an import",
    ("GET", "/imports/{import_id}/results"): "Read an import's results",
    ("GET", "/api-clients"): "List API clients",
    ("POST", "/api-clients"): "Make an API client",
    ("GET", "/api-clients/{client_id}"): "Read an API client",
    ("PATCH", "/api-clients/{client_id}"): "Change an API client's permissions",
    ("DELETE", "/api-clients/{client_id}"): "Delete an API client",
    ("POST", "/api-clients/{client_id}/rotate-key"): "Rotate an API client's key",
    ("GET", "/me"): "Read the caller's rights",
    ("GET", "/settings"): "Read the settings",
    ("PATCH", "/settings"): "Change the settings",
    ("GET", "/events"): "Read 25 entries of the feed",
    ("GET", "/events/start"): "Find where to begin to read the feed",
    ("GET", "/events/{event_id}"): "Read an event of the feed",
    ("GET", "/webhooks"): "List webhooks",
    ("POST", "/webhooks"): "Create a webhook",
    ("GET", "/webhooks/{webhook_id}"): "Read a webhook",
    ("PATCH", "/webhooks/{webhook_id}"): "Change a webhook",
    ("DELETE", "/webhooks/{webhook_id}"): "Delete a webhook",
    ("POST", "/webhooks/{webhook_id}/rotate-secret"): "Replace a webhook's secret",
    ("POST", "/webhooks/{webhook_id}/enable"): "Change a webhook",
    ("POST", "/webhooks/{webhook_id}/disable"): "Change a webhook",
    ("POST", "/webhooks/{webhook_id}/test"): "Test a webhook",
    ("GET", "/webhooks/{webhook_id}/deliveries"): "List a webhook's deliveries",
    ("GET", "/webhooks/{webhook_id}/deliveries/{event_id}"): "Read a delivery",
    ("POST", "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver"): "Send an event again",
    ("POST", "/webhooks/{webhook_id}/recover"): "Start a recovery of a webhook",
    ("GET", "/webhooks/{webhook_id}/recoveries"): "List recoveries",
    ("GET", "/webhooks/{webhook_id}/recoveries/{recovery_id}"): "Read a recovery",
    ("POST", "/webhooks/{webhook_id}/recoveries/{recovery_id}/cancel"): "Cancel a recovery",
}


NO_SUBJECTS = {"keys", "kinds", "queues"}
"""Folders within a layer that are not divided by subjects."""


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_each_route_s_cost_is_stated(template: Template) -> None:
    routes = {(route.method, route.path) for route in template.routes() if route.authorizer}
    assert set(COSTS) == routes
    stated = set(re.findall(r"^\| ([^|]+?) \| \d+ \|", text("docs/access-patterns.md"), re.MULTILINE))
    assert set(COSTS.values()) - stated == set()


def test_the_figures_about_webhooks_are_those_in_force() -> None:
    page = " ".join(text("docs/events.md").split())
    units = {"s": 1, "min": 60, "h": 3600}
    waits = re.search(r"next one is made (.+?) later", page)
    assert waits
    documented = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", waits[1])]
    assert tuple(documented) == WAIT_SECONDS and MAX_ATTEMPTS == 10
    assert f"at most {MAX_WEBHOOKS} webhooks" in page
    assert f"first {RESPONSE_BYTES:,} bytes" in page


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    page = document.read_text()
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    links = [unquote(link.partition("#")[0]) for link in re.findall(r"\]\(([^)\s]+)\)", prose)]
    dead = [link for link in links if "://" not in link and link and not (document.parent / link).exists()]
    # A path of this repository in backticks.
    roots = "functions|shared|local|infra|tests|benchmarks|docs|requirements"
    named = re.findall(rf"`((?:{roots})/[\w./-]*)`", prose)
    made_by_hand = {"local/"}
    for path in named:
        # A room with one module is that module.
        there = (ROOT / path.rstrip("/"), ROOT / f"{path.rstrip('/')}.py")
        if path not in made_by_hand and not any(one.exists() for one in there):
            dead.append(path)
    assert dead == []


def test_every_layer_and_room_is_on_the_map() -> None:
    """README says of each layer what is in it and what it may touch, and names the rooms."""
    readme = text("README.md")
    layers = {path.name for path in (ROOT / "shared").iterdir() if (path / "__init__.py").exists()}
    assert {layer for layer in layers if f"| `shared/{layer}/` |" not in readme} == set()
    rooms = {path.parent.name for path in (ROOT / "shared").glob("*/*/__init__.py")} - NO_SUBJECTS
    assert {room for room in rooms if f"`{room}`" not in readme} == set()
    levels = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    assert {level for level in levels if f"`{level}`" not in readme} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text())) <= targets


def test_decisions_are_numbered_in_a_row_and_each_has_a_title() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    assert all(record.read_text().startswith("# ") for record in records)


def test_each_decision_is_in_the_index_and_no_other() -> None:
    row = r"^\| \[(\d{4})\]\((\1-[a-z0-9-]+\.md)\) \| .+ \| \d{4}-\d\d-\d\d \| \S.* \|$"
    listed = re.findall(row, text("docs/decisions/README.md"), re.MULTILINE)
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [name for _, name in listed] == records


def test_each_key_of_the_table_is_in_the_document() -> None:
    page = text("docs/access-patterns.md")
    spelled = set(RECORD_SPACES.values())
    for module in pkgutil.iter_modules(keys.__path__, f"{keys.__name__}."):
        names = vars(importlib.import_module(module.name))
        source = text(f"{module.name.replace('.', '/')}.py")
        found = re.findall(r"\{tenant_prefix\(tenant_id\)\}(?:\{([A-Z_]+)\}|([A-Z]+))", source)
        spelled |= {names[constant] if constant else literal for constant, literal in found}
    assert {"LIST", "C", "TENANT", "IX"} <= spelled
    assert {name for name in spelled if not re.search(rf"`T#t#{name}\b", page)} == set()


def test_each_dead_letter_queue_has_its_line_for_the_operator(template: Template) -> None:
    page = text("docs/operations.md")
    rows = re.findall(
        r"^\| (.+?) \|", page.split("dead-letter queue | why")[1].split("\n## ")[0], re.MULTILINE
    )
    words = {
        "BookingsDeadLetters": "booking event",
        "BulkDeadLetters": "bulk job's portion",
        "ImportFilesDeadLetters": "S3 event",
        "ImportRowsDeadLetters": "import's chunk",
        "ImportStepsDeadLetters": "import's step",
        "NoteEventsDeadLetters": "note's event",
        "ProjectDeadLetters": "ProjectFunction",
        "PublishDeadLetters": "PublishFunction",
        "SchedulesDeadLetters": "schedule",
        "WebhookEventsDeadLetters": "webhook event",
        "WebhookDeliveriesDeadLetters": "webhook event or delivery",
        "WebhookExhaustedDeadLetters": "`exhausted`",
        "WebhookNoticesDeadLetters": "disabled webhook",
    }
    queues = {name for name in template.resources("AWS::SQS::Queue") if name.endswith("DeadLetters")}
    assert queues == set(words)
    assert {name for name, word in words.items() if not any(word in row for row in rows)} == set()


def test_each_parameter_of_the_template_is_described_with_its_default(template: Template) -> None:
    page = text("docs/operations.md").split("\n## Parameters and variables")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[A-Z].+?`) \| .+ \| (.+?) \| .+ \|$", page, re.MULTILINE)
    documented = {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    parameters = template.document["Parameters"]
    assert set(documented) & set(parameters) == set(parameters)
    defaults = {name: str(one["Default"]) or "empty" for name, one in parameters.items()}
    assert {name: documented[name].strip("`").split(":")[0] for name in parameters} == defaults
    assert [name for name, one in parameters.items() if not one.get("Description")] == []


def test_the_checks_marked_in_the_document_are_those_that_tests_name() -> None:
    """In a docstring ("check 22", "checks 66 to 70") or in the test's own name."""
    named: set[int] = set()
    for path in (ROOT / "tests").glob("**/*.py"):
        if path == Path(__file__):
            continue
        tests = path.read_text()
        for first, last in re.findall(r"[Cc]hecks?[ _](\d+)(?: to (\d+))?", tests):
            named |= set(range(int(first), int(last or first) + 1))
        for listed in re.findall(r"[Cc]hecks? (\d+(?:(?:, | and )\d+)+)", tests):
            named |= {int(number) for number in re.findall(r"\d+", listed)}
        for listed in re.findall(r"check_(\d+(?:_and_\d+)+)", tests):
            named |= {int(number) for number in re.findall(r"\d+", listed)}
    rows = re.findall(
        r"^\| (\d+) \| .+ \| (held|in part: .+|not yet) \|$", text("docs/checks.md"), re.MULTILINE
    )
    numbers = [int(number) for number, _ in rows]
    assert numbers == sorted(set(numbers))
    assert numbers == list(range(1, 111))
    assert {int(number) for number, mark in rows if mark != "not yet"} == named
