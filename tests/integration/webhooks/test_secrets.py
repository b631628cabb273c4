"""Secrets of webhooks: encrypted in the table, rotated with an overlap, and never used unsigned (checks 19, 63, 77)."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from functions.webhooks import on_delivery, on_event
from shared.domain.errors import Unavailable
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.encryption.data_keys import KmsDataKeys
from shared.publishing import sender
from shared.publishing.signing import sign
from shared.services.sealing import DATA_KEY_SECONDS, DataKey, Seal, Unsealable
from shared.services.webhooks.vault import Vault
from shared.table import idempotency
from shared.table.webhooks.data_keys import DataKeyTable
from shared.wiring.base import aws_client, store
from shared.wiring.kept import reset_wiring
from tests.gateway.isolation.test_isolation import HOOK
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    call,
    calls_of,
    injecting,
    lost_answer,
    server_error,
    throttle,
    unreachable,
    without_pauses,
)
from tests.support.queues import receive
from tests.support.receiver import Answer, Received, Receiver
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import json_answer

KMS = call("kms")
OWN = {"Authorization": "Bearer canary-value", "X-Team": "canary team"}


def kms_error(code: str) -> Callable[[], Fault]:
    return lambda: Fault(
        code, lambda attempt, send: json_answer(attempt, 400, {"__type": code, "message": "m"}), KMS, 1, None
    )


FAILURES: dict[str, Callable[[], Fault]] = {
    "throttled": lambda: throttle(KMS, times=None),
    "away": lambda: unreachable(KMS),
    "broken": lambda: server_error(KMS, times=None),
    "disabled": kms_error("DisabledException"),
    "to be deleted": kms_error("KMSInvalidStateException"),
    "forbidden": kms_error("AccessDeniedException"),
}
every_failure = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)


class Hooks:
    """The webhooks of one tenant, and the requests that reach their receiver."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world, self.receiver = world, receiver
        self._fan_out = world.stack.queue_driver("WebhookFanOutFunction", on_event.handler)
        self.sender = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)

    def create(self, **given: Any) -> dict[str, Any]:
        answer = self.world.send("POST", "/webhooks", {**HOOK, "url": self.receiver.url, **given})
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def rotate(self, webhook: dict[str, Any], **given: Any) -> dict[str, Any]:
        answer = self.world.send("POST", f"/webhooks/{webhook['id']}/rotate-secret", given)
        assert answer.status == 200, answer.text
        made: dict[str, Any] = answer.json
        return made

    def spread(self) -> None:
        """Let a contact be created, up to the messages to the sender."""
        self.world.create()
        self.world.catch_up()
        self._fan_out.pump()

    def send(self) -> Received:
        """Send what waits; return the last request that came."""
        self.sender.pump()
        return self.receiver.requests[-1]

    def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.world.send("GET", f"/webhooks/{webhook['id']}/deliveries").json[
            "items"
        ]
        return items


@pytest.fixture
def hooks(world: World, receiver: Receiver) -> Hooks:
    return Hooks(world, receiver)


def verifies(secret: str, came: Received) -> bool:
    try:
        Verifier(secret).verify(came.body, came.headers)
    except WebhookVerificationError:
        return False
    return True


def cold() -> None:
    """Forget the data keys in memory, as in a new process."""
    reset_wiring()


# ------------------------------------------------------------------------------ rotation


