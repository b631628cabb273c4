"""Every route has examples in the OpenAPI document, and they are true.

A new route needs a line in `functions/<resource>/examples.py`; the first test says which. A new kind of record in a
path needs a factory in `MAKERS`, and a route whose record must be in a certain state needs a function in `BEFORE`.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from functions.webhooks.on_event import handler as on_webhook_event
from local.openapi import examples, operations, resources
from local.sources import BUILD_TIME, ROOT, source_files
from shared.domain.ids import new_id
from shared.http.bodies import FORM
from shared.http.examples import LIMIT_REFUSED, Example, dump_problem
from shared.http.openapi import EXAMPLE_IN_WORDS
from shared.http.openapi import document as made
from shared.http.routes import JSON, Operation
from tests.contract.answers import document, faults_of
from tests.integration.accounts.directory import invite, join
from tests.integration.exports.exports import a_completed_export, running_export
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import running_job
from tests.integration.merges.jobs import ended_merge_job, running_merge_job
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.webhooks.recoveries import running_recovery
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.gateway import Response
from tests.support.template import Template
from tests.support.tokens import TokenIssuer

OPERATIONS = {operation.handler.__name__: operation for operation in operations()}

Ids = dict[str, str]


# Completeness


def find_missing_examples(name: str, documented: dict[str, Any]) -> list[str]:
    """Return the examples that an operation of the document lacks, and where to add them."""
    operation = OPERATIONS[name]
    place = f"functions/{operation.handler.__module__.split('.')[1]}/examples.py"

    def lack(what: str) -> str:
        return f"{operation.method} {operation.path}: add {what} to {place}"

    lacks = [
        lack(f'`{parameter["name"]}` to PARAMETERS, or `parameters=` to EXAMPLES["{name}"]')
        for parameter in documented.get("parameters", [])
        if needs_example(parameter) and "example" not in parameter and not example_in_words(parameter)
    ]
    if any(
        "example" not in content for content in documented.get("requestBody", {}).get("content", {}).values()
    ):
        lacks.append(lack(f'`request=` of EXAMPLES["{name}"], a body that is taken,'))
    responses = documented["responses"]
    success = responses[str(operation.status)].get("content", {})
    if any("example" not in content for content in success.values()):
        lacks.append(lack(f'`answer=` of EXAMPLES["{name}"], the record or page that is answered,'))
    problems = [
        content for status, one in responses.items() if status >= "400" for content in one["content"].values()
    ]
    if problems and not any("example" in content for content in problems):
        lacks.append(lack(f'`problems=` of EXAMPLES["{name}"], the most telling refusal first,'))
    return lacks


def example_in_words(parameter: dict[str, Any]) -> bool:
    return f"{EXAMPLE_IN_WORDS} `" in parameter.get("description", "")


def needs_example(parameter: dict[str, Any]) -> bool:
    """Return whether a parameter needs an example: ids, dates and texts do; choices, numbers and cursors do not."""
    kinds = parameter["schema"].get("anyOf", [parameter["schema"]])
    free = any(kind.get("type") == "string" and "enum" not in kind for kind in kinds)
    return parameter["in"] in ("path", "query") and free and parameter["name"] != "cursor"


def documented_operations(of: dict[str, Any]) -> list[dict[str, Any]]:
    return [documented for methods in of["paths"].values() for documented in methods.values()]


def test_every_route_has_examples_of_parameters_request_answer_and_a_problem() -> None:
    lacks = [
        lack
        for documented in documented_operations(document())
        for lack in find_missing_examples(documented["operationId"], documented)
    ]
    assert lacks == [], "\n".join(lacks)


def test_a_route_without_examples_is_named_with_what_to_add() -> None:
    bare = {
        documented["operationId"]: documented
        for documented in documented_operations(made(operations(), {}, version="0"))
    }
    assert find_missing_examples("create_contact", bare["create_contact"]) == [
        'POST /contacts: add `request=` of EXAMPLES["create_contact"], a body that is taken, '
        "to functions/contacts/examples.py",
        'POST /contacts: add `answer=` of EXAMPLES["create_contact"], the record or page that is answered, '
        "to functions/contacts/examples.py",
        'POST /contacts: add `problems=` of EXAMPLES["create_contact"], the most telling refusal first, '
        "to functions/contacts/examples.py",
    ]
    assert find_missing_examples("read_contact", bare["read_contact"])[0] == (
        "GET /contacts/{contact_id}: add `contact_id` to PARAMETERS, or `parameters=` to "
        'EXAMPLES["read_contact"] to functions/contacts/examples.py'
    )
    # A redirect has no body.
    assert [name for name, documented in bare.items() if not find_missing_examples(name, documented)] == [
        "root"
    ]


def test_no_example_is_left_of_a_route_or_parameter_that_is_gone() -> None:
    assert set(examples()) <= set(OPERATIONS)
    for resource in resources():
        own = [
            documented
            for documented in documented_operations(document())
            if folder(OPERATIONS[documented["operationId"]]) == resource
        ]
        known = {parameter["name"] for documented in own for parameter in documented.get("parameters", [])}
        kept = importlib.import_module(f"functions.{resource}.examples")
        assert set(kept.PARAMETERS) <= known, resource
        assert {folder(OPERATIONS[name]) for name in kept.EXAMPLES} <= {resource}


def folder(operation: Operation) -> str:
    return operation.handler.__module__.split(".")[1]


# Agreement with the schemas


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_examples_are_as_their_schemas_say(name: str) -> None:
    operation, documented = OPERATIONS[name], documentation_of(OPERATIONS[name])
    contents = list(documented.get("requestBody", {}).get("content", {}).values()) + documented.get(
        "parameters", []
    )
    given = examples()[name].parameters
    pairs = [(one["schema"], one["example"]) for one in contents if "example" in one]
    pairs += [(one["schema"], given[one["name"]]) for one in contents if one.get("name") in given]
    faults = [
        f"{error.json_path}: {error.message}"
        for schema, value in pairs
        for error in validator(schema).iter_errors(value)
    ]
    for status, response in documented["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if "example" in content:
                headers = {"Content-Type": media_type, **dict.fromkeys(response.get("headers", ()), "x")}
                answer = Response(int(status), headers, json.dumps(content["example"]).encode())  # type: ignore[arg-type]
                faults += faults_of(operation.method, operation.path, answer)
    assert faults == []


def test_swagger_ui_fills_in_no_condition_that_nobody_asked_for() -> None:
    """Swagger UI fills in the examples of a parameter or its schema; a default needs no filling in."""
    filled = {
        (documented["operationId"], parameter["name"])
        for documented in documented_operations(document())
        for parameter in documented.get("parameters", [])
        if not parameter.get("required")
        and {"example", "examples"} & (parameter.keys() | parameter["schema"].keys())
    }
    assert filled == set()


def documentation_of(operation: Operation) -> dict[str, Any]:
    documented: dict[str, Any] = document()["paths"][operation.path][operation.method.lower()]
    return documented


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {"components": document()["components"], **schema}, format_checker=FormatChecker()
    )


def test_the_people_of_examples_are_made_up() -> None:
    """Addresses of RFC 2606, and telephone numbers that regulators reserve for fiction."""
    served = json.dumps(document())
    domains = set(re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", served))
    assert domains and all(re.fullmatch(r"(.+\.)?example\.(com|org|net)", domain) for domain in domains), (
        domains
    )
    numbers = set(re.findall(r"\+(?:\d[ -]?){7,15}", served))
    digits = {re.sub(r"\D", "", number) for number in numbers}
    assert digits and all(re.fullmatch(r"1\d{3}55501\d\d|442079460\d{3}", one) for one in digits), digits


# Agreement with the system


def an_import(world: World) -> str:
    shown: str = DropFolder(world).run("email,first_name\nada@home.example.com,Ada\nnobody,Grace\n")["id"]
    return shown


def a_webhook(world: World) -> str:
    hook = {"url": "https://hooks.example.com/contacts", "events": ["contact.created"]}
    made_id: str = world.send("POST", "/webhooks", hook).json["id"]
    return made_id


def the_contact(world: World) -> str:
    """Create the contact of the examples and return its id."""
    made_id: str = world.create(**examples()["create_contact"].request)["id"]
    return made_id


def an_event(world: World) -> str:
    """Create a contact, publish its event, and return the event's id."""
    contact = world.create("ada@example.com")["id"]
    world.catch_up()
    (made,) = world.send("GET", "/events", query={"entity_id": contact}).json["items"]
    return str(made["id"])


