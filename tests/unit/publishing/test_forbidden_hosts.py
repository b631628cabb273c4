"""No attempt opens a connection to a special address, however a webhook names it (checks 67 to 69).

Connections are counted at the socket, under the sender itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook
from shared.publishing.sender import Sender
from tests.support.receiver import Answer, Receiver
from tests.unit.webhooks.test_addresses import FORBIDDEN, ODD_HOSTS

PUBLIC, METADATA = "93.184.215.14", "169.254.169.254"
EVENT = Event(
    id=new_id(),
    type="contact.deleted",
    entity="contact",
    entity_id=new_id(),
    at="2026-05-04T12:00:00.000Z",
    actor="user:u",
    origin="api",
    version=2,
)


class Network:
    """Records the connections that are begun; names have the addresses in `names`, one list for each look-up."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.names: list[list[str]] = []
        self.look_ups = 0

    def connect(self, address: Any) -> None:
        self.connections.append(address[0])
        raise ConnectionRefusedError

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.look_ups += 1
        found = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(socket.socket, "connect", made.connect, raising=False)
    monkeypatch.setattr(socket.socket, "connect_ex", made.connect, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    return made


@pytest.fixture
def secrets() -> WebhookSecrets:
    return WebhookSecrets.create()


@pytest.fixture
def attempt(secrets: WebhookSecrets) -> Callable[..., str | None]:
    def send(url: str, *, loopback: bool = False) -> str | None:
        webhook = Webhook.model_construct(id="w", url=url)
        return Sender(loopback=loopback).send(webhook, EVENT, secrets).attempt.error

    return send


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def test_check_67_no_host_that_is_or_means_a_special_address_is_connected_to(
    network: Network, attempt: Callable[..., str | None]
) -> None:
    network.names = [[METADATA]]
    hosts = [*map(in_url, FORBIDDEN), *ODD_HOSTS]
    assert len(set(hosts)) >= 100
    assert {host: attempt(f"https://{host}/hook") for host in hosts} == dict.fromkeys(
        hosts, "forbidden_address"
    )
    assert network.connections == []


@pytest.mark.parametrize("others", [(), (PUBLIC,)], ids=["alone", "beside a public one"])
def test_check_67_no_name_with_a_special_address_is_connected_to(
    network: Network, attempt: Callable[..., str | None], others: tuple[str, ...]
) -> None:
    for address in FORBIDDEN:
        network.names = [[*others, address]]
        assert attempt("https://hooks.example.com/") == "forbidden_address", address
    assert network.connections == []
    assert network.look_ups == len(FORBIDDEN)


def test_check_68_a_name_that_flips_after_the_check_is_connected_to_at_the_checked_address(
    network: Network, attempt: Callable[..., str | None]
) -> None:
    for address in FORBIDDEN:
        network.connections, network.look_ups = [], 0
        network.names = [[PUBLIC], [address]]
        assert attempt("https://hooks.example.com/") == "connect"
        assert network.connections == [PUBLIC]
        assert network.look_ups == 1, "the connection looks nothing up"
        assert attempt("https://hooks.example.com/") == "forbidden_address"
        assert network.connections == [PUBLIC]


@pytest.mark.parametrize("port", [0, 22, 25, 80, 3306, 5432, 6379, 8080, 9200, 11211])
def test_check_70_no_other_port_is_connected_to(
    network: Network, attempt: Callable[..., str | None], port: int
) -> None:
    network.names = [[PUBLIC]]
    assert attempt(f"https://hooks.example.com:{port}/") == "forbidden_address"
    assert (network.connections, network.look_ups) == ([], 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_check_69_a_redirect_opens_no_second_connection(
    receiver: Receiver, attempt: Callable[..., str | None], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    connections = []
    connect = socket.socket.connect

    def counted(made: socket.socket, address: Any) -> None:
        connections.append(address[0])
        connect(made, address)

    monkeypatch.setattr(socket.socket, "connect", counted, raising=False)
    receiver.answer_with(Answer(status, {"Location": f"http://{METADATA}/latest/meta-data/"}))
    assert attempt(receiver.url, loopback=True) == "redirect"
    assert connections == ["127.0.0.1"]