def test_check_63_until_the_overlap_ends_both_secrets_verify(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hooks.create()
    second = hooks.rotate(first, overlap_hours=2)
    assert second["secret"] != first["secret"]
    assert (second["version"], second["header_names"]) == (2, [])
    hooks.spread()
    came = hooks.send()
    assert verifies(first["secret"], came) and verifies(second["secret"], came)
    later = time.time() + 2 * 3_600
    monkeypatch.setattr(sender, "time", SimpleNamespace(time=lambda: later))
    hooks.spread()
    came = hooks.send()
    assert came.headers["webhook-signature"] == sign(
        second["secret"], came.headers["webhook-id"], int(later), came.body
    )


def test_check_63_without_an_overlap_the_old_secret_is_dead_at_once(hooks: Hooks) -> None:
    first = hooks.create()
    second = hooks.rotate(first, overlap_hours=0)
    assert second["rotation_ends_at"] is None
    hooks.spread()
    came = hooks.send()
    assert verifies(second["secret"], came) and not verifies(first["secret"], came)


def test_a_rotation_has_an_event_without_secrets_and_a_day_of_overlap_by_itself(hooks: Hooks) -> None:
    first = hooks.create(headers=OWN)
    second = hooks.rotate(first)
    (event,) = hooks.world.content.of(r"T#[^#]+#", "EVENT#.*")[-1:]
    told = [
        one for one in hooks.world.content.of(r"T#[^#]+#", "EVENT#") if "webhook.secret_rotated" in str(one)
    ]
    assert len(told) == 1
    assert second["rotation_ends_at"] in str(told)
    assert "whsec_" not in str(told) and "canary" not in str(told) and "whsec_" not in str(event)
    shown = hooks.world.send("GET", f"/webhooks/{first['id']}").json
    assert shown == {name: value for name, value in second.items() if name != "secret"}


def test_a_sixth_secret_must_wait_unless_the_others_end(hooks: Hooks) -> None:
    webhook = hooks.create()
    for _ in range(4):
        hooks.rotate(webhook)
    refused = hooks.world.send("POST", f"/webhooks/{webhook['id']}/rotate-secret", {"overlap_hours": 1})
    assert (refused.status, refused.json["code"]) == (409, "too_many_secrets")
    hooks.rotate(webhook, overlap_hours=0)


@pytest.mark.parametrize("overlap", [-1, 169, 1.5, None, "a"])
def test_an_overlap_is_between_none_and_a_week(hooks: Hooks, overlap: Any) -> None:
    path = f"/webhooks/{hooks.create()['id']}/rotate-secret"
    assert hooks.world.send("POST", path, {"overlap_hours": overlap}).status == 422


def test_two_rotations_at_once_are_two_rotations(hooks: Hooks) -> None:
    webhook, world = hooks.create(), hooks.world
    path = f"/webhooks/{webhook['id']}/rotate-secret"
    answers = world.racing.together(
        [lambda: world.racing.request("POST", path, json={}, token=world.t1.admin)] * 2
    )
    assert [answer.status for answer in answers] == [200, 200]
    hooks.spread()
    came = hooks.send()
    assert all(verifies(answer.json["secret"], came) for answer in answers)
    assert sorted(answer.json["version"] for answer in answers) == [2, 3]


# ------------------------------------------------------------------------------ own headers


def test_own_headers_are_sent_and_their_values_are_never_shown(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = hooks.create(headers=OWN)
    assert webhook["header_names"] == ["Authorization", "X-Team"]
    hooks.spread()
    came = hooks.send()
    assert (came.headers["authorization"], came.headers["x-team"]) == ("Bearer canary-value", "canary team")
    assert verifies(webhook["secret"], came)
    path = f"/webhooks/{webhook['id']}"
    shown = [hooks.world.send("GET", one).text for one in (path, "/webhooks", f"{path}/deliveries")]
    logged = repr([record.__dict__ for record in caplog.records])
    assert "canary" not in " ".join((*shown, json.dumps(webhook), logged, str(hooks.world.content.items)))


def test_a_patch_sets_and_removes_headers_and_leaves_the_secret(hooks: Hooks) -> None:
    webhook = hooks.create(headers=OWN)
    path = f"/webhooks/{webhook['id']}"
    changed = hooks.world.send("PATCH", path, {"headers": {"x-team": None, "X-New": "1"}})
    assert changed.json["header_names"] == ["Authorization", "X-New"]
    hooks.spread()
    came = hooks.send()
    assert (came.headers["authorization"], came.headers["x-new"]) == ("Bearer canary-value", "1")
    assert "x-team" not in came.headers
    assert verifies(webhook["secret"], came)
    same = hooks.world.send("PATCH", path, {"headers": {"X-New": "1"}})
    assert same.json["version"] == changed.json["version"]
    assert hooks.world.send("PATCH", path, {"headers": None}).json["header_names"] == []


def test_headers_follow_the_url_only_if_their_values_are_given_again(hooks: Hooks) -> None:
    """On the host of a service that many use, another path or query may be another customer's."""
    webhook = hooks.create(headers=OWN)
    path, elsewhere = f"/webhooks/{webhook['id']}", "https://elsewhere.example.com/hook"
    same = webhook["url"]
    port = same.replace("http://", "").partition("/")[0].rpartition(":")[2]
    for url in (
        elsewhere,
        same.replace(port, "9"),
        same.replace("http:", "https:"),
        f"{same}/other",
        f"{same}?a=b",
    ):
        for headers in ({}, {"headers": {}}, {"headers": {"authorization": "Bearer canary-value"}}):
            refused = hooks.world.send("PATCH", path, {"url": url, **headers})
            assert (refused.status, refused.json["errors"][0]["field"]) == (422, "headers"), url
            assert "canary" not in refused.text
    assert hooks.world.send("PATCH", path, {"url": same, "description": "the same"}).status == 200
    again = {"authorization": "Bearer canary-value", "X-Team": None}
    moved = hooks.world.send("PATCH", path, {"url": elsewhere, "headers": again})
    assert moved.json["header_names"] == ["authorization"]
    back = hooks.world.send("PATCH", path, {"url": hooks.receiver.url, "headers": None})
    assert back.json["header_names"] == []


def test_check_77_a_response_that_repeats_a_secret_is_hidden_in_the_log(hooks: Hooks) -> None:
    webhook = hooks.create(headers=OWN)
    echo = f"Authorization: {OWN['Authorization']}, canary-value, {webhook['secret']}, ok".encode()
    hooks.receiver.answer_with(Answer(500, body=echo + b"x" * 2_000))
    hooks.spread()
    hooks.send()
    (attempt,) = hooks.deliveries(webhook)[0]["attempts"]
    assert attempt["response"].startswith("Authorization: [hidden], [hidden], [hidden], okxx")
    assert len(attempt["response"]) == 1_024


def test_a_change_of_a_header_makes_the_caller_the_holder(hooks: Hooks) -> None:
    webhook = hooks.create()
    made = {"name": "hooks", "permissions": {"webhooks:manage": "all", "contacts:read": "all"}}
    client = hooks.world.send("POST", "/api-clients", made).json
    changed = hooks.world.send(
        "PATCH", f"/webhooks/{webhook['id']}", {"headers": {"X-A": "1"}}, token=client["key"]
    )
    assert changed.json["acts_as"] == f"client:{client['id']}"


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Host": "a"}, "headers.Host"),
        ({"X-A": "a\r\nb"}, "headers.X-A"),
        ({"X-A": "1", "x-a": "2"}, "headers"),
        ({f"X-{number}": "1" for number in range(6)}, "headers"),
        ({"X-A": None}, "headers.X-A"),
    ],
)
def test_headers_that_are_not_allowed_are_refused(hooks: Hooks, headers: Any, field: str) -> None:
    answer = hooks.world.send("POST", "/webhooks", {**HOOK, "headers": headers})
    assert answer.status == 422
    assert field in [one["field"] for one in answer.json["errors"]]


