"""Removes from botocore what it does again in each test because each starts with a cold process, and what no emulator
looks at.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import botocore.session
import pytest
from botocore import hooks
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.compat import get_current_datetime
from botocore.hooks import EventAliaser
from botocore.regions import EndpointRulesetResolver
from botocore.retries import quota
from botocore.signers import RequestSigner

from shared import aws


@contextmanager
def faster_botocore() -> Iterator[None]:
    """Read the descriptions of services from disk once, find the current name of each event once, look once at what
    each handler of events accepts, create each client once, find the endpoint of each operation once, and do not sign
    requests whose signature nobody verifies, until the block ends.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        _find_event_names_once(patch)
        _inspect_handlers_once(patch)
        _create_clients_once(patch)
        _find_endpoints_once(patch)
        _leave_requests_unsigned(patch)
        yield


def _find_event_names_once(patch: pytest.MonkeyPatch) -> None:
    aliaser: Any = EventAliaser
    # The names depend on botocore's own table, which all sessions share.
    name_of = functools.lru_cache(maxsize=10_000)(aliaser(None)._alias_event_name)
    patch.setattr(EventAliaser, "_alias_event_name", lambda self, name: name_of(name))


def _inspect_handlers_once(patch: pytest.MonkeyPatch) -> None:
    inspect: Any = hooks.accepts_kwargs
    known = functools.cache(inspect)
    patch.setattr(
        hooks,
        "accepts_kwargs",
        lambda handler: known(handler) if isinstance(handler, FunctionType) else inspect(handler),
    )


def _find_endpoints_once(patch: pytest.MonkeyPatch) -> None:
    whole: Any = EndpointRulesetResolver.construct_endpoint
    known: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

    def construct_endpoint(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        endpoints = known.setdefault(self, {})
        if (found := endpoints.get(operation_model.name)) is not None:
            return found
        found = whole(self, operation_model, call_args, request_context)
        from_call = {
            *self._get_dynamic_context_params(operation_model),
            *operation_model.operation_context_parameters,
        }
        if from_call.isdisjoint(self._param_definitions):
            endpoints[operation_model.name] = found
        return found

    patch.setattr(EndpointRulesetResolver, "construct_endpoint", construct_endpoint)


def _create_clients_once(patch: pytest.MonkeyPatch) -> None:
    # A session reads only variables of these names. What a client learns from calls is its quota of retries.
    sessions: dict[Any, Any] = {}
    clients: dict[Any, tuple[Any, list[quota.RetryQuota]]] = {}
    create_session, create_client = aws.create_session, aws.create_client

    def session_of_environment() -> Any:
        key = tuple(sorted(variable for variable in os.environ.items() if variable[0].startswith("AWS_")))
        if key not in sessions:
            sessions[key] = create_session()
        return sessions[key]

    def client_of_session(session: Any, service: str, *, quick: bool = False) -> Any:
        key = session, service, quick
        if key not in clients:
            with _quotas_noted() as quotas:
                clients[key] = create_client(session, service, quick=quick), quotas
        client, quotas = clients[key]
        for one in quotas:
            one.release(quota.RetryQuota.INITIAL_CAPACITY)
        return client

    patch.setattr(aws, "create_session", session_of_environment)
    patch.setattr(aws, "create_client", client_of_session)


@contextmanager
def _quotas_noted() -> Iterator[list[quota.RetryQuota]]:
    noted: list[quota.RetryQuota] = []

    class Noted(quota.RetryQuota):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            noted.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quota, "RetryQuota", Noted)
        yield noted


def _is_address_of_aws(url: str) -> bool:
    """Whether a request is for an address of AWS, which moto answers within the process."""
    return (urlsplit(url).hostname or "").endswith(".amazonaws.com")


def _leave_requests_unsigned(patch: pytest.MonkeyPatch) -> None:
    signer: Any = SigV4Auth
    sign = signer.add_auth

    def add_auth(self: Any, request: Any) -> None:
        # Signing takes a tenth of a call. Signed URLs and uploads have signers of their own. A server that is not AWS's
        # is the emulator of the deployed stack, which verifies signatures.
        if type(self) is not signer or self.credentials is None or not _is_address_of_aws(request.url):
            sign(self, request)
            return
        request.context["timestamp"] = get_current_datetime().strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        scope = self.scope(request)
        value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
        request.headers["Authorization"] = value

    patch.setattr(SigV4Auth, "add_auth", add_auth)
    handler: Any = RequestSigner.handler

    def handle(self: Any, operation_name: str | None = None, request: Any = None, **named: Any) -> None:
        # Nothing chooses another signer for calls of these services.
        if (
            self.signing_name not in ("dynamodb", "sqs")
            or self.signature_version != "v4"
            or not _is_address_of_aws(request.url)
        ):
            handler(self, operation_name, request, **named)
            return
        time = get_current_datetime().strftime(SIGV4_TIMESTAMP)
        scope = (
            f"{self._credentials.access_key}/{time[:8]}/{self.region_name}/{self.signing_name}/aws4_request"
        )
        request.context["timestamp"] = time
        request.headers["X-Amz-Date"] = time
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
        )

    patch.setattr(RequestSigner, "handler", handle)