def a_recovery(_: World, ids: Ids) -> None:
    ids["recovery_id"] = running_recovery("T1", ids["webhook_id"])


def a_label(kinds: str) -> Callable[[World], str]:
    def make(world: World) -> str:
        given = {"name": "made", **({"kind": "static"} if kinds == "groups" else {})}
        answer = world.send("POST", f"/{kinds}", given)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    return make


def two_to_merge(world: World, ids: Ids) -> None:
    """Create the contacts that the example's body names."""
    ids["survivor_id"], ids["contact_id"] = the_contact(world), world.create("grace@example.com")["id"]


def alike(world: World, ids: Ids) -> None:
    """Create the contacts of the example."""
    given = {"first_name": "Ada", "last_name": "Lovelace", "phone": "+442079460958"}
    ids["contact_id"] = world.create("ada@example.com", **given)["id"]
    ids["other_id"] = world.create("lovelace@example.com", **{**given, "first_name": "A."})["id"]


def a_merge(world: World) -> str:
    ids: Ids = {}
    two_to_merge(world, ids)
    given = build_request(examples()["merge_contacts"], ids)
    return str(world.send("POST", "/contacts/merge", given).json["id"])


def a_job(world: World) -> str:
    return running_job(world)


def a_customer(world: World) -> str:
    answer = world.send("POST", "/customers", {"first_name": "Made"})
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def a_user(world: World) -> str:
    return str(join(world, "made@example.com")["id"])