# ------------------------------------------------------------------------------ in the table


def test_check_77_neither_secrets_nor_headers_are_in_the_table(hooks: Hooks) -> None:
    """Answers that are stored under an Idempotency-Key are encrypted too."""
    keyed = {"Idempotency-Key": "k1"}
    body = {**HOOK, "url": hooks.receiver.url, "headers": OWN}
    made = hooks.world.send("POST", "/webhooks", body, headers=keyed)
    path = f"/webhooks/{made.json['id']}/rotate-secret"
    rotated = hooks.world.send("POST", path, {}, headers={"Idempotency-Key": "k2"})
    secrets = [made.json["secret"], rotated.json["secret"]]
    hooks.spread()
    hooks.send()
    stored = [
        idempotency._unpacked(row["answer"]["S"]) for row in hooks.world.content.of(r"T#[^#]+#IDEMPOTENCY#")
    ]
    assert len(stored) == 2
    items = [str(hooks.world.content.items), *stored]
    for hidden in (*secrets, *(b64decode(one.removeprefix("whsec_")).hex() for one in secrets), "canary"):
        assert not any(hidden in one for one in items)
    assert hooks.world.send("POST", "/webhooks", body, headers=keyed).json == made.json
    again = hooks.world.send("POST", path, {}, headers={"Idempotency-Key": "k2"})
    assert again.json == rotated.json


