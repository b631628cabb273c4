"""Nonsense of every kind through the front door: refused in good form or taken whole, never 5xx."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import transport
from schemathesis.specs.openapi import checks

from shared.domain.ids import new_id
from shared.http.bodies import FORM
from tests.contract.answers import document, faults_of
from tests.integration.exports.exports import running_export
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.jobs.bulk import running_job
from tests.integration.merges.jobs import running_merge_job
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.webhooks.recoveries import running_recovery
from tests.integration.world import World
from tests.support.budgets import repetitions
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import TenantGuard, acting_for

TEXTS = [
    "", " ", "\t", "Ada", "ada@example.com", "<ada@example.com>", "@", "a@b", "a@b.c", "#", "T#T10#C#x", "%23", "%00",
    "\x00", "a\x00b", "\n", "a\r\nb", "\x7f", "\x1b[31m", "\u200b", "\u202e", "\ufeff", "\ufffe", "\ufffd", "ﷺ",
    "\U0010ffff", "👩‍👩‍👧‍👦", "e\u0301", "ǅ", "İ", "ß", "ﬁ", "Ω", "\ud800", "\udfff", "x" * 101, "x" * 201,
    "x" * 10_001, "👩" * 99, "+14155552671", "+1", "tel:+14155552671;ext=5", "٠١٢٣٤٥٦٧٨٩", "0" * 65, "=1+1", "<script>",
    "'; --", "NaN", "../../etc/passwd", "a" * 64 + "@example.com", "a@" + "b" * 250 + ".com", '"a b"@example.com',
    "a@[127.0.0.1]", "a@xn--nxasmq6b", "a@xn--a.com", "ada@exa_mple.com", "é@é.com", "a@ｅ.com", "a@١.com", "a@.com",
    "a..b@example.com", "(c)a@example.com", "a@example.com#", "a@example.com\u3002cn",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.1, -0.0, 1e308, 5e-324]
CONTACT_FIELDS = [
    "first_name", "last_name", "email", "phone", "whatsapp", "company", "department", "job_title", "about", "tags",
]  # fmt: skip
OTHER_FIELDS = ["id", "version", "", "#", "PK", "tenant_id", "__proto__", "\x00", "\ud800", "x" * 1000]


def value(chosen: random.Random, depth: int = 0) -> Any:
    kind = chosen.random()
    if kind < 0.6:
        return chosen.choice(TEXTS)
    if kind < 0.7:
        return chosen.choice(NUMBERS)
    if kind < 0.8 or depth > 3:
        return chosen.choice([None, True, False])
    if kind < 0.93:
        return [value(chosen, depth + 1) for _ in range(chosen.choice([0, 1, 2, 12, 101]))]
    return {chosen.choice(TEXTS): value(chosen, depth + 1) for _ in range(3)}


def body(chosen: random.Random, number: int) -> dict[str, Any]:
    """A contact that is right but for one to three fields."""
    made: dict[str, Any] = {"first_name": "Ada", "email": f"fuzz{number}@example.com"}
    for _ in range(chosen.randrange(1, 4)):
        names = CONTACT_FIELDS if chosen.random() < 0.9 else OTHER_FIELDS
        name = chosen.choice(names)
        made[name] = value(chosen)
        if name == "tags" and chosen.random() < 0.7:
            made[name] = [chosen.choice(TEXTS) for _ in range(chosen.randrange(12))]
    return made


def mangled(chosen: random.Random, text: str) -> str:
    """JSON that was struck somewhere."""
    at = chosen.randrange(len(text))
    stroke = chosen.choice(
        ["", '"', "{", "}", "[", "\\", "\\u", "\\ud800", ",", ":", "\x00", "NaN", "1e999", "'", "//"]
    )
    return text[:at] + stroke + text[at + chosen.randrange(3) :]


def assert_in_form(method: str, path: str, answer: Response) -> None:
    faults = faults_of(method, path, answer)
    assert answer.status < 500 and faults == [], (method, path, answer.status, faults)


def assert_sound(world: World) -> None:
    """Whatever was taken is whole, can be read, listed and published."""
    assert world.gateway.failures == []
    content = world.content
    content.assert_whole()
    world.catch_up()
    assert (world.projector.errors, world.publisher.errors) == ([], [])
    kept = {contact["id"]["S"] for contact in content.live}
    listed = world.listed(limit=100)
    assert {contact["id"] for contact in listed} == kept
    for contact in listed[:40]:
        answer = world.send("GET", f"/contacts/{contact['id']}")
        assert answer.json == contact
        assert_in_form("GET", "/contacts/{contact_id}", answer)


@pytest.mark.parametrize("seed", range(2))
def test_contacts_of_odd_values_are_refused_or_kept_whole(world: World, seed: int) -> None:
    """check 39, check 40"""
    chosen = random.Random(seed)
    paths = [f"/contacts/{world.create()['id']}" for _ in range(3)]
    statuses = Counter[int]()
    for number in range(180):
        method = chosen.choice(["POST", "POST", "PATCH", "PUT"])
        target = "/contacts" if method == "POST" else chosen.choice(paths)
        text = json.dumps(body(chosen, number), ensure_ascii=chosen.random() < 0.5)
        if chosen.random() < 0.3:
            text = mangled(chosen, text)
        raw = text.encode("utf-8", "surrogatepass")
        if chosen.random() < 0.1:
            raw = raw[: chosen.randrange(len(raw))] + bytes([chosen.randrange(256)]) + raw
        answer = world.send(method, target, body=raw, headers={"Content-Type": "application/json"})
        statuses[answer.status] += 1
        assert_in_form(method, "/contacts" if method == "POST" else "/contacts/{contact_id}", answer)
    assert {200, 201, 400, 422} <= set(statuses), f"too tame: {statuses}"
    assert_sound(world)


DEEP = 10_000

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"   ",
    "null": b"null",
    "an array": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "NaN": b'{"first_name": NaN}',
    "Infinity": b'{"first_name": "A", "email": Infinity}',
    "arrays ten thousand deep": b"[" * DEEP + b"]" * DEEP,
    "unclosed arrays": b"[" * DEEP,
    "objects ten thousand deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a field ten thousand deep": b'{"first_name": "A", "tags": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "an unknown field ten thousand deep": b'{"first_name": "A", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a number of ten thousand digits": b'{"first_name": ' + b"9" * 10_000 + b"}",
    "an exponent": b'{"first_name": 1e999999}',
    "a lone surrogate": b'{"first_name": "\\ud800", "email": "a@example.com"}',
    "a lone surrogate in a name": b'{"first_name": "A", "\\ud800": 1}',
    "surrogates as bytes": '{"first_name": "\ud800"}'.encode("utf-8", "surrogatepass"),
    "no UTF-8": b'{"first_name": "\xff\xfe"}',
    "overlong UTF-8": b'{"first_name": "\xc0\xaf"}',
    "UTF-16": '{"first_name": "A", "email": "a@example.com"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"first_name": "A", "email": "bom@example.com"}',
    "NUL": b'{"first_name": "A\x00"}',
    "an escaped NUL": b'{"first_name": "A\\u0000", "email": "a@example.com"}',
    "a tail": b'{"first_name": "A"} {"first_name": "B"}',
    "a comment": b'{"first_name": "A" /* x */}',
    "single quotes": b"{'first_name': 'A'}",
    "a trailing comma": b'{"first_name": "A",}',
    "compressed": gzip.compress(b'{"first_name": "A"}'),
    "a form": b"first_name=A&email=a%40example.com",
    "many names": json.dumps({f"x{n}": n for n in range(20_000)}).encode(),
    "many tags": json.dumps({"first_name": "A", "tags": ["x"] * 100_000}).encode(),
    "a long name": json.dumps({"x" * 900_000: 1}).encode(),
}

# API Gateway hands on text: bytes that are none come as U+FFFD, so that these may be contacts after all.
TEXT_TO_THE_GATEWAY = {"a byte order mark", "no UTF-8", "overlong UTF-8", "surrogates as bytes"}


def test_a_body_that_is_no_contact_is_refused_in_good_form(world: World) -> None:
    """check 40"""
    before = world.content.picture()
    kind = {"headers": {"Content-Type": "application/json"}}
    path, lenient = f"/contacts/{new_id()}", {400, 413, 422, 201, 404}
    for what, raw in BODIES.items():
        for method, target in (("POST", "/contacts"), ("PATCH", path)):
            answer = world.send(method, target, body=raw, **kind)
            assert answer.status in (lenient if what in TEXT_TO_THE_GATEWAY else {400, 413, 422}), what
            assert_in_form(method, "/contacts" if method == "POST" else "/contacts/{contact_id}", answer)
        if what not in TEXT_TO_THE_GATEWAY:
            assert world.content.picture() == before, what
        before = world.content.picture()


@pytest.mark.parametrize(
    "more",
    [
        '"email": "one@example.com"',
        '"e\\u006dail": "two@example.com"',
        '"custom_fields": {"a": 1, "a": 1}',
        '"other_phones": [{"label": "x", "number": "+14155552671", "label": "y"}]',
        '"unknown": {"a": [[{"b": {"c": 1, "c": 2}}]]}',
        '"first_name": 1',
    ],
)
def test_a_name_given_twice_is_refused(world: World, more: str) -> None:
    """check 40: two readers of one body must not see two contacts."""
    path = f"/contacts/{world.create()['id']}"
    before = world.content.picture()
    text = f'{{"first_name": "A", "email": "one@example.com", {more}}}'
    for body in (text, text.replace('"first_name": "A"', f'"first_name": "A", {more}')):
        for method, target in (("POST", "/contacts"), ("PUT", path), ("PATCH", path)):
            answer = world.send(method, target, body=body, headers={"Content-Type": "application/json"})
            assert (answer.status, answer.json["code"]) == (400, "malformed_json"), answer.text
            assert answer.json["detail"] == "An object in the body has a name more than once."
            assert_in_form(method, "/contacts" if method == "POST" else "/contacts/{contact_id}", answer)
    entries = f'{{"contacts": [{{"first_name": "B", "email": "b@example.com"}}, {text}]}}'
    answer = world.send(
        "POST", "/contacts/bulk-create", body=entries, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400
    assert world.content.picture() == before


def test_what_is_not_utf8_is_400_and_nothing_is_stored_of_it(world: World) -> None:
    """check 40"""
    before = world.content.picture()
    for encoding in ("cp1252", "utf-16", "shift-jis"):
        text = (
            '{"first_name": "ﾃﾞ", "email": "a@example.com"}'
            if encoding == "shift-jis"
            else '{"first_name": "Zoë"}'
        )
        for kind in ("application/json", f"application/json; charset={encoding}"):
            answer = world.send(
                "POST", "/contacts", body=text.encode(encoding), headers={"Content-Type": kind}
            )
            expected = (415, "unsupported_media_type") if "charset" in kind else (400, "not_utf8")
            assert (answer.status, answer.json["code"]) == expected
            assert_in_form("POST", "/contacts", answer)
    assert world.content.picture() == before


TYPES = [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*",
    "application/jsonx", "application", "/", "application/json, text/plain", "application/merge-patch", "x" * 5000,
    "application/json\x00", "application/json;charset=latin-1;", "application/json; charset=utf-16", "",
]  # fmt: skip
GOOD_TYPES = [
    "application/json",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    'application/json; profile=x; Charset="UTF8"',
]


def test_other_content_types_are_refused(world: World) -> None:
    """check 47"""
    statuses = {}
    for number, kind in enumerate(TYPES + GOOD_TYPES):
        text = json.dumps({"first_name": "A", "email": f"type{number}@example.com"})
        answer = world.send("POST", "/contacts", body=text, headers={"Content-Type": kind})
        assert_in_form("POST", "/contacts", answer)
        statuses[kind] = answer.status
    assert {statuses[kind] for kind in GOOD_TYPES} == {201}
    assert {statuses[kind] for kind in TYPES if kind} == {415}
    for encoding in ("gzip", "br", "deflate", "identity, gzip", "GZIP"):
        answer = world.send(
            "POST",
            "/contacts",
            body=gzip.compress(b"x" * 1_000_000),
            headers={"Content-Type": "application/json", "Content-Encoding": encoding},
        )
        assert answer.status == 415
        assert_in_form("POST", "/contacts", answer)


QUERIES = [
    "limit=", "limit=0", "limit=-1", "limit=1e9", "limit=1000000000", "limit=%00", "limit=1&limit=2", "limit[]=1",
    "limit=%D9%A1", "limit=+1", "limit=1.0", "limit=true", "cursor=", "cursor=%00", "cursor=%FF%FE",
    "cursor=" + "A" * 1999, "cursor=" + "A" * 2001, "cursor=" + quote(base64.b64encode(b"\x00" * 40)),
    "cursor=" + quote("é" * 100),
    "cursor=" + quote("\ud7ff"), "cursor=%ED%A0%80", "cursor=a&cursor=b", "sort=", "sort=name", "sort=created_at,x",
    "sort=-created_at%00", "sort=__class__", "x=1", "=", "&&&", "%", "%zz=1", "limit", "tenant_id=T10", "a" * 5000,
    "limit=25;sort=created_at", "limit=25%26sort=created_at", "#", "?limit=1", "cursor=eyJ4Ijp7fX0",
]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/contacts",
        "/interactions",
        "/bookings",
        "/follow-ups",
        "/webhooks",
        "/imports",
        "/contacts/{contact_id}/interactions",
        "/contacts/{contact_id}/follow-ups",
        "/contacts/{contact_id}/notes",
    ],
)
def test_odd_queries_are_refused_or_have_no_effect(world: World, path: str) -> None:
    """check 44, check 45"""
    made = world.create()["id"]
    target = path.replace("{contact_id}", made)
    plain = world.send("GET", target)
    for query in QUERIES:
        answer = world.send("GET", f"{target}?{query}")
        assert_in_form("GET", path, answer)
        if answer.status == 200:
            assert answer.json == plain.json, query
    assert world.gateway.failures == []


def test_odd_headers_have_no_effect(world: World) -> None:
    made = world.create()["id"]
    odd = {
        "If-Match": ["", '"', '""', "*, *", "W/", '"1' * 2000, "\x00", "é", "1, 2", '"١"', '"1" "2"'],
        "Accept": ["text/html", "", "application/xml;q=0.9", "*" * 3000],
        "Accept-Encoding": ["gzip", "br;q=1", "\x00"],
        "Accept-Language": ["xx"],
        "Range": ["bytes=0-1"],
        "Expect": ["100-continue"],
        "Origin": ["https://evil.example"],
        "X-Amzn-Trace-Id": ["Root=x"],
        "Content-Type": ["text/plain"],
        "Idempotency-Key": ["x" * 300],
    }
    for name, values in odd.items():
        for header in values:
            answer = world.send("GET", f"/contacts/{made}", headers={name: header})
            assert answer.status == 200, (name, header)
            answer = world.send("PATCH", f"/contacts/{made}", {"company": "x"}, headers={name: header})
            assert_in_form("PATCH", "/contacts/{contact_id}", answer)


def test_events_of_a_shape_the_gateway_may_give_are_read(world: World) -> None:
    """Absent parts are null or missing, a body may be in base64, names of headers come in any case."""
    handler: Callable[[Any, Any], dict[str, Any]] = importlib.import_module("functions.contacts.app").handler
    text = '{"first_name": "Ada", "email": "%s@example.com"}'
    authorizer = {
        "tenant_id": "T1",
        "caller_kind": "user",
        "caller_id": "u",
        "role": "admin",
        "permissions": "",
        "principalId": "u",
    }

    def invoke(**members: Any) -> tuple[int, Any]:
        context = {"requestId": "r", "stage": "v1", "authorizer": authorizer, **members.pop("context", {})}
        event = {"httpMethod": "POST", "path": "/contacts", "requestContext": context, **members}
        with acting_for("T1"):
            answer = handler(event, lambda_context("ContactsFunction"))
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    def encoded(name: str) -> str:
        return base64.b64encode((text % name).encode()).decode()

    nothing: dict[str, Any] = {"headers": None, "multiValueHeaders": None, "queryStringParameters": None}
    assert invoke(body=text % "a", **nothing)[0] == 201
    assert invoke(body=text % "b")[0] == 201
    assert invoke(body=text % "c", path="/v1/contacts")[0] == 201
    assert invoke(body=text % "d", path="/contacts/")[0] == 201
    assert invoke(body=encoded("e"), isBase64Encoded=True)[0] == 201
    assert invoke(body=text % "f", headers={"CONTENT-TYPE": "application/json"})[0] == 201
    for bad in (
        "%%%",
        "é",
        "YQ",
        "a" * 5,
        base64.b64encode(b"\xff\xfe").decode(),
        encoded("g")[:-3],
        "",
        None,
    ):
        status, problem = invoke(body=bad, isBase64Encoded=True)
        assert (status, problem["code"]) in (
            (400, "malformed_json"),
            (400, "not_utf8"),
            (422, "invalid"),
        ), bad
    for bad in ("\ud800", '{"first_name": "\ud800", "email": "h@example.com"}', "\udcff{}"):
        assert invoke(body=bad)[0] in (400, 422)
    assert invoke(body=None)[0] == 400
    for broken in ({}, None, {"tenant_id": "T1"}, {**authorizer, "caller_id": None}):
        status, problem = invoke(body=text % "i", context={"authorizer": broken})
        assert status in (401, 403) or broken == {**authorizer, "caller_id": None}, problem
    assert invoke(httpMethod="GET", queryStringParameters={"limit": "1"})[0] == 200
    repeated = {
        "queryStringParameters": {"limit": "2"},
        "multiValueQueryStringParameters": {"limit": ["1", "2"]},
    }
    assert invoke(httpMethod="GET", **repeated)[0] == 422


def body_of(media_type: str | None, body: Any) -> bytes | None:
    """A body that schemathesis made, as it is sent."""
    if media_type == FORM and isinstance(body, dict):
        return urlencode(
            {name: str(given).encode("utf-8", "replace") for name, given in body.items()}
        ).encode()
    return json.dumps(body).encode() if is_json(body) else None


def is_json(body: Any) -> bool:
    return isinstance(body, (dict, list, str, int, float, bool, type(None)))


ALL_CHECKS = [
    not_a_server_error,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]


def as_schemathesis_has_it(case: schemathesis.Case, answer: Response) -> transport.Response:
    """An answer as the checks of schemathesis take it."""
    request = requests.Request(case.method, f"https://api.example.com{case.path}").prepare()
    headers = {name.lower(): [text] for name, text in answer.headers.items()}
    return transport.Response(answer.status, headers, answer.body, request, 0.0, verify=True)


def test_bodies_by_the_document_s_schema_and_against_it_are_answered_as_it_says(
    world: World, tenant_guard: TenantGuard
) -> None:
    """check 38: schemathesis makes the requests, right ones and wrong ones, and its checks judge the answers; and so
    does the document, closed to what it does not tell of. Left out are its checks of what other tests hold route by
    route (sign-in, other methods, use after deletion), and that all right data is taken: addresses and numbers have
    rules that no schema tells.
    """
    api = schemathesis.openapi.from_dict(document())
    statuses = Counter[int]()
    known = {
        "contact_id": world.create()["id"],
        "webhook_id": world.send(
            "POST", "/webhooks", {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
        ).json["id"],
        "client_id": world.send("POST", "/api-clients", {"name": "A"}).json["id"],
        "customer_id": world.send("POST", "/customers", {"first_name": "A"}).json["id"],
        **{
            f"{kind}_id": world.send("POST", f"/{kind}s", {"name": "A"}).json["id"]
            for kind in ("tag", "type", "group")
        },
        "import_id": Uploader(DropFolder(world)).upload("email\na@example.com\n"),
        "export_id": running_export(world),
        "user_id": "other-of-T1",
        "invitation_id": world.send(
            "POST", "/users/invitations", {"email": "invited@example.com", "role": "user"}
        ).json["id"],
        "job_id": running_job(world),
        "merge_job_id": running_merge_job("T1"),
    }
    known["event_id"] = logged_delivery("T1", known["webhook_id"])
    known["recovery_id"] = running_recovery("T1", known["webhook_id"])
    known["interaction_id"] = world.send(
        "POST", f"/contacts/{known['contact_id']}/interactions", {"type": "call", "description": "A"}
    ).json["id"]
    known["follow_up_id"] = world.send(
        "POST",
        f"/contacts/{known['contact_id']}/follow-ups",
        {"title": "A", "due_at": "2031-01-01T09:00:00Z"},
    ).json["id"]
    known["note_id"] = world.send("POST", f"/contacts/{known['contact_id']}/notes", {"body": "A"}).json["id"]
    merged = {"survivor_id": world.create()["id"], "merged_ids": [world.create()["id"]]}
    known["merge_id"] = world.send("POST", "/contacts/merge", merged).json["id"]
    contact_ids = [known["contact_id"], new_id()]

    def sensible(body: Any) -> Any:
        """Half of the bodies get what no schema can tell: addresses, numbers and URLs that are some."""
        if not isinstance(body, dict) or statuses.total() % 2:
            return body
        known = {"email": f"{new_id()}@example.com", "phone": "+14155552671", "whatsapp": None}
        known |= {"url": "https://hooks.example.com/x", "contact_ids": contact_ids}
        return {name: known.get(name, given) for name, given in body.items()} | (
            {"email": known["email"]} if "first_name" in body else {}
        )

    def send(case: Any, path: str, exact: bool) -> None:
        target = path
        for name, generated in (case.path_parameters or {}).items():
            # Mostly one that is there, and else what schemathesis thinks of.
            there = not exact and statuses.total() % 3 and case.method != "DELETE"
            target = target.replace(
                f"{{{name}}}", known[name] if there else quote(str(generated), safe="") or "x"
            )
        headers = {
            str(name): str(header)
            for name, header in (case.headers or {}).items()
            if str(name).lower() not in ("content-type", "content-encoding")
        }
        own = {name: headers.pop(name) for name in [*headers] if name.lower() == "authorization"}
        if exact:
            headers |= own
        if case.media_type:
            headers["Content-Type"] = case.media_type
        answer = world.gateway.request(
            case.method,
            target,
            body=body_of(case.media_type, case.body if exact else sensible(case.body)),
            query={name: parameter for name, parameter in (case.query or {}).items() if name},
            headers=headers,
            token=None if exact and own else world.t1.admin,
        )
        statuses[answer.status] += 1
        assert_in_form(case.method, path, answer)
        # In 207 each entry is judged by itself. 413 refuses a body unread; schemathesis does not count that.
        refused = [checks.negative_data_rejection] if exact and answer.status not in (207, 413) else []
        case.validate_response(as_schemathesis_has_it(case, answer), checks=ALL_CHECKS + refused)

    for path, methods in document()["paths"].items():
        for method in methods:
            takes_something = {"parameters", "requestBody"} & set(methods[method])
            for mode in GenerationMode if takes_something else (GenerationMode.POSITIVE,):
                cases = api[path][method.upper()].as_strategy(generation_mode=mode)
                generously = method in ("post", "put", "patch")
                made = settings(
                    max_examples=repetitions(4 if generously else 1),
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )

                @made
                @given(case=cases)
                def run(case: Any) -> None:
                    # Half of the wrong ones just as they are: these must be refused.
                    wrong = mode is GenerationMode.NEGATIVE  # noqa: B023
                    send(case, path, exact=wrong and statuses.total() % 2 == 0)  # noqa: B023

                run()
    assert {200, 201, 400, 404, 422} <= set(statuses), statuses
    assert tenant_guard.violations == []
    assert_sound(world)