def an_invitation(world: World) -> str:
    return str(invite(world, "made@example.com")["id"])


def a_token(world: World, ids: Ids) -> None:
    """Put an invitation's token in the place of the example's."""
    ids["token"] = invite(world)["token"]


def a_contact_of(world: World, ids: Ids) -> None:
    customer = ids.get("customer_id") or a_customer(world)
    contact = ids.get("contact_id") or the_contact(world)
    answer = world.send("PATCH", f"/contacts/{contact}", {"customer_id": customer})
    assert answer.status == 200, answer.text


def a_contact_to_name(world: World, ids: Ids) -> None:
    """Create the contact that the example's body names."""
    ids["contact_id"] = the_contact(world)


def what_a_bulk_update_names(world: World, ids: Ids) -> None:
    a_contact_to_name(world, ids)
    assert world.send("POST", "/groups", {"name": "Spring campaign"}).status == 201


def a_tag_named(world: World, _: Ids) -> None:
    """Create the tag that the example's filter names."""
    assert world.send("POST", "/tags", {"name": "VIP"}).status == 201


def changed(world: World, ids: Ids) -> None:
    """Change the contact, so that it has a second version."""
    assert world.send("PATCH", f"/contacts/{ids['contact_id']}", {"job_title": "Countess"}).status == 200


def emptied(world: World, ids: Ids) -> None:
    """Change the fields of the contact whose changes the example shows."""
    given = {"company": None, "custom_fields": {"visits": 4}}
    assert world.send("PATCH", f"/contacts/{ids['contact_id']}", given).status == 200


def a_member(world: World, ids: Ids) -> None:
    path = f"/contacts/{the_contact(world)}/groups/{ids['group_id']}"
    assert world.send("PUT", path).status == 200