def test_a_repeat_waits_until_kms_is_back(hooks: Hooks) -> None:
    keyed = {"Idempotency-Key": "k1"}
    made = hooks.world.send("POST", "/webhooks", HOOK, headers=keyed)
    cold()
    with injecting(FAILURES["disabled"]()):
        refused = hooks.world.send("POST", "/webhooks", HOOK, headers=keyed)
    assert refused.status == 503 and made.json["secret"] not in refused.text
    assert hooks.world.send("POST", "/webhooks", HOOK, headers=keyed).json == made.json


def test_a_webhook_from_before_still_signs_and_its_rotation_encrypts_it(hooks: Hooks) -> None:
    webhook = hooks.create()
    (item,) = hooks.world.content.of("T#T1#WEBHOOKS$")
    with as_operator():
        hooks.world.stack.client("dynamodb").put_item(
            TableName=hooks.world.stack.table_name,
            Item={name: value for name, value in item.items() if name != "sealed"}
            | {"secret": {"S": webhook["secret"]}},
        )
    hooks.spread()
    assert verifies(webhook["secret"], hooks.send())
    rotated = hooks.rotate(webhook)
    hooks.spread()
    came = hooks.send()
    assert verifies(webhook["secret"], came) and verifies(rotated["secret"], came)
    assert "whsec_" not in str(hooks.world.content.of("T#T1#WEBHOOKS$"))


def test_a_blob_of_another_webhook_or_tenant_is_not_opened(world: World) -> None:
    secrets = WebhookSecrets.create(OWN)
    vault = new_vault()
    with acting_for("T1", "T10"):
        sealed = vault.seal("T1", "a", secrets)
        vault.seal("T10", "a", secrets)
        assert vault.open("T1", "a", sealed) == secrets
        for tenant_id, webhook_id in (("T1", "b"), ("T10", "a")):
            with pytest.raises(Unsealable):
                vault.open(tenant_id, webhook_id, sealed)


@pytest.mark.parametrize("at", [0, 1, 12, 13, -17, -1])
def test_a_blob_with_a_changed_byte_or_without_its_end_is_not_opened(world: World, at: int) -> None:
    with acting_for("T1"):
        sealed = bytearray(new_vault().seal("T1", "a", WebhookSecrets.create()))
        with pytest.raises(Unsealable):
            new_vault().open("T1", "a", bytes(sealed[:at]))
        sealed[at] ^= 1
        with pytest.raises(Unsealable):
            new_vault().open("T1", "a", bytes(sealed))


def test_a_data_key_that_was_copied_to_another_tenant_is_not_decrypted(world: World) -> None:
    """KMS refuses: the tenant is the encryption context."""
    with acting_for("T1", "T10"):
        sealed = new_vault().seal("T1", "a", WebhookSecrets.create())
        table = DataKeyTable(store())
        copied = table.get("T1")
        assert copied is not None
        table.add("T10", copied)
        with pytest.raises(Unsealable):
            new_vault().open("T10", "a", sealed)
        with pytest.raises(Unsealable):
            new_vault().seal("T10", "a", WebhookSecrets.create())


def test_without_its_data_key_a_blob_is_not_opened_and_no_other_key_is_made(world: World) -> None:
    with acting_for("T1"), pytest.raises(Unsealable):
        Vault(Seal(DataKeyTable(store()), Counting())).open("T1", "a", b"\x01" + bytes(40))
    assert world.content.of("T#T1#WEBHOOKS#KEY") == []


