"""Removes from moto what takes most of the tests' time and does not affect its responses.

Measured on requests of contacts: moto spends most of the time of a DynamoDB call on building an HTTP request from the
one it has got and on its response (`moto_calls`), on finding the service of the request's host, on rows and conditions
(`moto_rows`), and on update expressions (`moto_updates`).
"""

from __future__ import annotations

import functools
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse, urlsplit

import moto.cognitoidp.models
import moto.core.models as core_models
import moto.core.responses
import moto.sqs.models
import pytest
from moto import backends
from moto.backend_index import backend_url_patterns
from moto.core.base_backend import AccountSpecificBackend, BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.request import Request, environ_key_for_header, normalize_request
from moto.core.responses import BaseResponse
from moto.core.utils import utcnow
from moto.dynamodb.responses import DynamoHandler
from moto.utilities.utils import get_partition
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.moto_calls import answer_item_calls_directly, direct_answer, has_binary
from tests.support.moto_rows import cheaper_rows
from tests.support.moto_updates import evaluate_updates_directly

DIRECT = "harness.body"
"""The member of the WSGI environment that has the body of a request which is read directly."""

Handler = Callable[..., Any]


@contextmanager
def faster_moto() -> Iterator[None]:
    """Make moto give the same responses faster, until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        _find_services_once(patch)
        _read_requests_directly(patch)
        answer_item_calls_directly(patch)
        evaluate_updates_directly(patch)
        cheaper_rows(patch)
        yield


def _find_services_once(patch: pytest.MonkeyPatch) -> None:
    handler = functools.lru_cache(maxsize=1000)(handler_of)
    process: Callable[[BotocoreStubber, Any], Any] = BotocoreStubber.process_request

    def process_request(self: BotocoreStubber, request: Any) -> Any:
        handle = handler(request.url.partition("?")[0])
        if handle is None:
            return process(self, request)
        try:
            if handle == DynamoHandler.dispatch and (answer := direct_answer(request)):
                return answer
            normalized = normalize_request(request)
            return handle(normalized, normalized.raw_url, normalized.headers)
        except HTTPException as error:
            return error.code, error.get_headers(), error.get_body()

    patch.setattr(BotocoreStubber, "process_request", process_request)
    # They register each service for the library `requests` before each test. Nothing here calls AWS by it.
    patch.setattr(core_models, "RESPONSES_METHODS", [])
    generate: Any = AccountSpecificBackend._generate_regions
    regions = functools.cache(functools.partial(generate.__wrapped__, None))
    patch.setattr(AccountSpecificBackend, "_generate_regions", lambda self, service: regions(service))
    responses: Any = moto.core.responses
    for name in ("camelcase_to_underscores", "method_names_from_class"):
        patch.setattr(responses, name, functools.cache(getattr(responses, name)))
    queues: Any = moto.sqs.models
    # A queue looks at the clock several times for each of its messages, whenever one is sent.
    patch.setattr(queues, "unix_time_millis", lambda: time.time() * 1000)
    patch.setattr(queues, "camelcase_to_underscores", functools.cache(queues.camelcase_to_underscores))
    # The file is moto's own, the same for all user pools.
    pools: Any = moto.cognitoidp.models
    key = pools.jwk.RSAKey
    read: Any = functools.cache(lambda members: key.import_key(dict(members)))
    once = SimpleNamespace(import_key=lambda members: read(tuple(sorted(members.items()))))
    patch.setattr(pools, "jwk", SimpleNamespace(RSAKey=once))


def handler_of(url: str) -> Handler | None:
    """Return what moto executes for a URL without its query, in the order in which moto looks; None where moto decides
    otherwise.
    """
    for service, pattern in backend_url_patterns:
        if pattern.match(url):
            backend: Any = backends.get_backend(service)  # type: ignore[call-overload]
            if not isinstance(backend, BackendDict):
                return None
            regions = backend[ACCOUNT]
            handlers: dict[str, Handler] = regions[REGION if REGION in regions else "aws"].urls
            for known, handle in handlers.items():
                if re.match(known, url):
                    return handle
    return None


def _read_requests_directly(patch: pytest.MonkeyPatch) -> None:
    build = Request.from_primitives
    set_up: Callable[..., None] = BaseResponse.setup_class
    parse: Callable[..., None] = BaseResponse.parse_parameters

    def from_primitives(method: str, url: str, headers: Any, body: Any = None) -> Request:
        if "X-Amz-Target" in headers and url.endswith("/") and isinstance(body, bytes):
            return Request(environ_of(method, url, headers, body))
        return build(method, url, headers, body)

    def setup_class(self: BaseResponse, request: Request, *given: Any, **named: Any) -> None:
        if DIRECT in request.environ and given[:2] == (request.raw_url, request.headers):
            set_up_response(self, request)
        else:
            set_up(self, request, *given, **named)

    def parse_parameters(self: BaseResponse, request: Request) -> None:
        # Parsing changes only binary values of DynamoDB's JSON, and leaves unknown members out.
        body = request.environ.get(DIRECT)
        if self.service_name == "dynamodb" and body is not None and not has_binary(body):
            self.params = json.loads(body)
        else:
            parse(self, request)

    def gen_amzn_requestid_long(headers: dict[str, Any]) -> str:
        headers["x-amzn-requestid"] = made = f"{random.getrandbits(208):052X}"
        return made

    patch.setattr(Request, "from_primitives", from_primitives)
    patch.setattr(BaseResponse, "setup_class", setup_class)
    patch.setattr(BaseResponse, "parse_parameters", parse_parameters)
    patch.setattr(moto.core.responses, "gen_amzn_requestid_long", gen_amzn_requestid_long)


def environ_of(method: str, url: str, headers: Any, body: bytes) -> dict[str, Any]:
    """Return the WSGI environment of a request to the root of a host."""
    parts = urlsplit(url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REQUEST_URI": "/",
        "RAW_URI": "/",
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "HTTP_HOST": parts.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "moto.preserved_header_names": {},
        DIRECT: body,
    }
    for name, value in headers.items():
        environ[environ_key_for_header(name)] = value.decode() if isinstance(value, bytes) else value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def set_up_response(self: BaseResponse, request: Request) -> None:
    """Do what `BaseResponse.setup_class` does for a request to the root of a host that names its action in a header."""
    body = request.environ[DIRECT].decode()
    self.is_werkzeug_request = request.from_wsgi_server
    self.normalized_request = request
    self.uri = request.raw_url
    self.parsed_url = urlparse(self.uri)
    self.body = body
    self.raw_body = request.environ[DIRECT]
    self.form_data = ImmutableMultiDict()
    self.querystring = self.data = {body: [""]}
    self.path = self.raw_path = "/"
    self.method = request.environ["REQUEST_METHOD"]
    self.headers = request.headers
    self.region = self.get_region_from_url(request, self.uri)
    self.partition = get_partition(self.region)
    self.uri_match = {}
    self.response_headers = {"server": "amazon.com", "date": http_date(utcnow())}
    if self.automated_parameter_parsing:
        self.parse_parameters(request)
    self.access_key = self.get_access_key()
    self.current_account = self.get_current_account()