def an_api_client(world: World) -> str:
    answer = world.send("POST", "/api-clients", examples()["create_api_client"].request)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def an_interaction(world: World) -> str:
    """Record the interaction of the examples with the only contact, and return its id."""
    (contact,) = world.content.contacts
    answer = world.send(
        "POST", f"/contacts/{contact['id']['S']}/interactions", examples()["record_interaction"].request
    )
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def a_follow_up(world: World) -> str:
    """Schedule the follow-up of the examples with the only contact, and return its id."""
    (contact,) = world.content.contacts
    answer = world.send(
        "POST", f"/contacts/{contact['id']['S']}/follow-ups", examples()["schedule_follow_up"].request
    )
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def a_note(world: World) -> str:
    """Write the note of the examples on the only contact, and return its id."""
    (contact,) = world.content.contacts
    answer = world.send("POST", f"/contacts/{contact['id']['S']}/notes", examples()["create_note"].request)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def a_follow_up_of_a_contact(world: World) -> str:
    the_contact(world)
    return a_follow_up(world)


def an_interaction_of_a_contact(world: World) -> str:
    """Create the contact of the examples, and record the interaction of the examples with it."""
    the_contact(world)
    made = an_interaction(world)
    world.catch_up()
    return made


def processed(world: World, _: Ids) -> None:
    if not world.content.of("T#T1#C#", "NOTE#"):
        a_note(world)
    world.catch_up()
    assert world.notes.pump() >= 1


MAKERS: dict[str, Callable[[World], str]] = {
    "client_id": an_api_client,
    "contact_id": the_contact,
    "follow_up_id": a_follow_up_of_a_contact,
    "merge_id": a_merge,
    "import_id": an_import,
    "interaction_id": an_interaction,
    "invitation_id": an_invitation,
    "customer_id": a_customer,
    "group_id": a_label("groups"),
    "job_id": a_job,
    "merge_job_id": lambda _: running_merge_job("T1"),
    "export_id": running_export,
    "note_id": a_note,
    "tag_id": a_label("tags"),
    "type_id": a_label("types"),
    "user_id": a_user,
    "event_id": lambda _: new_id(),
    "recovery_id": lambda _: new_id(),
    "webhook_id": a_webhook,
}
"""By path parameter: the factory that creates a record and returns its id, which replaces the id of the example."""


def deleted(world: World, ids: Ids) -> None:
    assert world.send("DELETE", f"/contacts/{ids['contact_id']}").status == 204


def booked(world: World, ids: Ids) -> None:
    world.post_booking(booking(invitee_email="ada@example.com"))
    world.bookings.pump()


def consented(world: World, ids: Ids) -> None:
    consent = examples()["give_consent"].request
    assert world.send("POST", f"/contacts/{ids['contact_id']}/consent", consent).status == 200


def qualified(world: World, ids: Ids) -> None:
    status = examples()["set_contact_status"].request
    assert world.send("PUT", f"/contacts/{ids['contact_id']}/status", status).status == 200


def logged(world: World, ids: Ids) -> None:
    ids["event_id"] = logged_delivery("T1", ids["webhook_id"])


def delivered(world: World, ids: Ids) -> None:
    the_contact(world)
    world.catch_up()
    world.stack.queue_driver("WebhookFanOutFunction", on_webhook_event).pump()


def counted(world: World, ids: Ids) -> None:
    for kinds, name in (("types", "Supplier"), ("groups", "Spring campaign")):
        assert world.send("POST", f"/{kinds}", {"name": name}).status == 201
    (group,) = world.send("GET", "/groups").json["items"]
    made = world.create(tags=["newsletter", "VIP"], types=["Supplier"], company="Engines")
    for kind in ("call", "meeting"):
        given = {"type": kind, "description": "Talked about the offer."}
        assert world.send("POST", f"/contacts/{made['id']}/interactions", given).status == 201
    world.create(company="Engines")
    assert world.send("PUT", f"/contacts/{made['id']}/groups/{group['id']}").status == 200
    DropFolder(world).run("email\nada@home.example.com\n")


def an_upload(world: World, ids: Ids, body: bytes = b"email\nada@example.com\n") -> None:
    """Replace the import by an import that awaits its file, with the file in place."""
    asked = world.send("POST", "/imports", {"file_name": "people.csv"}).json
    bucket = world.stack.environment["DROP_BUCKET"]
    key = asked["upload"]["fields"]["key"]
    world.stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    ids["import_id"] = asked["id"]