# ------------------------------------------------------------------------------ data keys


class Counting:
    """KMS, with a count of the calls. `before_generating` runs before a data key is made."""

    def __init__(self, before_generating: Callable[[], object] = lambda: None) -> None:
        import os

        self._kms = KmsDataKeys(lambda: aws_client("kms"), os.environ["SECRETS_KEY_ARN"])
        self._before = before_generating
        self.calls: list[str] = []

    def generate(self, tenant_id: str) -> DataKey:
        self.calls.append("generate")
        self._before()
        return self._kms.generate(tenant_id)

    def decrypt(self, tenant_id: str, encrypted: bytes) -> bytes:
        self.calls.append("decrypt")
        return self._kms.decrypt(tenant_id, encrypted)


def new_vault() -> Vault:
    """Return a vault without a data key in memory."""
    return Vault(Seal(DataKeyTable(store()), Counting()))


def test_a_data_key_is_used_for_five_minutes_and_not_longer(world: World) -> None:
    now, kms = [1_000_000.0], Counting()
    seal = Seal(DataKeyTable(store()), kms, clock=lambda: now[0])
    with acting_for("T1"):
        sealed = seal.seal("T1", ("a",), b"x")
        assert kms.calls == ["generate"]
        now[0] += DATA_KEY_SECONDS - 1
        assert seal.open("T1", ("a",), sealed) == b"x"
        assert kms.calls == ["generate"]
        now[0] += 1
        assert seal.open("T1", ("a",), sealed) == b"x"
        assert kms.calls == ["generate", "decrypt"]
        now[0] -= 3_600  # the clock was set back
        seal.open("T1", ("a",), sealed)
        assert kms.calls == ["generate", "decrypt", "decrypt"]


def test_an_old_data_key_leaves_memory_whichever_tenant_is_next(world: World) -> None:
    now = [1_000_000.0]
    seal = Seal(DataKeyTable(store()), Counting(), clock=lambda: now[0])
    with acting_for("T1", "T10"):
        seal.seal("T1", ("a",), b"x")
        now[0] += DATA_KEY_SECONDS
        seal.seal("T10", ("a",), b"x")
    assert list(seal._in_memory) == ["T10"]


def test_two_processes_that_make_the_first_data_key_at_once_use_the_same(world: World) -> None:
    table, sealed = DataKeyTable(store()), []
    faster = Seal(table, Counting())
    slower = Seal(table, Counting(lambda: sealed.append(faster.seal("T1", ("a",), b"faster"))))
    with acting_for("T1"):
        sealed.append(slower.seal("T1", ("a",), b"slower"))
        for seal in (faster, slower, Seal(table, Counting())):
            assert [seal.open("T1", ("a",), one) for one in sealed] == [b"faster", b"slower"]


def test_first_webhooks_that_are_created_at_once_share_a_data_key(hooks: Hooks) -> None:
    world = hooks.world
    body = {**HOOK, "url": hooks.receiver.url}
    answers = world.racing.together(
        [lambda: world.racing.request("POST", "/webhooks", json=body, token=world.t1.admin)] * 4
    )
    assert [answer.status for answer in answers] == [201] * 4
    cold()
    hooks.spread()
    hooks.send()
    came = hooks.receiver.requests
    assert [sum(verifies(answer.json["secret"], one) for one in came) for answer in answers] == [1] * 4


@pytest.mark.parametrize("operation", ["kms.GenerateDataKey", "kms.Decrypt", "dynamodb.PutItem"])
def test_a_lost_answer_of_any_call_leaves_a_key_that_opens(world: World, operation: str) -> None:
    service, name = operation.split(".")
    secrets = WebhookSecrets.create()
    with acting_for("T1"):
        if operation == "kms.Decrypt":
            new_vault().seal("T1", "other", secrets)
        with injecting(lost_answer(call(service, name))), without_pauses():
            sealed = new_vault().seal("T1", "a", secrets)
        assert new_vault().open("T1", "a", sealed) == secrets


def test_a_throttled_kms_is_asked_again(world: World) -> None:
    with acting_for("T1"), injecting(throttle(KMS, times=3)), without_pauses():
        assert new_vault().seal("T1", "a", WebhookSecrets.create())


# ------------------------------------------------------------------------------ without KMS


@contextmanager
def without_kms(failure: Callable[[], Fault]) -> Iterator[None]:
    cold()
    with injecting(failure()), without_pauses():
        yield


@every_failure
def test_check_19_no_webhook_is_created_or_rotated_without_kms(hooks: Hooks, failure: Any) -> None:
    webhook, keyed = hooks.create(), {"Idempotency-Key": "k1"}
    before = hooks.world.content.items
    with without_kms(failure):
        for path, body in (("/webhooks", HOOK), (f"/webhooks/{webhook['id']}/rotate-secret", {})):
            refused = hooks.world.send("POST", path, body)
            assert (refused.status, refused.json["code"]) == (503, "unavailable")
        assert hooks.world.send("POST", "/webhooks", HOOK, headers=keyed).status == 503
        assert (
            hooks.world.send("PATCH", f"/webhooks/{webhook['id']}", {"headers": {"X-A": "1"}}).status == 503
        )
        assert hooks.world.send("PATCH", f"/webhooks/{webhook['id']}", {"description": "x"}).status == 200
    assert [one["SK"] for one in hooks.world.content.of("T#T1#WEBHOOKS$")] == [
        one["SK"] for one in before if one["PK"]["S"] == "T#T1#WEBHOOKS"
    ]
    assert hooks.world.send("POST", "/webhooks", HOOK, headers=keyed).status == 201


@every_failure
def test_check_19_nothing_is_sent_unsigned_and_no_attempt_is_lost(hooks: Hooks, failure: Any) -> None:
    webhook = hooks.create()
    hooks.spread()
    with without_kms(failure):
        assert hooks.sender.deliver(receive(hooks.sender.queue_url)) == 0
    assert hooks.receiver.requests == []
    (waiting,) = hooks.deliveries(webhook)
    assert (waiting["state"], waiting["attempts"]) == ("pending", [])
    assert verifies(webhook["secret"], hooks.send())
    (sent,) = hooks.deliveries(webhook)
    assert (sent["state"], len(sent["attempts"])) == ("delivered", 1)


def test_check_19_a_blob_that_does_not_open_is_not_sent(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    """Two webhooks whose blobs were exchanged: neither request is made."""
    webhooks = [hooks.create(), hooks.create()]
    items = hooks.world.content.of("T#T1#WEBHOOKS$")
    with as_operator():
        for item, other in zip(items, reversed(items), strict=True):
            hooks.world.stack.client("dynamodb").put_item(
                TableName=hooks.world.stack.table_name, Item={**item, "sealed": other["sealed"]}
            )
    hooks.spread()
    hooks.sender.pump()
    assert hooks.receiver.requests == []
    assert [hooks.deliveries(one)[0]["attempts"] for one in webhooks] == [[], []]
    assert "whsec_" not in repr([record.__dict__ for record in caplog.records])


def test_a_warm_sender_asks_kms_once_for_many_deliveries(hooks: Hooks) -> None:
    hooks.create()
    hooks.create(headers=OWN)
    for _ in range(3):
        hooks.spread()
    cold()
    assert calls_of(hooks.sender.pump, KMS) == ["kms.Decrypt"]
    assert len(hooks.receiver.requests) == 6


def test_the_errors_of_kms_are_logged_by_their_codes_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with acting_for("T1"), injecting(kms_error("DisabledException")()), pytest.raises(Unavailable) as refusal:
        new_vault().seal("T1", "a", WebhookSecrets.create())
    (record,) = [one for one in caplog.records if one.getMessage() == "KMS failed"]
    assert "DisabledException" in repr(record.__dict__)
    assert "Bearer" not in str(refusal.value)