def a_preview(world: World, ids: Ids) -> None:
    """Replace the import by an import with a preview."""
    an_upload(world, ids, b"E-mail;Firma;Shoe size\nada@home.example.com;Engines;38\nnobody;;\n")
    sent = world.send(
        "POST", f"/imports/{ids['import_id']}/preview", {"options": {"mapping": {"Firma": "company"}}}
    )
    assert sent.status == 202
    DropFolder(world).work()


def an_undo(world: World, ids: Ids) -> None:
    """Undo the import."""
    answer = world.send("POST", f"/imports/{ids['import_id']}/undo")
    assert answer.status == 202, answer.text


def registered(world: World, ids: Ids) -> None:
    answer = world.send("POST", "/auth/register", examples()["register"].request)
    assert answer.status == 201, answer.text


def each(make: Callable[[World], str]) -> Callable[[World, Ids], None]:
    return lambda world, _: (make(world), None)[1]


def a_running_import(world: World, ids: Ids) -> None:
    """Replace the import by one that was started."""
    an_upload(world, ids)
    assert world.send("POST", f"/imports/{ids['import_id']}/start").status == 202


BEFORE: dict[str, Callable[[World, Ids], None]] = {
    "accept_invitation": a_token,
    "add_group_contacts": a_contact_to_name,
    "bulk_create_contacts": lambda world, _: (world.create("grace@example.com"), None)[1],
    "bulk_delete_contacts": a_contact_to_name,
    "bulk_update_contacts": what_a_bulk_update_names,
    "contact_stats": counted,
    "create_group": a_tag_named,
    "list_consents": consented,
    "list_api_clients": each(an_api_client),
    "list_bookings": booked,
    "list_all_bookings": lambda world, ids: booked(world, {"contact_id": the_contact(world), **ids}),
    "list_bulk_jobs": each(a_job),
    "list_contact_follow_ups": each(a_follow_up),
    "list_contacts": each(the_contact),
    "list_contacts_of_customer": a_contact_of,
    "list_customers": a_contact_of,
    "list_deliveries": delivered,
    "list_history": emptied,
    "list_events": each(an_event),
    "read_event": lambda world, ids: ids.update(event_id=an_event(world)),
    "list_exports": each(a_completed_export),
    "read_export_file": lambda world, ids: ids.update(export_id=a_completed_export(world)),
    "list_imports": each(an_import),
    "start_import": an_upload,
    "read_undo": an_undo,
    "preview_import": an_upload,
    "read_preview": a_preview,
    "cancel_import": a_running_import,
    "retry_import": lambda world, ids: ids.update(import_id=an_import(world)),
    "list_follow_ups": each(a_follow_up_of_a_contact),
    "list_group_contacts": a_member,
    "list_groups": each(a_label("groups")),
    "list_interactions": each(an_interaction),
    "list_duplicates": alike,
    "dismiss_duplicate": alike,
    "list_merges": each(a_merge),
    "list_merge_jobs": each(lambda _: running_merge_job("T1")),
    "list_merge_groups": lambda _, ids: ids.update(merge_job_id=ended_merge_job("T1")),
    "undo_merge_job": lambda _, ids: ids.update(merge_job_id=ended_merge_job("T1")),
    "merge_contacts": two_to_merge,
    "list_all_interactions": each(an_interaction_of_a_contact),
    "list_invitations": each(an_invitation),
    "list_statuses": qualified,
    "list_notes": processed,
    "list_tags": each(a_label("tags")),
    "list_timeline": booked,
    "list_types": each(a_label("types")),
    "list_webhooks": each(a_webhook),
    "patch_note": processed,
    "read_customer": a_contact_of,
    "read_delivery": logged,
    "redeliver": logged,
    "list_recoveries": a_recovery,
    "read_recovery": a_recovery,
    "cancel_recovery": a_recovery,
    "read_note": processed,
    "remove_group_contacts": a_contact_to_name,
    "restore_contact": deleted,
    "token": registered,
    "revert_contact": changed,
    "set_primary_contact": a_contact_of,
}
"""By operation: what to do before its example can be sent, given the ids of the records by parameter."""


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_system_answers_as_the_examples_show(world: World, name: str) -> None:
    operation, example = OPERATIONS[name], examples()[name]
    parameters = re.findall(r"{(\w+)}", operation.path)
    ids = {parameter: MAKERS[parameter](world) for parameter in parameters}
    BEFORE.get(name, lambda *_: None)(world, ids)
    world.catch_up()
    sent: dict[str, Any] = {"json": build_request(example, ids)}
    if operation.media_types == (FORM,):
        sent = {"body": urlencode(example.request), "headers": {"Content-Type": FORM}}
    answer = world.send(operation.method, operation.path.format(**ids), **sent)
    assert answer.status == operation.status, answer.text
    shown = find_success(operation)
    if name != "openapi" and operation.answer_type == JSON:  # its example is the beginning of this document
        assert differences(shown, answer.json) == []
    if operation.paged:
        assert answer.json["items"], f"say in BEFORE how the list of {name} comes to have an entry"


@pytest.mark.parametrize("name", sorted(name for name, one in OPERATIONS.items() if one.query))
def test_each_parameter_s_example_is_taken(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    query = [one for one in documentation_of(operation)["parameters"] if one["in"] == "query"]
    required = {one["name"]: one["example"] for one in query if one.get("required")}
    given = examples()[name].parameters
    path = build_path(world, operation)
    if name == "list_duplicates":
        given = {**given, "contact_id": the_contact(world)}
    for one in query:
        if one["name"] in given:
            # An existing active user instead of the example's.
            admin = one["name"] == "successor_id" and world.send("GET", "/me").json["id"]
            value = admin or given[one["name"]]
            answer = world.send(operation.method, path, query={**required, one["name"]: value})
            removes = operation.method == "DELETE"
            status = 202 if removes and operation.accepted else operation.status
            assert answer.status == status, (one["name"], answer.text)
            if removes:
                path = build_path(world, operation)
    if LIMIT_REFUSED in examples()[name].problems:
        answer = world.send(operation.method, path, query={**required, "limit": 0})
        assert answer.json == {**dump_problem(LIMIT_REFUSED), "request_id": answer.json["request_id"]}


def build_path(world: World, operation: Operation) -> str:
    """Return an operation's path, with the ids of records created for it."""
    return operation.path.format(
        **{one: MAKERS[one](world) for one in re.findall(r"{(\w+)}", operation.path)}
    )


def build_request(example: Example, ids: Ids) -> Any:
    """Return the example's body, with the ids of existing records instead of the example's."""
    text = json.dumps(example.request)
    for parameter, real in ids.items():
        text = text.replace(example.parameters[parameter], real)
    return json.loads(text)


def find_success(operation: Operation) -> Any:
    content = documentation_of(operation)["responses"][str(operation.status)].get("content", {})
    return content["application/json"]["example"] if operation.answer else None


def differences(shown: Any, real: Any, at: str = "$") -> list[str]:
    """Return where an example's members or types differ from the answer's. Null matches any type."""
    if shown is None or real is None:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        found = [f"{at}.{name} is in one of them" for name in sorted(set(shown) ^ set(real))]
        return found + [
            fault
            for name in set(shown) & set(real)
            for fault in differences(shown[name], real[name], f"{at}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        return [
            fault for one in shown[:1] for other in real[:1] for fault in differences(one, other, f"{at}[0]")
        ]
    return [] if type(shown) is type(real) else [f"{at} is shown as {shown!r} and is {type(real).__name__}"]


# Packaging


def test_what_the_document_is_made_with_does_not_ship_and_no_function_loads_it(template: Template) -> None:
    kept_here = {path.relative_to(ROOT).as_posix() for pattern in BUILD_TIME for path in ROOT.glob(pattern)}
    assert len(kept_here) >= len(resources()) + 2
    assert kept_here & {path.as_posix() for path in source_files()} == set()
    modules = sorted({template.handler(function).rpartition(".")[0] for function in template.functions()})
    load = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", load, *modules], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    names = {path.removesuffix(".py").replace("/", ".") for path in kept_here}
    assert "shared.http.routes" in loaded and names & set(loaded) == set()
